"""A change of manifests as values: who gains and loses what, and what of it is of concern."""

from dataclasses import dataclass
from datetime import datetime

from grants.authz.objects import Origin, Subject
from grants.review.changes.given import Given
from grants.review.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Risk:
    """A rule of the catalogue that what is gained shows; `allowed` is policy's reason, or empty."""

    rule: str
    severity: Severity
    scope: str | None
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class SubjectChange:
    """What one subject gains and loses, by whatever way; risks are of what it gains."""

    subject: Subject
    gained: tuple[Given, ...] = ()
    lost: tuple[Given, ...] = ()
    risks: tuple[Risk, ...] = ()
    born: bool = False

    @property
    def severity(self) -> Severity | None:
        """How bad the gain is; None: nothing is gained, or policy allows all that is risky."""
        if not self.gained:
            return None
        open_risks = [risk.severity for risk in self.risks if not risk.allowed]
        if open_risks:
            return max(open_risks)
        return None if self.risks else Severity.LOW

    @property
    def by_group_alone(self) -> bool:
        """Tell whether all of it comes to whole groups, and is told with them."""
        every = (*self.gained, *self.lost)
        return bool(every) and all(one.subject.kind == "Group" for one in every)


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A finding that the change brings; `allowed` is policy's reason, or empty."""

    finding: Finding
    allowed: str = ""

    @property
    def severity(self) -> Severity | None:
        """How bad it is; None: policy allows it, or somebody answers for it."""
        return self.finding.severity if self.finding.is_open and not self.allowed else None


@dataclass(frozen=True, slots=True)
class NewPath:
    """A way to power that was not there before; steps in words, each with what allows it.

    `allowed` is policy's reason, or empty.
    """

    start: str
    goal: str
    steps: tuple[str, ...]
    weight: Severity
    origin: Origin | None = None
    allowed: str = ""

    @property
    def severity(self) -> Severity | None:
        """How bad it is; None: policy allows it."""
        return None if self.allowed else self.weight


@dataclass(frozen=True, slots=True)
class Change:
    """All that a change of manifests does to rights; worst first."""

    taken_at: datetime
    subjects: tuple[SubjectChange, ...]
    findings: tuple[NewFinding, ...]
    paths: tuple[NewPath, ...]
    resolved: int = 0
    partial: tuple[str, ...] = ()

    @property
    def worst(self) -> Severity | None:
        """The worst of what nobody allowed; None: nothing of concern."""
        found = (
            *(one.severity for one in self.subjects),
            *(one.severity for one in self.findings),
            *(one.severity for one in self.paths),
        )
        return max((one for one in found if one is not None), default=None)

    @property
    def untold(self) -> tuple[NewFinding, ...]:
        """The new findings that the risks of what is gained do not tell already.

        What is gained everywhere tells of each namespace, too.
        """
        told = {(one.subject, risk.rule, risk.scope) for one in self.subjects for risk in one.risks}
        return tuple(
            one
            for one in self.findings
            if not told
            & {
                (one.finding.subject, one.finding.rule, place)
                for place in (None, one.finding.namespace)
            }
        )

    @property
    def is_empty(self) -> bool:
        """Tell whether rights stay as they are."""
        return not (self.subjects or self.findings or self.paths)
