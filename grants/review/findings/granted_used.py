"""How much of what accounts are granted was seen used: for a chart, not for a verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grants.authz.objects import SERVICE_ACCOUNT, Subject, account_caller
from grants.review.findings.accounts import EVERYBODY
from grants.review.findings.look import Look
from grants.review.findings.unused import Sight, split
from grants.review.findings.verdicts import UNUSED, UseEvidence
from grants.usage.verdict import looked_at

_ACCOUNT: Final = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class GrantedUsed:
    """How many permissions of an account were used, were not, or can't be said of."""

    subject: Subject
    used: int
    unused: int
    unsure: int

    @property
    def granted(self) -> int:
        """All that it holds."""
        return self.used + self.unused + self.unsure


def granted_and_used(look: Look, evidence: UseEvidence) -> Iterator[GrantedUsed]:
    """Count for each account that is given rights by more than everybody's groups."""
    sights: dict[object, Sight] = {}
    for namespace, name in look.accounts:
        subject = Subject(SERVICE_ACCOUNT, name, namespace)
        window = look.policy.window_for(
            UNUSED, look.cluster, namespace=namespace, account=f"{namespace}/{name}"
        )
        if window not in sights:
            sights[window] = Sight(evidence.coverage, looked_at(look.now, window), evidence.judging)
        uses = [
            use
            for use in evidence.uses.get(f"{_ACCOUNT}{namespace}:{name}", ())
            if use.act.allowed and use.last_seen > look.now - window
        ]
        parts = [
            split(right.rules, right.namespace, uses, sights[window])
            for right in look.rbac.rights(account_caller(namespace, name))
            if right.subject.name not in EVERYBODY
        ]
        if parts:
            yield GrantedUsed(
                subject,
                sum(len(part.used) for part in parts),
                sum(len(part.unused) for part in parts),
                sum(len(part.unsure) for part in parts),
            )
