"""What a review looks at, in few words, and the findings that it gives."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from grants.authz.objects import Account, Binding, Meta, Role
from grants.policy.review_model import ReviewPolicy
from grants.review.finding import Finding
from grants.review.findings.look import Look
from grants.review.findings.scanning import review
from grants.review.inventory import KINDS, Inventory, Seen, Workload

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ALL_SEEN: Mapping[str, Seen] = dict.fromkeys(KINDS, Seen.SEEN)


def sa(name: str, namespace: str = "shop", said: Mapping[str, str] | None = None) -> Account:
    """Make a service account; `said` are its annotations."""
    return Account(Meta(name, namespace, annotations=said or {}))


def runs(
    name: str, account: str, namespace: str = "shop", kind: str = "Deployment", **more: Any
) -> Workload:
    """Make a workload that runs as an account."""
    return Workload(kind, Meta(name, namespace), account, **more)


def look_at(
    *things: Account | Role | Binding | Workload | Meta,
    cluster: str = "prod",
    seen: Mapping[str, Seen] = ALL_SEEN,
    policy: ReviewPolicy | None = None,
    own: Iterable[str] = (),
) -> Look:
    """Put things into an inventory, each by what it is; a bare Meta is a namespace."""
    inventory = Inventory(
        cluster,
        NOON,
        accounts=tuple(one for one in things if isinstance(one, Account)),
        roles=tuple(one for one in things if isinstance(one, Role)),
        bindings=tuple(one for one in things if isinstance(one, Binding)),
        workloads=tuple(one for one in things if isinstance(one, Workload) and one.kind != "Pod"),
        pods=tuple(one for one in things if isinstance(one, Workload) and one.kind == "Pod"),
        namespaces=tuple(one for one in things if isinstance(one, Meta)),
        seen=seen,
    )
    return Look(inventory, policy or ReviewPolicy(), frozenset(own))


def findings_of(look: Look, rule: str = "") -> list[Finding]:
    """Give the findings of a rule (or all), those that are told with another one's too."""
    found = review(look).findings
    return [one for one in found if not rule or rule in {one.rule, *one.implies}]
