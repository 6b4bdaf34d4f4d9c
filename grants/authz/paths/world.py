"""Roles and bindings as the edges see them: what each party holds, what may be bound or joined."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from grants.authz.model import RoleKind, RoleRef, Rule
from grants.authz.objects import (
    ACCOUNT_PREFIX,
    ACCOUNTS_GROUP,
    ANONYMOUS,
    AUTHENTICATED,
    GROUP,
    SERVICE_ACCOUNT,
    UNAUTHENTICATED,
    USER,
    Binding,
    BindingKind,
    Meta,
    Role,
    Subject,
)
from grants.authz.paths.holdings import Given, Grip, Holdings
from grants.authz.paths.model import CLUSTER, Party, PartyKind, account
from grants.authz.paths.scene import Scene
from grants.authz.paths.surroundings import Surroundings
from grants.authz.rbac import Rbac

ADMIN_ROLE: Final = RoleRef("ClusterRole", "cluster-admin")
# What that role says in every cluster; what was read need not hold it.
_ADMIN: Final = Role(
    "ClusterRole",
    Meta(ADMIN_ROLE.name),
    (Rule(("*",), ("*",), ("*",)), Rule(("*",), non_resource_urls=("*",))),
)
_UNBOUND: Final = Subject(USER, "")


class RoleKey(NamedTuple):
    """Names a role for good; a namespace of "" is a ClusterRole's."""

    kind: RoleKind
    namespace: str
    name: str


class Bound(NamedTuple):
    """A binding and the role that it leads to."""

    binding: Binding
    key: RoleKey


class World:
    """One cluster: its roles and bindings, and in `scene` what there is around them."""

    def __init__(self, rbac: Rbac, around: Surroundings) -> None:
        """Index everything once."""
        self.rbac: Final = rbac
        self.roles: Final = {_key(role): role for role in rbac.roles}
        self.roles_in: Final[dict[str, list[RoleKey]]] = defaultdict(list)
        self.roles_named: Final[dict[str, list[RoleKey]]] = defaultdict(list)
        for key in self.roles:
            if key.kind == "Role":
                self.roles_in[key.namespace].append(key)
                self.roles_named[key.name].append(key)
        self.bound_in: Final[dict[str, list[Bound]]] = defaultdict(list)
        self._bound_to: Final[dict[tuple[RoleKind, str], list[Bound]]] = defaultdict(list)
        self._bound_as: Final[dict[str, list[Bound]]] = defaultdict(list)
        self._given: Final[dict[Party, list[Given]]] = defaultdict(list)
        for binding in rbac.bindings:
            self._take(binding)
        named = (party for party in self._given if party.kind is PartyKind.ACCOUNT)
        self.scene: Final = Scene(around, [(party.namespace, party.name) for party in named])

    def _take(self, binding: Binding) -> None:
        role = self.rbac.role_of(binding)
        if role is None:
            return
        scope, bound = binding.namespace or CLUSTER, Bound(binding, _key(role))
        self.bound_in[scope].append(bound)
        self._bound_to[bound.key.kind, bound.key.name].append(bound)
        self._bound_as[binding.meta.name].append(bound)
        for party, subject in _named(binding):
            self._given[party].append(Given(scope, binding, role, subject))

    def bound(self, kind: PartyKind) -> list[Party]:
        """Give the users or groups that bindings name."""
        return [party for party in self._given if party.kind is kind]

    def joinable(self, kind: RoleKind, roles: Iterable[str], names: Iterable[str]) -> list[Bound]:
        """Give the bindings to roles of these names that have these names; none given: any."""
        if not roles:
            found = (one for name in names for one in self._bound_as.get(name, ()))
            return [one for one in found if one.key.kind == kind]
        found = (one for name in roles for one in self._bound_to.get((kind, name), ()))
        return [one for one in found if not names or one.binding.meta.name in names]

    def has_cluster_role(self, *grips: Grip) -> bool:
        """Tell whether there is a ClusterRole that all of these rights take."""
        named = next((grip.names for grip in grips if grip.names), None)
        if named is None:
            return any(key.kind == "ClusterRole" for key in self.roles)
        there = (name for name in named if RoleKey("ClusterRole", "", name) in self.roles)
        return any(all(grip.takes(name) for grip in grips) for name in there)

    def given(self, party: Party, without: Binding | None = None) -> Iterator[Given]:
        """Give the roles that a party holds, also by its groups; one binding may be left out."""
        for one in (party, *groups_of(party)):
            for given in self._given.get(one, ()):
                if given.binding is not without:
                    yield given

    def has_own(self, party: Party) -> bool:
        """Tell whether a binding names this party itself, not only its groups."""
        return party in self._given

    def role(self, party: Party) -> Role | None:
        """Give the role that a party of kind ROLE stands for."""
        kind: RoleKind = "Role" if party.namespace else "ClusterRole"
        found = self.roles.get(RoleKey(kind, party.namespace, party.name))
        if found is None and (kind, party.name) == (ADMIN_ROLE.kind, ADMIN_ROLE.name):
            return _ADMIN
        return found

    def holdings(self, party: Party, without: Binding | None = None) -> Holdings:
        """Boil down what a party holds."""
        if party.kind is not PartyKind.ROLE:
            return Holdings(self.given(party, without))
        role = self.role(party)
        if role is None:
            return Holdings(())
        # As if it were bound: nobody can remove a binding that is not there yet.
        kind: BindingKind = "ClusterRoleBinding" if party.scope == CLUSTER else "RoleBinding"
        binding = Binding(kind, Meta("", party.scope), role.ref)
        return Holdings((Given(party.scope, binding, role, _UNBOUND),))


def _key(role: Role) -> RoleKey:
    return RoleKey(role.kind, role.meta.namespace if role.kind == "Role" else "", role.meta.name)


def role_party(key: RoleKey, scope: str) -> Party:
    """Give the party that holds a role in a scope."""
    return Party(PartyKind.ROLE, key.name, key.namespace, scope)


def party_of(subject: Subject, place: str | None) -> Party | None:
    """Give the party that a binding's subject is; an account by either of its names."""
    if subject.kind == SERVICE_ACCOUNT:
        namespace = subject.namespace or place
        return account(namespace, subject.name) if namespace else None
    if subject.kind == GROUP:
        return _group(subject.name)
    if subject.kind != USER:
        return None
    if subject.name.startswith(ACCOUNT_PREFIX):
        namespace, _, name = subject.name.removeprefix(ACCOUNT_PREFIX).partition(":")
        return account(namespace, name)
    return Party(PartyKind.USER, subject.name)


def groups_of(party: Party) -> tuple[Party, ...]:
    """Give the groups that Kubernetes itself puts a party in."""
    if party.kind is PartyKind.ACCOUNT:
        own = f"{ACCOUNTS_GROUP}:{party.namespace}"
        return _group(ACCOUNTS_GROUP), _group(own), _group(AUTHENTICATED)
    if party.kind is PartyKind.USER:
        return (_group(UNAUTHENTICATED if party.name == ANONYMOUS else AUTHENTICATED),)
    if party.kind is PartyKind.GROUP and party.name not in {AUTHENTICATED, UNAUTHENTICATED}:
        return (_group(AUTHENTICATED),)
    return ()


def _group(name: str) -> Party:
    return Party(PartyKind.GROUP, name)


def _named(binding: Binding) -> Iterator[tuple[Party, Subject]]:
    seen = set()
    for subject in binding.subjects:
        party = party_of(subject, binding.namespace)
        if party is not None and party not in seen:
            seen.add(party)
            yield party, subject
