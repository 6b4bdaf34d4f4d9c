"""Rights beside RBAC, as far as they were told: what of them is risky, by the same catalogue."""

from collections.abc import Iterator

from grants.authz.outside import Authorizer, OutsideRight
from grants.review.finding import Finding
from grants.review.findings.catalogue import CATALOGUE
from grants.review.findings.granted import EVERYBODY, Judge
from grants.review.findings.look import Look
from grants.review.findings.severity import worse


def beside_findings(look: Look, judge: Judge) -> Iterator[Finding]:
    """Give a finding for each right, namespace and rule of the catalogue that it shows."""
    for authorizer in look.outside.authorizers:
        for right in authorizer.rights:
            for namespace in (None,) if right.namespaces is None else right.namespaces:
                yield from _of_right(look, judge, authorizer, right, namespace)


def _of_right(
    look: Look, judge: Judge, authorizer: Authorizer, right: OutsideRight, namespace: str | None
) -> Iterator[Finding]:
    subject, what = right.subject, " ".join(part for part in (authorizer.kind, right.name) if part)
    words = {"role": what, "binding": what, "subject": str(subject)}
    for one in judge.judge_rules(right.rules, namespace):
        entry = CATALOGUE[one.rule]
        yield Finding(
            rule=one.rule,
            severity=worse(one.severity, 1) if subject.name in EVERYBODY else one.severity,
            cluster=look.cluster,
            title=entry.title,
            fix=entry.fix.format_map(words),
            subject=subject,
            namespace=namespace,
            permission=one.permission,
            evidence=(*one.evidence, f"not by RBAC: by {what}, as read {authorizer.read_at:%F}"),
            reached=look.reached_by(subject),
            owner=look.owner_of(subject),
            # No binding tells two of them apart.
            aspect="/".join((authorizer.kind, right.name, namespace or "")),
            implies=one.implies,
            controls=entry.controls,
        )
