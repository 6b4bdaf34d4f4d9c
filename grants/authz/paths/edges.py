"""All edges that leave a party."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from grants.authz.objects import MASTERS, Binding
from grants.authz.paths import becoming, reaching
from grants.authz.paths import binding as binding_steps
from grants.authz.paths.becoming import everyone
from grants.authz.paths.holdings import Holdings
from grants.authz.paths.model import (
    CLUSTER,
    CLUSTER_ADMIN,
    EACH,
    EVERY_SECRET,
    NODE,
    Edge,
    Need,
    NeedKind,
    Party,
    PartyKind,
    account,
)
from grants.authz.paths.surroundings import Workload
from grants.authz.paths.world import World, role_party

_BY_RIGHTS: Final[tuple[Callable[[Holdings, World], Iterator[Edge]], ...]] = (
    reaching.by_wildcard,
    reaching.by_reading_everywhere,
    binding_steps.by_widening,
    binding_steps.by_binding,
    becoming.by_impersonation,
    becoming.by_token,
    becoming.by_writing_secrets,
    becoming.by_reading_secrets,
    becoming.by_workload,
    becoming.by_running_pod,
    becoming.by_kubelet,
    becoming.by_certificate,
    reaching.by_host,
    reaching.by_volume,
    reaching.by_admission,
)

_HOLDERS: Final = frozenset({PartyKind.ACCOUNT, PartyKind.USER, PartyKind.GROUP, PartyKind.ROLE})
_MEMBERS: Final = Party(PartyKind.GROUP, MASTERS)


def edges_of(party: Party, world: World, without: Binding | None = None) -> tuple[Edge, ...]:
    """Give every edge that leaves a party, the best one for each target.

    `without` leaves one binding out, as if it were not there.
    """
    if party.kind not in _HOLDERS:
        return tuple(_FIXED[party.kind](party, world, without)) if party.kind in _FIXED else ()
    if party == _MEMBERS:
        # The API server asks no authorizer about them.
        return (Edge("masters-bound", CLUSTER_ADMIN),)
    me = world.holdings(party, without)
    return _best(_by_rights(me, world, without)) if me else ()


def _by_rights(me: Holdings, world: World, without: Binding | None) -> Iterator[Edge]:
    for give in _BY_RIGHTS:
        for edge in give(me, world):
            if all(binding is not without for binding in edge.leans_on):
                yield edge


def _best(edges: Iterator[Edge]) -> tuple[Edge, ...]:
    best: dict[Party, Edge] = {}
    for edge in edges:
        if edge.target not in best or edge.cost < best[edge.target].cost:
            best[edge.target] = edge
    return tuple(best.values())


def _of_admin(_party: Party, _world: World, _: Binding | None) -> Iterator[Edge]:
    yield Edge("wildcard-all", EVERY_SECRET)
    yield Edge("wildcard-all", NODE)


def _of_pods(party: Party, _world: World, _: Binding | None) -> Iterator[Edge]:
    yield Edge("pod", everyone(PartyKind.RUNNING, party.namespace))


def _places(party: Party, everywhere: Iterable[str]) -> Iterable[str]:
    return everywhere if party.scope == EACH else (party.scope,)


def _of_accounts(party: Party, world: World, _: Binding | None) -> Iterator[Edge]:
    accounts = world.scene.accounts
    for place in _places(party, accounts):
        for name in accounts.get(place, ()):
            yield Edge("", account(place, name))


def _of_running(party: Party, world: World, _: Binding | None) -> Iterator[Edge]:
    if not world.scene.knows_workloads:
        place = "" if party.scope == EACH else party.scope
        unknown = Need(NeedKind.POD_RUNS, place, seen=False)
        yield Edge("", Party(PartyKind.ACCOUNTS, scope=party.scope), needs=(unknown,))
        return
    # A pod without a token gives none away.
    yield from _of_pods_there(party, world, lambda one: one.mounts_token is not False)


def _of_node(_party: Party, world: World, _: Binding | None) -> Iterator[Edge]:
    known = world.scene.knows_workloads
    kind = PartyKind.ON_NODES if known else PartyKind.ACCOUNTS
    on_it = Need(NeedKind.POD_ON_NODE, seen=False)
    yield Edge("node", Party(kind, scope=EACH), (), (on_it,))


def _of_nodes_pods(party: Party, world: World, _: Binding | None) -> Iterator[Edge]:
    # A node mints tokens for its pods whether they mount one or not.
    yield from _of_pods_there(party, world, lambda _: True)


def _of_pods_there(party: Party, world: World, takes: Callable[[Workload], bool]) -> Iterator[Edge]:
    scene = world.scene
    for place in _places(party, scene.running):
        known = set()
        for one in scene.running.get(place, ()):
            if takes(one) and one.account not in known and scene.has_account(place, one.account):
                known.add(one.account)
                runs = Need(NeedKind.POD_RUNS, place, f"{one.kind} {one.name}")
                yield Edge("", account(place, one.account), needs=(runs,))


def _of_changeable(party: Party, world: World, _: Binding | None) -> Iterator[Edge]:
    for place in world.scene.places_with(party.name):
        there = world.scene.changeable(party.name, place)
        if there is not None:
            yield Edge("", Party(PartyKind.ACCOUNTS, scope=place), needs=(there,))


def _of_tokens(party: Party, world: World, _: Binding | None) -> Iterator[Edge]:
    tokens = world.scene.tokens
    for place in _places(party, tokens):
        for one in tokens.get(place, ()):
            if world.scene.has_account(place, one.account):
                held = Need(NeedKind.TOKEN_SECRET, place, one.name)
                yield Edge("", account(place, one.account), needs=(held,))


def _of_roles(party: Party, world: World, _: Binding | None) -> Iterator[Edge]:
    if party.scope == EACH:
        yield from (Edge("", Party(PartyKind.ROLES, scope=place)) for place in world.roles_in)
        return
    for key in world.roles_in.get(party.scope, ()):
        yield Edge("", role_party(key, key.namespace))


def _of_joined(party: Party, world: World, without: Binding | None) -> Iterator[Edge]:
    if party.scope == EACH:
        places = (place for place in world.bound_in if place != CLUSTER)
        yield from (Edge("", party._replace(scope=place)) for place in places)
        return
    known = set()
    for binding, key in world.bound_in.get(party.scope, ()):
        if key.kind == party.name and key not in known and binding is not without:
            known.add(key)
            yield binding_steps.joining(binding, key)


def _of_users(_party: Party, world: World, _: Binding | None) -> Iterator[Edge]:
    yield from (Edge("", user) for user in world.bound(PartyKind.USER))


def _of_groups(_party: Party, world: World, _: Binding | None) -> Iterator[Edge]:
    yield from (Edge("", group) for group in world.bound(PartyKind.GROUP) if group != _MEMBERS)


def _of_anyone(_party: Party, _world: World, _: Binding | None) -> Iterator[Edge]:
    # No certificate is given out for `system:masters`.
    yield Edge("", Party(PartyKind.USERS))
    yield Edge("", Party(PartyKind.GROUPS))
    yield Edge("", Party(PartyKind.ACCOUNTS, scope=EACH))


_FIXED: Final[dict[PartyKind, Callable[[Party, World, Binding | None], Iterator[Edge]]]] = {
    PartyKind.CLUSTER_ADMIN: _of_admin,
    PartyKind.NODE: _of_node,
    PartyKind.PODS: _of_pods,
    PartyKind.ACCOUNTS: _of_accounts,
    PartyKind.RUNNING: _of_running,
    PartyKind.ON_NODES: _of_nodes_pods,
    PartyKind.TOKENS: _of_tokens,
    PartyKind.CHANGEABLE: _of_changeable,
    PartyKind.ROLES: _of_roles,
    PartyKind.JOINED: _of_joined,
    PartyKind.USERS: _of_users,
    PartyKind.GROUPS: _of_groups,
    PartyKind.ANYONE: _of_anyone,
}
