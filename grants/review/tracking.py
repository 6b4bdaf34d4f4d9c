"""What became of findings since they were known: new, known, back again, gone.

A finding is gone only where it was looked for and everything was read: one that a cluster did not
show because it answered 403 is not mended.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from grants.review.finding import Finding, Verdict


class State(StrEnum):
    """How a finding stands against what was known."""

    NEW = "new"
    KNOWN = "known"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of a finding: since when, and since when it was gone (None: it was there).

    `rule`, `subject` and `cluster` are for saying what is gone.
    """

    key: str
    cluster: str
    rule: str
    subject: str
    first_seen: datetime
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Findings with when they were first seen, how each stands by its key, and what is gone."""

    findings: tuple[Finding, ...]
    states: Mapping[str, State]
    resolved: tuple[Known, ...]

    def known(self) -> tuple[Known, ...]:
        """Give what is known now, to be kept for the next time."""
        return (*(known_of(finding) for finding in self.findings), *self.resolved)


def track(
    known: Iterable[Known], findings: Iterable[Finding], now: datetime, whole: Collection[str]
) -> Changes:
    """Compare with what was known; `whole` are the clusters in which all was read.

    What could not be judged this time has not gone away, and is no news either.
    """
    before = {one.key: one for one in known}
    states: dict[str, State] = {}
    seen = []
    for finding in findings:
        key = finding.key
        was = before.get(key)
        states[key] = _state(was)
        seen.append(replace(finding, first_seen=was.first_seen if was else now))
    gone = (
        replace(one, resolved_at=one.resolved_at or now)
        for one in before.values()
        if one.key not in states and (one.resolved_at is not None or one.cluster in whole)
    )
    return Changes(tuple(seen), states, tuple(gone))


def _state(was: Known | None) -> State:
    if was is None:
        return State.NEW
    return State.KNOWN if was.resolved_at is None else State.REOPENED


def known_of(finding: Finding) -> Known:
    """Give what is to be kept of a finding."""
    if finding.first_seen is None:
        raise ValueError("a finding is kept once it was tracked")
    return Known(
        finding.key,
        finding.cluster,
        finding.rule,
        str(finding.subject or finding.role or ""),
        finding.first_seen,
    )


def is_news(finding: Finding, state: State) -> bool:
    """Tell whether people should hear of it: it is new or back, and there is something to do."""
    return state is not State.KNOWN and finding.is_open and finding.verdict is Verdict.FOUND
