"""Steps by which somebody comes to hold more: binding roles, and widening those that are bound."""

from collections.abc import Iterable, Iterator
from typing import Final

from grants.authz.model import RoleKind
from grants.authz.objects import Binding
from grants.authz.paths.asks import Ask
from grants.authz.paths.holdings import Given, Grip, Holdings, Pair, narrower, pairs
from grants.authz.paths.model import (
    CLUSTER,
    CLUSTER_ADMIN,
    EACH,
    Edge,
    Need,
    NeedKind,
    Party,
    PartyKind,
)
from grants.authz.paths.world import ADMIN_ROLE, RoleKey, World, role_party

_ADMIN_KEY: Final = RoleKey(ADMIN_ROLE.kind, "", ADMIN_ROLE.name)


_BINDS: Final[tuple[tuple[Ask, RoleKind], ...]] = (
    (Ask.BIND_CLUSTER_ROLES, "ClusterRole"),
    (Ask.BIND_ROLES, "Role"),
)


def whole(scope: str) -> Party:
    """Give what holds everything in a scope."""
    return CLUSTER_ADMIN if scope == CLUSTER else role_party(_ADMIN_KEY, scope)


def by_binding(me: Holdings, world: World) -> Iterator[Edge]:
    """Bind roles to oneself: it needs `bind` on the role, and a binding made or changed."""
    yield from _everywhere(me, world)
    for bind, kind in _BINDS:
        for pair in pairs(me.of(Ask.BINDINGS_MAKE), me.of(bind)):
            scope = pair.scope or EACH
            give = _targets if kind == "ClusterRole" else _roles
            for target in give(pair.second, scope, world):
                yield Edge("bind", target, pair.because)
        for pair in pairs(me.of(Ask.BINDINGS_CHANGE), me.of(bind)):
            yield from _joins(pair, kind, pair.scope or EACH, world)


def _everywhere(me: Holdings, world: World) -> Iterator[Edge]:
    every = [grip for grip in me.of(Ask.BIND_CLUSTER_ROLES) if grip.scope == CLUSTER]
    for pair in pairs(me.of(Ask.CLUSTER_BINDINGS_MAKE), every):
        for target in _targets(pair.second, CLUSTER, world):
            yield Edge("bind", target, pair.because)
    for pair in pairs(me.of(Ask.CLUSTER_BINDINGS_CHANGE), every):
        yield from _joins(pair, "ClusterRole", CLUSTER, world)


def _roles(bind: Grip, scope: str, world: World) -> Iterator[Party]:
    if not bind.names:
        yield Party(PartyKind.ROLES, scope=scope)
    for name in bind.names:
        for key in world.roles_named.get(name, ()):
            if scope in {EACH, key.namespace}:
                yield role_party(key, key.namespace)


def _targets(bind: Grip, scope: str, world: World) -> Iterator[Party]:
    """Without names the role to bind is the one that holds everything."""
    if bind.takes(ADMIN_ROLE.name):
        yield whole(scope)
        return
    for name in bind.names:
        key = RoleKey("ClusterRole", "", name)
        if key in world.roles:
            yield role_party(key, scope)


def _joins(pair: Pair, kind: RoleKind, scope: str, world: World) -> Iterator[Edge]:
    """Add oneself to bindings that are there; where names do not say which, to any."""
    if not pair.first.names and not pair.second.names:
        yield Edge("bind", Party(PartyKind.JOINED, kind, scope=scope), pair.because)
        return
    for binding, key in world.joinable(kind, pair.second.names, pair.first.names):
        place = binding.namespace or CLUSTER
        if place == scope or (scope == EACH and place != CLUSTER):
            member = joining(binding, key)
            yield Edge("bind", member.target, pair.because, member.needs, member.leans_on)


def joining(binding: Binding, key: RoleKey) -> Edge:
    """Lead on to the role of a binding that one may add oneself to."""
    scope = binding.namespace or CLUSTER
    there = Need(NeedKind.BINDING_EXISTS, scope, binding.meta.name)
    target = whole(scope) if key == _ADMIN_KEY else role_party(key, scope)
    return Edge("", target, needs=(there,), leans_on=(binding,))


def by_widening(me: Holdings, world: World) -> Iterator[Edge]:
    """Write more into a role that one holds: it needs `escalate` and a change of it."""
    of_cluster = list(
        _both(me.of(Ask.WIDEN_CLUSTER_ROLES), me.of(Ask.CLUSTER_ROLES_CHANGE), CLUSTER)
    )
    for given in me.given:
        if given.role.kind == "ClusterRole":
            options: Iterable[Pair] = of_cluster
        else:
            place = given.role.meta.namespace
            options = _both(me.of(Ask.WIDEN_ROLES), me.of(Ask.ROLES_CHANGE), place)
        name = given.role.meta.name
        pair = next((one for one in options if _on(one, name)), None)
        if pair is not None:
            yield _widened("escalate", given, pair)
        elif given.role.aggregates is not None:
            yield from _by_label(me, given, world, of_cluster)


def _both(one: Iterable[Grip], other: Iterable[Grip], place: str) -> Iterator[Pair]:
    """Pair rights that hold in a place."""
    for pair in pairs(one, tuple(other)):
        if narrower(pair.scope, place) == place:
            yield pair


def _on(pair: Pair, name: str) -> bool:
    return pair.first.takes(name) and pair.second.takes(name)


def _by_label(me: Holdings, given: Given, world: World, changes: Iterable[Pair]) -> Iterator[Edge]:
    """Have a role that one holds gather another, into which anything may be written."""
    fresh = (
        pair
        for pair in pairs(me.of(Ask.WIDEN_CLUSTER_ROLES), me.of(Ask.CLUSTER_ROLES_MAKE))
        # The name of what is made is not known to the check for `escalate`.
        if not pair.first.names
    )
    there = (pair for pair in changes if world.has_cluster_role(pair.first, pair.second))
    pair = next((one for options in (fresh, there) for one in options), None)
    if pair is not None:
        yield _widened("aggregate-label", given, pair)


def _widened(kind: str, given: Given, pair: Pair) -> Edge:
    held = Need(NeedKind.HOLDS_ROLE, given.scope, str(given.role.ref))
    return Edge(kind, whole(given.scope), pair.because, (held,), (given.binding,))
