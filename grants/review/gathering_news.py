"""News of one finding in many clusters as one: in how many it is, and which are unlike the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from grants.review.finding import Finding, worst_first
from grants.review.findings.look import few
from grants.review.news import News, Untold
from grants.review.spread import spread

_NAMED: Final = 3
_LACKS: Final = "lacks it"


@dataclass(frozen=True, slots=True)
class Gathered:
    """One finding of which something is news, as it is where it is worst, and where that is so."""

    finding: Finding
    news: News
    clusters: tuple[str, ...]


def gathered(news: Iterable[Untold]) -> tuple[Gathered, ...]:
    """Put the same findings of several clusters together, worst first.

    New in one cluster and back in another is new; what is gone in some stands by itself.
    """
    found: dict[tuple[str, bool], list[Untold]] = {}
    for one in news:
        found.setdefault((one.finding.fingerprint, one.news is News.GONE), []).append(one)
    made = (_gathered(those) for those in found.values())
    return tuple(sorted(made, key=lambda one: worst_first(one.finding)))


def _gathered(those: Sequence[Untold]) -> Gathered:
    worst = min((one.finding for one in those), key=worst_first)
    kinds = {one.news for one in those}
    news = next(kind for kind in News if kind in kinds)
    return Gathered(worst, news, tuple(sorted({one.finding.cluster for one in those})))


def where_words(one: Gathered, places: Sequence[Finding], clusters: Sequence[str]) -> str:
    """Say where the rights hold, and in which clusters; of a single cluster that is known.

    `places` is the finding wherever it is open now, what was told before included.
    """
    found = one.finding
    place = found.namespace or ("everywhere" if found.binding else "")
    if len(clusters) == 1:
        return place
    return f"{place} {_among(one, places, clusters)}".strip()


def _among(one: Gathered, places: Sequence[Finding], clusters: Sequence[str]) -> str:
    there = {place.cluster for place in places}
    count = f"in {len(there)} of {len(clusters)} clusters"
    named = f"on {few(one.clusters, _NAMED)}"
    if one.news is News.GONE:
        return f"{named}, still {count}" if there else named
    if there - set(one.clusters):
        return f"{named}, now {count}" + _odd(places, clusters)
    return named if len(there) < 2 else count + f": {few(there, _NAMED)}" + _odd(places, clusters)  # noqa: PLR2004 - one is no spread


def _odd(places: Sequence[Finding], clusters: Sequence[str]) -> str:
    """Name a cluster in which it is something else than in most."""
    differs = [
        (cluster, how)
        for one in spread(places, clusters)
        for cluster, how in one.differs
        if how != _LACKS
    ]
    return f"; {differs[0][0]} {differs[0][1]}" if differs else ""
