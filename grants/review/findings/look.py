"""One cluster, or some files, as the catalogue's rules look at it: indexed once, asked often."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final

from grants.authz.builtin import with_builtin
from grants.authz.model import RoleRef
from grants.authz.objects import (
    ACCOUNT_PREFIX,
    ACCOUNTS_GROUP,
    AUTHENTICATED,
    GROUP,
    SERVICE_ACCOUNT,
    USER,
    Account,
    Binding,
    Meta,
    Role,
    Subject,
)
from grants.authz.outside import Outside, not_seen
from grants.authz.rbac import Rbac
from grants.policy.review_model import ReviewPolicy
from grants.review.findings.components import Reason, component_of
from grants.review.inventory import DEFAULT_ACCOUNT, Inventory, Workload
from grants.review.uses import AccountUse, account_uses

RUNNING_KINDS: Final = ("Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
"""What must have been seen before "nothing runs as this account" can be said."""

Name = tuple[str, str]


@dataclass(frozen=True)
class Look:
    """What is looked at, and what it is judged by. `own` are namespaces of this bot.

    `outside` is what was told of rights that RBAC does not know.
    """

    inventory: Inventory
    policy: ReviewPolicy = field(default_factory=ReviewPolicy)
    own: frozenset[str] = frozenset()
    outside: Outside = field(default_factory=lambda: not_seen(""))

    @property
    def cluster(self) -> str:
        """The alias of the cluster; "" for files."""
        return self.inventory.cluster

    @property
    def now(self) -> datetime:
        """When it was looked at."""
        return self.inventory.taken_at

    @cached_property
    def rbac(self) -> Rbac:
        """Roles and bindings, with what every cluster has where only files were read."""
        found = self.inventory
        roles = found.roles if self.is_whole("ClusterRole") else with_builtin(found.roles)
        return Rbac(roles, found.bindings)

    @cached_property
    def is_cluster(self) -> bool:
        """Whether the objects were read from a cluster, be it by way of a dump: they have uids."""
        found = self.inventory
        kinds = (found.accounts, found.bindings, found.roles)
        return bool(found.cluster) or any(one.meta.uid for kind in kinds for one in kind)

    @cached_property
    def _roles(self) -> dict[tuple[RoleRef, str], Role]:
        return {
            (role.ref, role.meta.namespace if role.kind == "Role" else ""): role
            for role in self.rbac.roles
        }

    def role(self, ref: RoleRef | None, namespace: str) -> Role | None:
        """Find a role; a ClusterRole's namespace is ""."""
        return None if ref is None else self._roles.get((ref, namespace))

    def is_whole(self, kind: str) -> bool:
        """Tell whether what is missing of a kind is missing in the cluster too."""
        return self.is_cluster and self.inventory.saw(kind)

    @cached_property
    def accounts(self) -> dict[Name, Account]:
        """Service accounts by namespace and name."""
        return {(a.meta.namespace, a.meta.name): a for a in self.inventory.accounts}

    @cached_property
    def namespaces(self) -> dict[str, Meta]:
        """Namespaces that were read, by name."""
        return {meta.name: meta for meta in self.inventory.namespaces}

    @cached_property
    def uses(self) -> Mapping[Name, tuple[AccountUse, ...]]:
        """What runs, or may run, as each account, or mounts a Secret with its token."""
        return account_uses(self.inventory)

    def names_of_users(self, name: Name, *, with_token: bool = False) -> tuple[str, ...]:
        """Name what uses an account, or only what is given its token to mount."""
        uses = self.uses.get(name, ())
        return tuple(
            sorted({workload_name(u.workload) for u in uses if u.holds_token or not with_token})
        )

    def names_given_secrets(self, namespace: str) -> tuple[str, ...]:
        """Name the pods and templates of a namespace that are given any Secret."""
        return self._given_secrets.get(namespace, ())

    @cached_property
    def _given_secrets(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for one in (*self.inventory.workloads, *self.inventory.pods):
            if one.secrets:
                found.setdefault(one.meta.namespace, set()).add(workload_name(one))
        return {namespace: tuple(sorted(names)) for namespace, names in found.items()}

    @cached_property
    def _by_namespace(self) -> dict[str, tuple[Subject, ...]]:
        found: dict[str, list[Subject]] = {}
        for namespace, name in self.accounts:
            found.setdefault(namespace, []).append(Subject(SERVICE_ACCOUNT, name, namespace))
        return {namespace: tuple(sorted(names)) for namespace, names in found.items()}

    @cached_property
    def _every(self) -> tuple[Subject, ...]:
        return tuple(one for names in self._by_namespace.values() for one in names)

    def reached_by(self, subject: Subject) -> tuple[Subject, ...]:
        """Give the service accounts that hold what this subject is given."""
        if subject.kind == SERVICE_ACCOUNT:
            return (subject,)
        if subject.kind == USER and subject.name.startswith(ACCOUNT_PREFIX):
            namespace, _, name = subject.name.removeprefix(ACCOUNT_PREFIX).partition(":")
            return (Subject(SERVICE_ACCOUNT, name, namespace),)
        if subject.kind != GROUP:
            return ()
        if subject.name in {ACCOUNTS_GROUP, AUTHENTICATED}:
            return self._every
        if subject.name.startswith(f"{ACCOUNTS_GROUP}:"):
            return self._by_namespace.get(subject.name.removeprefix(f"{ACCOUNTS_GROUP}:"), ())
        return ()

    def owner_of(self, subject: Subject | None) -> str:
        """Say whose an account is, by the annotation that policy names; "" where nothing says."""
        if subject is None or subject.kind != SERVICE_ACCOUNT or not self.policy.annotations.owner:
            return ""
        account = self.accounts.get((subject.namespace, subject.name))
        return account.meta.annotations.get(self.policy.annotations.owner, "") if account else ""

    def component(self, subject: Subject) -> Reason:
        """Say whose part a subject is."""
        return component_of(subject)


def subjects_of(binding: Binding) -> tuple[Subject, ...]:
    """Give a binding's subjects, each once; an account with the namespace that counts."""
    place = binding.namespace or ""
    return tuple(
        dict.fromkeys(
            Subject(one.kind, one.name, one.namespace or place)
            if one.kind == SERVICE_ACCOUNT
            else one
            for one in binding.subjects
        )
    )


def is_default(subject: Subject) -> bool:
    """Tell whether it is what pods run as that name no account."""
    return subject.kind == SERVICE_ACCOUNT and subject.name == DEFAULT_ACCOUNT


def workload_name(one: Workload) -> str:
    """Name a workload as kubectl would."""
    return f"{one.kind}/{one.meta.name}"


def few(names: Collection[str], most: int = 3) -> str:
    """Name a few things, and count the rest."""
    more = len(names) - most
    shown = ", ".join(sorted(names)[:most])
    return f"{shown} and {more} more" if more > 0 else shown
