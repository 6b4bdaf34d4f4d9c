"""Two looks at manifests, before and after a change, held against each other."""

from collections.abc import Iterator
from typing import Final

from grants.authz.objects import SERVICE_ACCOUNT, Meta, Role, Subject
from grants.policy.review_model import ReviewPolicy
from grants.review.changes.given import Given, caller_of, given_beyond, parties
from grants.review.changes.model import Change, NewFinding, Risk, SubjectChange
from grants.review.changes.new_paths import new_paths
from grants.review.finding import Finding, Severity
from grants.review.findings.exceptions import covers, names_of
from grants.review.findings.granted import Judge
from grants.review.findings.look import Look
from grants.review.findings.scanning import review
from grants.review.inventory import ReadProblem

_NOTHING_THERE: Final = frozenset({"empty", "nothing-inside"})
_Key = tuple[str, str, str, str]


def compare(base: Look, head: Look) -> Change:
    """Say what the change from one look to the other gives, takes and brings."""
    judge = Judge(head.own)
    subjects = tuple(sorted(_subjects(base, head, judge), key=_worst_first))
    before, after = review(base).findings, review(head).findings
    fresh = tuple(_fresh(before, after, subjects, head.policy))
    left = {_key(one) for one in after}
    return Change(
        taken_at=head.now,
        subjects=subjects,
        findings=fresh,
        paths=tuple(new_paths(base, head)),
        resolved=len({_key(one) for one in before} - left),
        partial=tuple(
            side
            for side, look in (("base", base), ("head", head))
            if any(_loses(problem) for problem in look.inventory.problems)
        ),
    )


def _loses(problem: ReadProblem) -> bool:
    """Tell whether something is missing; that there was, or will be, nothing is no loss."""
    return problem.loses and problem.code not in _NOTHING_THERE


def _subjects(base: Look, head: Look, judge: Judge) -> Iterator[SubjectChange]:
    for subject in sorted(_everybody(base) | _everybody(head)):
        caller = caller_of(subject)
        gained = given_beyond(head.rbac, base.rbac, caller)
        lost = given_beyond(base.rbac, head.rbac, caller)
        if gained or lost:
            risks = tuple(_risks(subject, gained, judge, head))
            born = _is_born(subject, base, head)
            yield SubjectChange(subject, gained, lost, risks, born)


def _everybody(look: Look) -> set[Subject]:
    named = {Subject(SERVICE_ACCOUNT, name, namespace) for namespace, name in look.accounts}
    return named | set(parties(look.rbac))


def _is_born(subject: Subject, base: Look, head: Look) -> bool:
    name = subject.namespace, subject.name
    is_account = subject.kind == SERVICE_ACCOUNT
    return is_account and name in head.accounts and name not in base.accounts


def _risks(subject: Subject, gained: tuple[Given, ...], judge: Judge, head: Look) -> Iterator[Risk]:
    """Judge what is gained in each place together: some risks need two rights."""
    places: dict[str | None, list[Given]] = {}
    for one in gained:
        places.setdefault(one.scope, []).append(one)
    for scope, given in places.items():
        rules = tuple(rule for one in given for rule in one.rules)
        for judged in judge.judge(Role("ClusterRole", Meta("gained"), rules), scope):
            allowed = _allowed(judged.rule, scope, subject, given, head)
            yield Risk(judged.rule, judged.severity, scope, allowed)


def _allowed(rule: str, scope: str | None, subject: Subject, given: list[Given], head: Look) -> str:
    """Give policy's reason for letting this pass; every role that it comes by must be meant."""
    account, other = names_of(subject)
    roles = {f"{one.role.kind} {one.role.meta.name}" for one in given}
    for allow in head.policy.allow:
        meant = (
            allow.scope.covers(
                rule, head.cluster, namespace=scope, account=account, subject=other, role=role
            )
            for role in roles
        )
        if all(meant):
            return allow.reason
    return ""


def _fresh(
    before: tuple[Finding, ...],
    after: tuple[Finding, ...],
    subjects: tuple[SubjectChange, ...],
    policy: ReviewPolicy,
) -> Iterator[NewFinding]:
    """Give the findings that are new or worse; a binding with another name is no news."""
    known: dict[_Key, Severity] = {}
    for one in before:
        known[_key(one)] = max(one.severity, known.get(_key(one), Severity.INFO))
    shown = {(one.subject, risk.rule, risk.scope) for one in subjects for risk in one.risks}
    told = set()
    for one in after:
        key = _key(one)
        is_known = key in known and known[key] >= one.severity
        if key in told or (is_known and (one.subject, one.rule, one.namespace) not in shown):
            continue
        told.add(key)
        allow = next((a.reason for a in policy.allow if covers(a.scope, one)), "")
        yield NewFinding(one, allow)


def _key(one: Finding) -> _Key:
    """Name a finding by whom and what it is about, whatever the binding is called."""
    role = "" if one.subject else f"{one.role_namespace}/{one.role}"
    return one.rule, str(one.subject or role), one.namespace or "", one.aspect


_NOTHING: Final = -1


def _worst_first(one: SubjectChange) -> tuple[int, bool, Subject]:
    severity = one.severity
    return (-(_NOTHING if severity is None else severity), not one.gained, one.subject)
