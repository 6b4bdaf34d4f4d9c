"""Parties, steps and paths as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from grants.authz.objects import Binding
from grants.authz.rbac import Allowance


class PartyKind(StrEnum):
    """Who or what somebody can be, or can hold."""

    ACCOUNT = "account"
    USER = "user"
    GROUP = "group"
    # Whoever holds any one pod of a namespace: where paths begin, nobody becomes it.
    PODS = "pods"
    # A role held in a scope that no binding gives yet: who may bind it has it.
    ROLE = "role"
    CLUSTER_ADMIN = "cluster-admin"
    EVERY_SECRET = "every-secret"  # noqa: S105 - a goal, not a secret
    NODE = "node"
    # Sets: one edge leads to each, so that edges stay as few as rights, and on to its members.
    ACCOUNTS = "accounts"
    RUNNING = "running"
    ON_NODES = "on-nodes"
    TOKENS = "tokens"
    CHANGEABLE = "changeable"
    ROLES = "roles"
    JOINED = "joined"
    USERS = "users"
    GROUPS = "groups"
    ANYONE = "anyone"


GOALS: Final = (PartyKind.CLUSTER_ADMIN, PartyKind.EVERY_SECRET, PartyKind.NODE)

CLUSTER: Final = ""
"""The scope of a ClusterRoleBinding: everything."""
EACH: Final = "*"
"""The scope of a RoleBinding in every namespace: nothing that stands outside of namespaces."""


class Party(NamedTuple):
    """One node of the graph.

    `scope` is for a role, and for sets: CLUSTER, EACH or a namespace.
    """

    kind: PartyKind
    name: str = ""
    namespace: str = ""
    scope: str = ""

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.namespace else ""
        where = f" in {self.scope}" if self.scope else ""
        return f"{self.kind} {place}{self.name}{where}".rstrip()


CLUSTER_ADMIN: Final = Party(PartyKind.CLUSTER_ADMIN)
EVERY_SECRET: Final = Party(PartyKind.EVERY_SECRET)
NODE: Final = Party(PartyKind.NODE)


def account(namespace: str, name: str) -> Party:
    """Give the party that a service account is."""
    return Party(PartyKind.ACCOUNT, name, namespace)


def pods_of(namespace: str) -> Party:
    """Give the party that holds any one pod of a namespace."""
    return Party(PartyKind.PODS, namespace=namespace)


class NeedKind(StrEnum):
    """What must be so, beyond rights, for a step to succeed."""

    POD_RUNS = "pod-runs"
    POD_ON_NODE = "pod-on-node"
    POD_SECURITY = "pod-security"
    LABELS_LIFTED = "labels-lifted"
    WORKLOAD_EXISTS = "workload-exists"
    TOKEN_SECRET = "token-secret"  # noqa: S105 - a precondition, not a secret
    SECRET_NAMES = "secret-names"  # noqa: S105 - a precondition, not a secret
    TAKES_INPUT = "takes-input"
    OLD_API_SERVER = "old-api-server"
    LATER_WRITE = "later-write"
    OPERATOR_RUNS = "operator-runs"
    AUTO_APPROVAL = "auto-approval"
    BINDING_EXISTS = "binding-exists"
    HOLDS_ROLE = "holds-role"


class Need(NamedTuple):
    """A precondition of a step. `seen` False: nothing that was read tells whether it is so."""

    kind: NeedKind
    namespace: str = ""
    name: str = ""
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from a party to another. Without a kind it leads from a set to a member."""

    kind: str
    target: Party
    because: tuple[Allowance, ...] = ()
    needs: tuple[Need, ...] = ()
    # Bindings that it needs besides those that allow it.
    leans_on: tuple[Binding, ...] = ()

    @property
    def rests_on(self) -> tuple[Binding, ...]:
        """Every binding without which this edge would not be."""
        return (*(one.binding for one in self.because), *self.leans_on)

    @property
    def cost(self) -> int:
        """Fewest steps come first; among as many, those that suppose least."""
        return (_STEP if self.kind else 0) + sum(not need.seen for need in self.needs)


_STEP: Final = 1_000


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: `actor` becomes or reaches `gains`; `kind` is the id of the risk."""

    kind: str
    actor: Party
    gains: Party
    because: tuple[Allowance, ...]
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """The fewest steps from a start to a goal."""

    start: Party
    goal: Party
    steps: tuple[Step, ...]

    @property
    def is_certain(self) -> bool:
        """Tell whether all that it needs was seen to be so."""
        return all(need.seen for step in self.steps for need in step.needs)


@dataclass(frozen=True, slots=True)
class Cut:
    """What removing one binding would cut, counted anew without it."""

    binding: Binding
    by_goal: Mapping[PartyKind, int]

    @property
    def paths(self) -> int:
        """How many pairs of a start and a goal have no path left."""
        return sum(self.by_goal.values())
