"""Policy as values: what one loaded, valid version of it says."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from grants.authz.model import RoleRef
from grants.policy.patterns import matches
from grants.policy.review_model import ReviewPolicy
from grants.policy.who import Notify, Who

__all__ = [
    "OPEN_REQUESTS",
    "AcceptedRisk",
    "ClusterPolicy",
    "Entitlement",
    "Notify",
    "OnRoleChange",
    "Policy",
    "ReviewPolicy",
    "Stage",
    "Who",
]

OPEN_REQUESTS: Final = 100
"""How many requests of one person may be open at once, unless policy says otherwise.

Generous: it stops nobody's work, only somebody who would bury approvers under requests.
"""


@dataclass(frozen=True)
class Stage:
    """One step of a route: who decides, and how many of them are needed."""

    who: Who
    quorum: int = 1


@dataclass(frozen=True)
class AcceptedRisk:
    """Rule ids of the risk catalogue that an entitlement takes on, and why (shown on the card)."""

    rules: frozenset[str] = frozenset()
    reason: str = ""


class OnRoleChange(StrEnum):
    """What happens to live grants when the rules of their role change. People are told always."""

    TELL = "tell"
    REVOKE = "revoke"
    REVOKE_IF_WIDER = "revoke-if-wider"


@dataclass(frozen=True)
class ClusterPolicy:
    """One cluster by its alias: how subjects are rendered, and how people connect.

    `username` and `groups` are templates such as `oidc:{email}` and `oidc:{group}`; `connect` is
    the text a person needs for kubectl, with `{namespace}` and `{cluster}` placeholders.
    `own_namespace` is where the bot's own credential for this cluster lives.
    """

    alias: str
    username: str
    groups: str = ""
    connect: str = ""
    own_namespace: str = "valetkey"


@dataclass(frozen=True)
class Entitlement:
    """What can be asked for: role, scope, limits, who may ask, who decides."""

    name: str
    description: str
    clusters: tuple[str, ...]
    namespaces: tuple[str, ...]
    cluster_wide: bool
    role: RoleRef
    ask: Who
    stages: tuple[Stage, ...]
    notify: Notify
    duration_default: timedelta
    duration_maximum: timedelta
    reason_required: bool = True
    pending_limit: timedelta = timedelta(hours=4)
    accept_risk: AcceptedRisk = field(default_factory=AcceptedRisk)
    on_role_change: OnRoleChange = OnRoleChange.REVOKE_IF_WIDER

    def covers_cluster(self, alias: str) -> bool:
        """Tell whether a cluster's alias matches one of the patterns."""
        return any(matches(pattern, alias) for pattern in self.clusters)

    def covers_namespace(self, namespace: str | None) -> bool:
        """Tell whether a namespace matches; a cluster-wide entitlement covers None alone."""
        if self.cluster_wide:
            return namespace is None
        return namespace is not None and any(matches(p, namespace) for p in self.namespaces)


@dataclass(frozen=True)
class Policy:
    """One version of policy; `digest` is the SHA-256 (hex) of its bytes."""

    digest: str
    admins: Who
    auditors: Who
    admin_notify: Notify
    clusters: tuple[ClusterPolicy, ...]
    entitlements: tuple[Entitlement, ...]
    open_requests: int = OPEN_REQUESTS
    review: ReviewPolicy = field(default_factory=ReviewPolicy)

    def cluster(self, alias: str) -> ClusterPolicy | None:
        """Find a cluster by its alias."""
        return next((c for c in self.clusters if c.alias == alias), None)

    def entitlement(self, name: str) -> Entitlement | None:
        """Find an entitlement by its name."""
        return next((e for e in self.entitlements if e.name == name), None)

    def longest(self) -> timedelta:
        """Give the longest duration any entitlement allows (zero without entitlements)."""
        return max((e.duration_maximum for e in self.entitlements), default=timedelta(0))
