"""Findings of bindings that lead to what does not exist: it comes alive for whoever makes that.

In files something may well stand elsewhere, so there each missing thing is told once, as a
question; in a cluster each binding that names it is a finding.
"""

from collections.abc import Iterator
from dataclasses import replace

from grants.authz.model import RoleRef
from grants.authz.objects import SERVICE_ACCOUNT, Binding, Role, Subject
from grants.review.finding import Finding, Severity, Verdict
from grants.review.findings.bound import of_binding
from grants.review.findings.granted import Judge
from grants.review.findings.look import Look, few, is_default, subjects_of
from grants.review.findings.severity import worse

_RULE = "dangling-binding"


def dangling_findings(look: Look, judge: Judge) -> Iterator[Finding]:
    """Give what bindings name and what is not there."""
    unsure: dict[Subject | tuple[RoleRef, str], list[Finding]] = {}
    for binding in look.rbac.bindings:
        role = look.rbac.role_of(binding)
        if role is None:
            found = _no_role(look, binding)
            if look.is_whole(binding.role.kind):
                yield found
            else:
                place = binding.namespace or "" if binding.role.kind == "Role" else ""
                unsure.setdefault((binding.role, place), []).append(found)
        for subject in subjects_of(binding):
            if _is_missing(look, subject):
                found = _no_account(look, judge, binding, role, subject)
                if look.is_whole("ServiceAccount"):
                    yield found
                else:
                    unsure.setdefault(subject, []).append(found)
    yield from (_unsure(look, what, founds) for what, founds in unsure.items())


def _is_missing(look: Look, subject: Subject) -> bool:
    if subject.kind != SERVICE_ACCOUNT or not subject.namespace:
        return False
    return (subject.namespace, subject.name) not in look.accounts and not is_default(subject)


def _no_role(look: Look, binding: Binding) -> Finding:
    evidence = f"{binding.role} does not exist; the binding gives nothing until somebody makes it"
    found = of_binding(look, _RULE, Severity.LOW, binding, None, None, (evidence,))
    return replace(found, aspect="role")


def _no_account(
    look: Look, judge: Judge, binding: Binding, role: Role | None, subject: Subject
) -> Finding:
    judged = judge.judge(role, binding.namespace) if role is not None else ()
    worst = max((one.severity for one in judged), default=Severity.LOW)
    evidence = f"{subject} does not exist; whoever makes an account of that name has its rights"
    severity = max(Severity.LOW, worse(worst, -1))
    return of_binding(look, _RULE, severity, binding, role, subject, (evidence,))


def _unsure(look: Look, what: Subject | tuple[RoleRef, str], founds: list[Finding]) -> Finding:
    worst = max(founds, key=lambda one: one.severity)
    bindings = few([str(one.binding) for one in founds])
    kind = what.kind if isinstance(what, Subject) else what[0].kind
    name = what if isinstance(what, Subject) else what[0]
    how = f"read the cluster, or give the files that hold every {kind}"
    return replace(
        worst,
        binding=None,
        namespace=None,
        permission=(),
        title=f"{name} is named and was not read",
        fix="",
        verdict=Verdict.INSUFFICIENT,
        evidence=(f"named by {bindings}",),
        missing=(f"{name} was not among what was read", _elsewhere(look, what) or how),
    )


def _elsewhere(look: Look, what: Subject | tuple[RoleRef, str]) -> str:
    """Say where an account of that name was read: files often leave the namespace to `apply`."""
    if not isinstance(what, Subject):
        return ""
    places = [namespace for namespace, name in look.accounts if name == what.name]
    if not places:
        return ""
    return f"one of that name was read in {few(places)}; say --namespace {what.namespace}"


def misplaced(look: Look) -> frozenset[tuple[str, str]]:
    """Give accounts read from files under a name that bindings use in another namespace."""
    if look.is_cluster:
        return frozenset()
    named = {
        subject.name
        for binding in look.rbac.bindings
        for subject in subjects_of(binding)
        if _is_missing(look, subject)
    }
    return frozenset(name for name in look.accounts if name[1] in named)
