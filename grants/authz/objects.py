"""RBAC's objects as values, wherever they were read: in a cluster, a dump or a chart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from grants.authz.model import RoleKind, RoleRef, Rule

BindingKind = Literal["RoleBinding", "ClusterRoleBinding"]

USER: Final = "User"
GROUP: Final = "Group"
SERVICE_ACCOUNT: Final = "ServiceAccount"

ACCOUNT_PREFIX: Final = "system:serviceaccount:"
ACCOUNTS_GROUP: Final = "system:serviceaccounts"
AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"
ANONYMOUS: Final = "system:anonymous"
MASTERS: Final = "system:masters"

_NOTHING: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an object was read: a file and the line where it begins, from 1 (0: not known).

    `made_from` is the template that a rendered chart names for it: a hint, nothing is read there.
    """

    file: str
    line: int = 0
    made_from: str = ""


@dataclass(frozen=True, slots=True)
class Meta:
    """What every object of Kubernetes has; a namespace of "" stands outside of namespaces."""

    name: str
    namespace: str = ""
    uid: str = ""
    created: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    annotations: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Who a binding names: a User, a Group or a ServiceAccount; only the last has a namespace."""

    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        place = f"{self.namespace}/" if self.kind == SERVICE_ACCOUNT else ""
        return f"{self.kind} {place}{self.name}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One matchExpression: In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector; without any requirement it matches everything."""

    labels: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A Role or ClusterRole. `aggregates` None: its rules are its own; else they are gathered."""

    kind: RoleKind
    meta: Meta
    rules: tuple[Rule, ...] = ()
    aggregates: tuple[Selector, ...] | None = None

    @property
    def ref(self) -> RoleRef:
        """How a binding names it."""
        return RoleRef(self.kind, self.meta.name)


@dataclass(frozen=True, slots=True)
class Binding:
    """A RoleBinding or ClusterRoleBinding, which need not lead to a role that exists."""

    kind: BindingKind
    meta: Meta
    role: RoleRef
    subjects: tuple[Subject, ...] = ()

    @property
    def namespace(self) -> str | None:
        """Where it gives rights; None: everywhere."""
        return self.meta.namespace if self.kind == "RoleBinding" else None

    def __str__(self) -> str:
        place = f"{self.meta.namespace}/" if self.kind == "RoleBinding" else ""
        return f"{self.kind} {place}{self.meta.name}"


@dataclass(frozen=True, slots=True)
class Account:
    """A service account; `automount` None: not said."""

    meta: Meta
    automount: bool | None = None

    @property
    def user(self) -> str:
        """The user name that it authenticates as."""
        return f"{ACCOUNT_PREFIX}{self.meta.namespace}:{self.meta.name}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks an API server for something: a user name and every group it is in."""

    user: str
    groups: frozenset[str] = frozenset()


def account_caller(namespace: str, name: str) -> Caller:
    """Give the caller that a service account is, with the groups that Kubernetes puts it in."""
    return Caller(
        f"{ACCOUNT_PREFIX}{namespace}:{name}",
        frozenset({ACCOUNTS_GROUP, f"{ACCOUNTS_GROUP}:{namespace}", AUTHENTICATED}),
    )
