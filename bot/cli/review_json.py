"""The JSON form of a scan: a contract, with its schema in docs/review.schema.json."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from bot.wording.reading import read_problem_sentence
from bot.wording.review import gap_sentence
from grants.authz.objects import Subject
from grants.review.finding import Finding
from grants.review.findings.look import Look
from grants.review.findings.scanning import Review
from grants.review.scan import Scan
from grants.review.tracking import Known, State

SCHEMA: Final = "valetkey/review/v1"
SCHEMA_ID: Final = "urn:valetkey:review:v1"
REACHED_SHOWN: Final = 20
"""Of accounts that hold a right by a group; their number is said too."""

ID_LENGTH: Final = 8
"""As many digits of a fingerprint tell findings of one scan apart, and are typed by people."""


class ControlOut(msgspec.Struct, frozen=True):
    """A point of a published benchmark or matrix."""

    framework: str
    id: str


class NameOut(msgspec.Struct, frozen=True):
    """An object or a subject; a namespace of null is none."""

    kind: str
    name: str
    namespace: str | None


class ReachedOut(msgspec.Struct, frozen=True):
    """The service accounts that hold the right: how many, and the first of them."""

    count: int
    first: tuple[str, ...]


class ApartOut(msgspec.Struct, frozen=True):
    """Whose part it is (system or managed), and by what that is known."""

    kind: str
    why: str


class ExceptionOut(msgspec.Struct, frozen=True):
    """An exception of policy; `fails` says why it does not count, null: it counts."""

    reason: str
    owner: str
    until: str
    fails: str | None


class FindingOut(msgspec.Struct, frozen=True):
    """One finding. `state` is null where there was nothing to compare with."""

    id: str
    key: str
    fingerprint: str
    rule: str
    severity: str
    verdict: str
    state: str | None
    title: str
    cluster: str | None
    namespace: str | None
    subject: NameOut | None
    role: NameOut | None
    binding: NameOut | None
    permission: tuple[str, ...]
    evidence: tuple[str, ...]
    missing: tuple[str, ...]
    reached: ReachedOut
    owner: str | None
    aspect: str | None
    implies: tuple[str, ...]
    controls: tuple[ControlOut, ...]
    fix: str
    file: str | None
    line: int | None
    set_apart: ApartOut | None
    exception: ExceptionOut | None
    first_seen: str | None


class ResolvedOut(msgspec.Struct, frozen=True):
    """A finding that is gone."""

    key: str
    rule: str
    subject: str
    cluster: str | None
    first_seen: str
    resolved_at: str | None


class GapOut(msgspec.Struct, frozen=True):
    """Something that was not seen."""

    code: str
    facts: dict[str, str]
    says: str


class ProblemOut(msgspec.Struct, frozen=True):
    """Something that could not be read as it stands."""

    code: str
    file: str | None
    line: int | None
    says: str


class LookOut(msgspec.Struct, frozen=True):
    """One cluster, or files (a cluster of null): how much of it was looked at."""

    cluster: str | None
    taken_at: str
    looked_at: dict[str, int]
    partial: bool
    not_seen: tuple[GapOut, ...]
    problems: tuple[ProblemOut, ...]


class ScanOut(msgspec.Struct, frozen=True):
    """A scan. `counts` are of open findings by severity, and of the others by why they are not."""

    schema: str
    looks: tuple[LookOut, ...]
    counts: dict[str, int]
    findings: tuple[FindingOut, ...]
    resolved: tuple[ResolvedOut, ...]


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of this form."""
    (found,), parts = msgspec.json.schema_components([ScanOut], ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **found,
        "$defs": parts,
    }


def as_json(scan: Scan) -> bytes:
    """Write a scan."""
    return msgspec.json.encode(
        ScanOut(
            SCHEMA,
            tuple(_look(*pair) for pair in zip(scan.looks, scan.reviews, strict=True)),
            counts(scan.findings),
            tuple(finding_out(one, scan.states.get(one.key)) for one in scan.findings)
            if scan.states
            else tuple(finding_out(one, None) for one in scan.findings),
            tuple(_resolved(one) for one in scan.resolved),
        )
    )


def counts(findings: Iterable[Finding]) -> dict[str, int]:
    """Count findings by how they stand."""
    found = Counter(_standing(one) for one in findings)
    names = ("critical", "high", "medium", "low", "info", "insufficient", "excepted", "set_apart")
    return {name: found[name] for name in names}


def _standing(finding: Finding) -> str:
    if finding.is_open:
        return finding.severity.word
    if finding.aside:
        return "set_apart"
    return "excepted" if finding.is_excepted else "insufficient"


def short_id(finding: Finding) -> str:
    """Give what people type for a finding."""
    return finding.fingerprint[:ID_LENGTH]


def finding_out(one: Finding, state: State | None) -> FindingOut:
    """Give a finding in the form that is written."""
    fingerprint, cluster = one.fingerprint, one.cluster
    role = one.role
    return FindingOut(
        id=fingerprint[:ID_LENGTH],
        key=f"{fingerprint}@{cluster}" if cluster else fingerprint,
        fingerprint=fingerprint,
        rule=one.rule,
        severity=one.severity.word,
        verdict=one.verdict.value,
        state=None if state is None else state.value,
        title=one.title,
        cluster=cluster or None,
        namespace=one.namespace,
        subject=_subject(one.subject),
        role=NameOut(role.kind, role.name, one.role_namespace or None) if role else None,
        binding=NameOut(one.binding.kind, one.binding.name, one.binding.namespace or None)
        if one.binding
        else None,
        permission=one.permission,
        evidence=one.evidence,
        missing=one.missing,
        reached=ReachedOut(
            len(one.reached), tuple(f"{r.namespace}/{r.name}" for r in one.reached[:REACHED_SHOWN])
        ),
        owner=one.owner or None,
        aspect=one.aspect or None,
        implies=one.implies,
        controls=tuple(ControlOut(*control) for control in one.controls),
        fix=one.fix,
        file=one.origin.file if one.origin else None,
        line=one.origin.line or None if one.origin else None,
        set_apart=ApartOut(one.aside.value, one.aside_why) if one.aside else None,
        exception=_exception(one),
        first_seen=_moment(one.first_seen),
    )


def _subject(subject: Subject | None) -> NameOut | None:
    if subject is None:
        return None
    return NameOut(subject.kind, subject.name, subject.namespace or None)


def _exception(one: Finding) -> ExceptionOut | None:
    held = one.exception
    if held is None:
        return None
    return ExceptionOut(held.reason, held.owner, held.until.isoformat(), held.fails or None)


def _look(look: Look, review: Review) -> LookOut:
    return LookOut(
        review.cluster or None,
        review.taken_at.isoformat(),
        dict(review.looked_at),
        look.inventory.partial,
        tuple(GapOut(gap.code, dict(gap.facts), gap_sentence(gap)) for gap in review.gaps),
        tuple(_problems(look)),
    )


def _problems(look: Look) -> Iterator[ProblemOut]:
    for one in look.inventory.problems:
        origin = one.origin
        says = read_problem_sentence(one)
        yield ProblemOut(one.code, origin.file or None, origin.line or None, says)


def _resolved(one: Known) -> ResolvedOut:
    return ResolvedOut(
        one.key,
        one.rule,
        one.subject,
        one.cluster or None,
        one.first_seen.isoformat(),
        _moment(one.resolved_at),
    )


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
