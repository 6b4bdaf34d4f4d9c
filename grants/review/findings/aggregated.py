"""Findings of roles that add themselves to those that people are given."""

from collections.abc import Iterator
from typing import Final

from grants.authz.builtin import BUILTIN
from grants.authz.objects import Meta, Role
from grants.authz.words import in_few_words, rule_lines
from grants.review.finding import Finding, Severity
from grants.review.findings.catalogue import CATALOGUE
from grants.review.findings.components import component_role
from grants.review.findings.granted import Judge
from grants.review.findings.look import Look
from grants.review.findings.severity import worse

_AGGREGATE: Final = "rbac.authorization.k8s.io/aggregate-to-"
_FOR_PEOPLE: Final = ("view", "edit", "admin")
_BUILTIN: Final = {n: Role("ClusterRole", Meta(n), BUILTIN[n]) for n in _FOR_PEOPLE}
_SOME: Final = "some-namespace"


def aggregate_findings(look: Look, judge: Judge) -> Iterator[Finding]:
    """Give the roles that add themselves to admin, edit or view, and what they add."""
    for read in look.inventory.roles:
        role = look.role(read.ref, "") if read.kind == "ClusterRole" and read.meta.labels else None
        if role is None:
            continue
        for target in _FOR_PEOPLE:
            if role.meta.labels.get(f"{_AGGREGATE}{target}") == "true":
                yield _aggregated(look, judge, role, target)


def _aggregated(look: Look, judge: Judge, role: Role, target: str) -> Finding:
    """Judge what people get by it that the role which they are given has not already.

    They are mostly given these roles in one namespace, so that is what is judged.
    """
    usual = judge.judge(_BUILTIN[target], _SOME)
    told = {id_ for one in usual for id_ in (one.rule, *one.implies)}
    new = [one for one in judge.judge(role, _SOME) if one.rule not in told]
    severity = max((worse(one.severity) for one in new), default=Severity.INFO)
    entry = CATALOGUE["aggregate-label"]
    aside, why = component_role(role.meta)
    evidence = [f"whoever is given `{target}` may also: {in_few_words(role.rules)}"]
    evidence += [f"of these are risky: {', '.join(sorted(one.rule for one in new))}"] if new else []
    return Finding(
        rule=entry.id,
        severity=severity,
        cluster=look.cluster,
        title=f"adds itself to `{target}`, which is given to people",
        fix=entry.fix.format_map({"role": str(role.ref)}),
        role=role.ref,
        permission=rule_lines(role.rules),
        origin=role.meta.origin,
        evidence=tuple(evidence),
        aspect=target,
        controls=entry.controls,
        aside=aside,
        aside_why=why,
    )
