"""What there is in a cluster, or in files, of that rights hang on: one look, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from grants.authz.objects import Account, Binding, Meta, Origin, Role

DEFAULT_ACCOUNT: Final = "default"

WORKLOAD_KINDS: Final = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
)
RBAC_KINDS: Final = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
KINDS: Final = (
    "Namespace",
    "ServiceAccount",
    *RBAC_KINDS,
    "Pod",
    *WORKLOAD_KINDS,
    "Secret",
)
"""All kinds that an inventory speaks of; of Secrets only those that hold an account's token."""


class Seen(StrEnum):
    """How much of a kind an inventory shows. Of anything but SEEN, "none" says nothing."""

    SEEN = "seen"
    PARTLY = "partly"
    FORBIDDEN = "forbidden"
    FAILED = "failed"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True)
class ReadProblem:
    """One thing that could not be read as it stands: a stable code, where, and the facts."""

    code: str
    origin: Origin
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def loses(self) -> bool:
        """Whether something is missing from the inventory, or may be other than it was meant."""
        return self.code not in _LOSE_NOTHING


_LOSE_NOTHING: Final = frozenset({"twice", "no-api-version"})


@dataclass(frozen=True, slots=True)
class Owner:
    """The object that made another and keeps it: a pod's ReplicaSet, a Job's CronJob."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Workload:
    """A pod, or what makes pods from a template. `account` is `default` when none is named.

    `mounts_token` is what the pod says itself (None: it leaves that to its account); a volume that
    projects a token for the API server says yes, whatever the rest says. `replicas` is None where
    the kind has none. `secrets` are those that it is given, as volumes or variables: one may hold
    an account's token.
    """

    kind: str
    meta: Meta
    account: str = DEFAULT_ACCOUNT
    mounts_token: bool | None = None
    suspended: bool = False
    replicas: int | None = None
    owner: Owner | None = None
    secrets: tuple[str, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether it makes no pods now: suspended, or scaled to zero. It may at any time."""
        return self.suspended or self.replicas == 0


@dataclass(frozen=True, slots=True)
class TokenSecret:
    """A Secret that holds a service account's token: its metadata, never what is in it."""

    meta: Meta
    account: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """One look. `cluster` is an alias, or "" for files; `others` counts the kinds passed over."""

    cluster: str
    taken_at: datetime
    accounts: tuple[Account, ...] = ()
    roles: tuple[Role, ...] = ()
    bindings: tuple[Binding, ...] = ()
    workloads: tuple[Workload, ...] = ()
    pods: tuple[Workload, ...] = ()
    token_secrets: tuple[TokenSecret, ...] = ()
    namespaces: tuple[Meta, ...] = ()
    seen: Mapping[str, Seen] = field(default_factory=dict)
    others: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[ReadProblem, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether something that was asked for is missing, or could not be read."""
        lacking = {Seen.PARTLY, Seen.FORBIDDEN, Seen.FAILED}
        return any(problem.loses for problem in self.problems) or any(
            how in lacking for how in self.seen.values()
        )

    def saw(self, kind: str) -> bool:
        """Tell whether all objects of this kind are here, so that "none" means none."""
        return self.seen.get(kind) is Seen.SEEN
