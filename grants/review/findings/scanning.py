"""The whole catalogue tried on one look, and what the look could not show."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from grants.authz.outside import Outside, Sight
from grants.authz.paths.find import Paths
from grants.garbage import without_gc
from grants.review.finding import Finding, worst_first
from grants.review.findings.accounts import account_findings
from grants.review.findings.aggregated import aggregate_findings
from grants.review.findings.beside import beside_findings
from grants.review.findings.bound import bound_findings
from grants.review.findings.dangling import dangling_findings
from grants.review.findings.escalations import path_findings
from grants.review.findings.exceptions import with_exceptions
from grants.review.findings.granted import Judge, granted_findings
from grants.review.findings.look import Look
from grants.review.findings.verdicts import UseEvidence, use_findings
from grants.review.inventory import KINDS, Seen


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that was not seen, so that nothing is said of it: a stable code, and facts."""

    code: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """What one look at one cluster (or at files, "") showed: worst first."""

    cluster: str
    taken_at: datetime
    findings: tuple[Finding, ...]
    gaps: tuple[Gap, ...] = ()
    looked_at: tuple[tuple[str, int], ...] = ()


_NEEDED: Final = tuple(kind for kind in KINDS if kind not in {"ReplicaSet", "Secret"})


def review(look: Look, use: UseEvidence | None = None, paths: Paths | None = None) -> Review:
    """Try every rule of the catalogue; those of use where something was heard of it.

    Escalation paths are told where they were looked for: in a large cluster that takes longer than
    all other rules together.
    """
    with without_gc():
        findings = sorted(with_exceptions(look, _every(look, use, paths)), key=worst_first)
    found = look.inventory
    counts = (
        ("accounts", len(found.accounts)),
        ("roles", len(found.roles)),
        ("bindings", len(found.bindings)),
        ("workloads", len(found.workloads) + len(found.pods)),
    )
    return Review(look.cluster, look.now, tuple(findings), tuple(gaps_of(look, use)), counts)


def _every(look: Look, use: UseEvidence | None, paths: Paths | None) -> Iterator[Finding]:
    judge = Judge(look.own)
    yield from granted_findings(look, judge)
    yield from beside_findings(look, judge)
    yield from bound_findings(look, judge)
    yield from dangling_findings(look, judge)
    yield from aggregate_findings(look, judge)
    yield from account_findings(look)
    if use is not None:
        yield from use_findings(look, use, judge)
    if paths is not None:
        yield from path_findings(look, paths)


def gaps_of(look: Look, use: UseEvidence | None = None) -> Iterator[Gap]:
    """Say what was not seen of this cluster, and which rules of policy nobody asked for."""
    seen = look.inventory.seen
    if look.is_cluster:
        for how in (Seen.FORBIDDEN, Seen.FAILED, Seen.PARTLY, Seen.NOT_ASKED):
            kinds = [kind for kind in _NEEDED if seen.get(kind, Seen.NOT_ASKED) is how]
            if kinds:
                yield Gap(f"kinds-{how.value}", (("kinds", ", ".join(kinds)),))
        yield from _outside_gap(look.outside)
        if use is None:
            yield Gap("no-use")
    else:
        yield Gap("files-only")
    if not look.policy.annotations.asked:
        yield Gap("no-annotations")
    lost = sum(1 for problem in look.inventory.problems if problem.loses)
    if lost:
        yield Gap("read-problems", (("count", str(lost)),))


def _outside_gap(outside: Outside) -> Iterator[Gap]:
    if outside.sight is Sight.NOT_SEEN:
        yield Gap("outside-rbac")
    elif outside.sight is Sight.SOME:
        partly = (each.kind for each in outside.authorizers if each.sight is not Sight.ALL)
        yield Gap("outside-some", (("kinds", ", ".join(sorted(set(partly)))),))
