"""Exceptions of policy, laid upon findings: which one is about it, and whether it still counts."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from grants.authz.model import rules_digest
from grants.authz.objects import ACCOUNT_PREFIX, SERVICE_ACCOUNT, Subject
from grants.authz.risks import granted
from grants.policy.patterns import matches
from grants.policy.review_model import Premise, ReviewException, Scope
from grants.review.finding import Excepted, Finding
from grants.review.findings.look import RUNNING_KINDS, Look, few
from grants.review.findings.severity import is_bounded

_MISSED_MOST: Final = 3


def with_exceptions(look: Look, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Lay the exceptions of policy upon findings; of several one that counts is taken."""
    by_rule: dict[str, list[ReviewException]] = {}
    for exception in look.policy.exceptions:
        for rule in exception.scope.rules:
            by_rule.setdefault(rule, []).append(exception)
    for finding in findings:
        known = by_rule.get(finding.rule)
        yield _excepted(look, finding, known) if known else finding


def _excepted(look: Look, finding: Finding, known: list[ReviewException]) -> Finding:
    found = None
    for exception in known:
        if covers(exception.scope, finding):
            why = _fails(look, exception, finding)
            found = Excepted(exception.reason, exception.owner, exception.until, why)
            if not why:
                break
    return finding if found is None else replace(finding, exception=found)


def covers(scope: Scope, finding: Finding) -> bool:
    """Tell whether a scope of policy is about a finding."""
    account, other = names_of(finding.subject)
    return scope.covers(
        finding.rule,
        finding.cluster,
        namespace=finding.namespace,
        account=account,
        subject=other,
        role=f"{finding.role.kind} {finding.role.name}" if finding.role else "",
    )


def names_of(subject: Subject | None) -> tuple[str, str]:
    """Name a subject as policy does: `namespace/name` of an account, or `User NAME`."""
    if subject is None:
        return "", ""
    if subject.kind == SERVICE_ACCOUNT:
        return f"{subject.namespace}/{subject.name}", ""
    if subject.name.startswith(ACCOUNT_PREFIX):
        # The same account in its other spelling; it must not escape by it, nor lose by it.
        return subject.name.removeprefix(ACCOUNT_PREFIX).replace(":", "/", 1), str(subject)
    return "", str(subject)


def _fails(look: Look, exception: ReviewException, finding: Finding) -> str:
    """Say why an exception does not count at this look; "" when it counts."""
    if look.now.date() > exception.until:
        return f"it ended with {exception.until.isoformat()}"
    reasons = (check(look, exception.premise, finding) for check in _PREMISES)
    return next((reason for reason in reasons if reason), "")


def _used_only_by(look: Look, premise: Premise, finding: Finding) -> str:
    if not premise.used_only_by:
        return ""
    account = names_of(finding.subject)[0]
    if not account:
        return "what runs as it can't be checked: it is no service account"
    unseen = [kind for kind in RUNNING_KINDS if not look.is_whole(kind)]
    if look.is_cluster and unseen:
        return f"what runs as it can't be checked: {few(unseen, len(unseen))} not seen"
    namespace, _, name = account.partition("/")
    running = look.names_of_users((namespace, name))
    others = {one for one in running if not any(matches(p, one) for p in premise.used_only_by)}
    return f"it is used by {few(others, _MISSED_MOST)} as well" if others else ""


def _same_rules(look: Look, premise: Premise, finding: Finding) -> str:
    if not premise.same_rules:
        return ""
    role = look.role(finding.role, finding.role_namespace)
    if role is None:
        return "the role's rules can't be checked: it was not read"
    same = rules_digest(role.rules) == premise.same_rules
    return "" if same else "the role gives something else than was looked at"


def _named_only(look: Look, premise: Premise, finding: Finding) -> str:
    if not premise.named_only:
        return ""
    role = look.role(finding.role, finding.role_namespace)
    guilty = granted(role.rules, finding.namespace).get(finding.rule) if role else None
    if guilty is None:
        return "whether it is on named objects only can't be checked"
    bounded = all(is_bounded(rule) for rule in guilty)
    return "" if bounded else "it is on more than named objects"


def _namespace_labels(look: Look, premise: Premise, finding: Finding) -> str:
    if not premise.namespace_labels:
        return ""
    name = finding.namespace or (finding.subject.namespace if finding.subject else "")
    meta = look.namespaces.get(name)
    if meta is None:
        return f"the labels of namespace {name or '(none)'} can't be checked: it was not read"
    wrong = [key for key, value in premise.namespace_labels if meta.labels.get(key) != value]
    return f"namespace {name} has another {few(wrong, _MISSED_MOST)}" if wrong else ""


_PREMISES: Final = (_used_only_by, _same_rules, _named_only, _namespace_labels)
