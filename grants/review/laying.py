"""Lays what reviewers kept upon findings, between the judging of a scan and what becomes of them.

A keep that no longer holds is ended here, for good: what comes back is asked anew. Where not all
was read, one that seems not to hold does not count this time and is ended by nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from grants.review.answers import Answer, AnswerKind, Ended
from grants.review.finding import Excepted, Finding
from grants.review.substance import CHANGED, Substance


@dataclass(frozen=True, slots=True)
class Laid:
    """The findings with what is kept upon them, and the answers that are ended now."""

    findings: tuple[Finding, ...]
    ended: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Laying:
    """What keeps are tried against: findings' substances, when each cluster was looked at, which
    of them were read whole, and how long the policy in force lets a finding be kept.

    Without that (None) a scan goes by another policy or none, as one by hand may: it ends nothing.
    """

    substances: Mapping[str, Substance]
    now: Mapping[str, datetime]
    whole: Collection[str]
    keep_at_most: timedelta | None = None

    def lay(self, findings: Sequence[Finding], answers: Iterable[Answer]) -> Laid:
        """Try each keep that stands against what its finding is now."""
        kept = {one.finding: one for one in answers if one.kind is AnswerKind.KEPT and one.stands}
        ended: list[Answer] = []
        laid = []
        for finding in findings:
            answer = kept.get(finding.key) if kept else None
            if answer is not None and finding.cluster in self.now:
                tried, held = self._tried(answer, finding)
                laid.append(held)
                ended += () if tried.stands else (tried,)
            else:
                laid.append(finding)
        return Laid(tuple(laid), tuple(ended))

    def _tried(self, answer: Answer, finding: Finding) -> tuple[Answer, Finding]:
        now = self.now[finding.cluster]
        final = self.keep_at_most is not None
        last = last_day_of(answer, self.keep_at_most)
        if now.date() > last:
            fails = f"it ended with {last.isoformat()}"
            ended = replace(answer, ended=Ended.OVER, ended_at=now)
            return (ended, finding) if final else (answer, excepted(finding, answer, last, fails))
        what = answer.substance.outgrown_by(self.substances[finding.key])
        if what and final and finding.cluster in self.whole:
            return replace(answer, ended=Ended.CHANGED, ended_at=now, ended_by=what), finding
        return answer, excepted(finding, answer, last, CHANGED[what] if what else "")


def ended_with(answers: Iterable[Answer], gone: Mapping[str, datetime]) -> tuple[Answer, ...]:
    """End the answers to findings that are gone, each at its time."""
    return tuple(
        replace(one, ended=Ended.GONE, ended_at=gone[one.finding])
        for one in answers
        if one.stands and one.finding in gone
    )


def last_day_of(answer: Answer, keep_at_most: timedelta | None) -> date:
    """Give the last day on which a keep counts: policy may have come to allow less since."""
    until = answer.until or answer.at.date()
    return until if keep_at_most is None else min(until, (answer.at + keep_at_most).date())


def excepted(finding: Finding, answer: Answer, until: date, fails: str = "") -> Finding:
    """Lay a keep upon its finding. An exception of policy that counts stays: all can read it."""
    if finding.is_excepted:
        return finding
    held = Excepted(answer.reason, answer.person, until, fails, answer.id)
    return replace(finding, exception=held)
