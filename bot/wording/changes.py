"""What a change of manifests does to rights, in words; names come out of it as they are."""

from collections.abc import Iterator
from typing import Final

from grants.authz.objects import SERVICE_ACCOUNT, Subject
from grants.authz.words import in_few_words
from grants.review.changes.given import Given
from grants.review.changes.model import Change, SubjectChange
from grants.review.finding import Finding

PARTIAL: Final = {
    "base": "Not all that stood there before could be read, so more may seem gained than is.",
    "head": "Not all that is to stand there could be read, so what is missing was not judged.",
}
NO_CHANGE: Final = "No service account, user or group gains or loses a right."


def who_words(subject: Subject) -> str:
    """Name an account as namespace/name, others with their kind."""
    if subject.kind == SERVICE_ACCOUNT:
        return f"{subject.namespace}/{subject.name}"
    return f"{subject.kind.lower()} {subject.name}"


def where_words(scope: str | None) -> str:
    """Say where rights hold."""
    return "everywhere" if scope is None else f"in namespace {scope}"


def what_words(given: Given, most: int = 6) -> str:
    """Say what is given, and where."""
    return f"{where_words(given.scope)}: {in_few_words(given.rules, most)}"


def by_words(given: Given) -> str:
    """Say by what it is given."""
    role = f"{given.role.kind} {given.role.meta.name}"
    group = f", as a member of {given.subject.name}" if given.subject.kind == "Group" else ""
    return f"by {given.binding} of {role}{group}"


def risks_words(one: SubjectChange) -> str:
    """Name the risks of what is gained; those that policy allows say so."""
    names = {
        f"{risk.rule} (allowed: {risk.allowed})" if risk.allowed else risk.rule
        for risk in one.risks
    }
    return ", ".join(sorted(names))


def finding_words(one: Finding) -> str:
    """Say a finding on one line."""
    who = f"{who_words(one.subject)}: " if one.subject else ""
    place = f", {where_words(one.namespace)}" if one.binding else ""
    return f"{who}{one.title}{place}"


def summary_words(change: Change) -> str:
    """Say how much there is, in one sentence."""
    gaining = sum(bool(one.gained) for one in change.subjects)
    losing = sum(bool(one.lost) for one in change.subjects)
    parts = [
        f"{_count(gaining, 'subject')} gaining rights",
        f"{losing} losing some",
        f"{_count(len(change.findings), 'new finding')}",
        f"{_count(len(change.paths), 'new escalation path')}",
    ]
    return f"{', '.join(parts)}; {_count(change.resolved, 'finding')} resolved."


def told_subjects(change: Change) -> Iterator[tuple[SubjectChange, int]]:
    """Give the subjects to tell of, each with the number of accounts that are told with it.

    Where a whole group gains, each of its accounts does; the group is told once.
    """
    groups = [one for one in change.subjects if one.subject.kind == "Group"]
    told = {one.subject.name for one in groups}
    within: dict[str, int] = {}
    for one in change.subjects:
        if one.subject.kind != "Group" and one.by_group_alone:
            for name in {given.subject.name for given in (*one.gained, *one.lost)}:
                within[name] = within.get(name, 0) + 1
    for one in change.subjects:
        names = {given.subject.name for given in (*one.gained, *one.lost)}
        if one.subject.kind != "Group" and one.by_group_alone and names <= told:
            continue
        yield one, within.get(one.subject.name, 0) if one.subject.kind == "Group" else 0


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
