"""The same finding in many clusters as one, and the clusters that differ from the others."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from grants.review.finding import Finding, worst_first

CLUSTERS_LEAST: Final = 3
"""Of two clusters that differ, neither is the odd one."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One finding and all its places. `differs` names clusters unlike most others, and how."""

    finding: Finding
    places: tuple[Finding, ...]
    differs: tuple[tuple[str, str], ...] = ()

    @property
    def clusters(self) -> tuple[str, ...]:
        """Where it is."""
        return tuple(place.cluster for place in self.places)


def spread(findings: Iterable[Finding], clusters: Collection[str]) -> tuple[Spread, ...]:
    """Put the same findings of several clusters together, worst first.

    Those of one cluster are given in the order in which they come.
    """
    if len(clusters) == 1:
        return tuple(Spread(finding, (finding,)) for finding in findings)
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.fingerprint, []).append(finding)
    made = (_spread(places, clusters) for places in found.values())
    return tuple(sorted(made, key=lambda one: worst_first(one.finding)))


def _spread(places: list[Finding], clusters: Collection[str]) -> Spread:
    places = sorted(places, key=worst_first)
    return Spread(places[0], tuple(places), tuple(_differing(places, clusters)))


def _differing(places: list[Finding], clusters: Collection[str]) -> Iterator[tuple[str, str]]:
    """Name the clusters that differ from more than half of all of them."""
    if len(clusters) < CLUSTERS_LEAST:
        return
    contents = Counter((one.severity, one.permission) for one in places)
    ((severity, usual), count), *_ = contents.most_common(1)
    if count * 2 > len(clusters):
        for one in places:
            if (one.severity, one.permission) != (severity, usual):
                yield one.cluster, _how(one, usual)
        yield from ((cluster, "lacks it") for cluster in _others(places, clusters))
    elif len(places) * 2 < len(clusters):
        yield from ((one.cluster, "has it alone") for one in places if len(places) == 1)


def _others(places: list[Finding], clusters: Collection[str]) -> list[str]:
    there = {one.cluster for one in places}
    return sorted(cluster for cluster in clusters if cluster not in there)


def _how(one: Finding, usual: tuple[str, ...]) -> str:
    more = [line for line in one.permission if line not in usual]
    less = [line for line in usual if line not in one.permission]
    said = [f"has also: {'; '.join(more)}"] if more else []
    said += [f"has not: {'; '.join(less)}"] if less else []
    return "; ".join(said) or f"is {one.severity.word} there"
