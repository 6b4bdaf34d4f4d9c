"""Findings from whom bindings name, and from roles that add themselves to others."""

from collections.abc import Iterator
from typing import Final

from grants.authz.matching import ANY
from grants.authz.model import Rule
from grants.authz.objects import (
    ACCOUNTS_GROUP,
    ANONYMOUS,
    AUTHENTICATED,
    GROUP,
    MASTERS,
    UNAUTHENTICATED,
    USER,
    Binding,
    Role,
    Subject,
)
from grants.authz.rbac import effective
from grants.authz.words import in_few_words, rule_lines
from grants.review.finding import Finding, Severity, binding_ref
from grants.review.findings.catalogue import CATALOGUE
from grants.review.findings.components import component_binding
from grants.review.findings.granted import Judge
from grants.review.findings.look import Look, few, is_default, subjects_of
from grants.review.findings.severity import worse

_NOBODY: Final = Subject("", "")
_EVERYBODY: Final = {
    (USER, ANONYMOUS): "anonymous-bound",
    (GROUP, UNAUTHENTICATED): "anonymous-bound",
    (GROUP, AUTHENTICATED): "authenticated-bound",
    (GROUP, MASTERS): "masters-bound",
}


def bound_findings(look: Look, judge: Judge) -> Iterator[Finding]:
    """Give what shows by subjects and roles that bindings name."""
    for binding in look.rbac.bindings:
        role = look.rbac.role_of(binding)
        for subject in subjects_of(binding):
            yield from _of_subject(look, judge, binding, role, subject)


def _of_subject(
    look: Look, judge: Judge, binding: Binding, role: Role | None, subject: Subject
) -> Iterator[Finding]:
    rule = _EVERYBODY.get((subject.kind, subject.name))
    if rule is not None and role is not None:
        yield _everybody(look, judge, rule, binding, role, subject)
    if role is not None and _holds_default(subject):
        yield _default(look, judge, binding, role, subject)


def _everybody(
    look: Look, judge: Judge, rule: str, binding: Binding, role: Role, subject: Subject
) -> Finding:
    """Rights of everybody are worse than the same rights of one; masters need none of them."""
    if rule == "masters-bound":
        evidence = ("its members may do anything, whatever this binding says, and for ever",)
        return of_binding(look, rule, Severity.MEDIUM, binding, role, subject, evidence)
    least = Severity.HIGH if rule == "anonymous-bound" else Severity.MEDIUM
    rules = effective(role.rules, binding.namespace)
    if not any(_says_something(one) for one in rules):
        least = Severity.LOW
    worst = max((one.severity for one in judge.judge(role, binding.namespace)), default=least)
    severity = max(least, worse(worst)) if worst > least else least
    return of_binding(look, rule, severity, binding, role, subject, _gives(rules))


def _says_something(rule: Rule) -> bool:
    """Tell whether a rule gives more than discovery and asking about oneself."""
    return any(
        resource != ANY and not resource.startswith("self") for resource in rule.resources
    ) or ANY in (*rule.resources, *rule.non_resource_urls)


def _gives(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    words = in_few_words(rules)
    return (f"it gives: {words}",) if words else ("it gives nothing that has an effect",)


def _holds_default(subject: Subject) -> bool:
    """Tell whether it is a namespace's default account, or a group that holds all of them."""
    if subject.kind == GROUP:
        return subject.name == ACCOUNTS_GROUP or subject.name.startswith(f"{ACCOUNTS_GROUP}:")
    return is_default(subject) or (
        subject.kind == USER
        and subject.name.startswith("system:serviceaccount:")
        and subject.name.endswith(":default")
    )


def _default(look: Look, judge: Judge, binding: Binding, role: Role, subject: Subject) -> Finding:
    rules = effective(role.rules, binding.namespace)
    worst = max(
        (one.severity for one in judge.judge(role, binding.namespace)), default=Severity.LOW
    )
    severity = max(Severity.MEDIUM if binding.namespace is None else Severity.LOW, worst)
    if not any(_says_something(one) for one in rules):
        severity = Severity.LOW
    names = look.names_of_users((subject.namespace, subject.name))
    runs = (f"runs as it: {few(names)}",) if names else ()
    evidence = (*_gives(rules), *runs)
    return of_binding(look, "default-sa-bound", severity, binding, role, subject, evidence)


def of_binding(
    look: Look,
    rule: str,
    severity: Severity,
    binding: Binding,
    role: Role | None,
    subject: Subject | None,
    evidence: tuple[str, ...],
) -> Finding:
    """Make a finding about a binding, and about one that it names (None: about itself)."""
    entry, ref = CATALOGUE[rule], binding_ref(binding)
    aside, why = component_binding(binding.meta, subject or _NOBODY)
    words = {"role": str(binding.role), "binding": str(ref), "subject": str(subject or "nobody")}
    rules = effective(role.rules, binding.namespace) if role is not None else ()
    return Finding(
        rule=rule,
        severity=severity,
        cluster=look.cluster,
        title=entry.title,
        fix=entry.fix.format_map(words),
        subject=subject,
        namespace=binding.namespace,
        role=binding.role,
        role_namespace=role.meta.namespace if role is not None else "",
        binding=ref,
        permission=rule_lines(rules),
        origin=binding.meta.origin,
        evidence=evidence,
        reached=look.reached_by(subject) if subject is not None else (),
        owner=look.owner_of(subject),
        controls=entry.controls,
        aside=aside,
        aside_why=why,
    )
