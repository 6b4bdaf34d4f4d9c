"""Steps by which somebody comes to act as another: tokens, pods, Secrets, impersonation."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from grants.authz.objects import ACCOUNT_PREFIX, MASTERS
from grants.authz.paths.asks import MAKERS, Ask, Maker
from grants.authz.paths.holdings import Grip, Holdings, Pair, pairs
from grants.authz.paths.model import (
    CLUSTER,
    CLUSTER_ADMIN,
    EACH,
    NODE,
    Edge,
    Need,
    NeedKind,
    Party,
    PartyKind,
    account,
)
from grants.authz.paths.scene import WIDE
from grants.authz.paths.world import World
from grants.authz.rbac import Allowance

_CLIENT_SIGNER: Final = "kubernetes.io/kube-apiserver-client"
_KUBELET_SIGNER: Final = "kubernetes.io/kube-apiserver-client-kubelet"
_ALL_SIGNERS: Final = "kubernetes.io/*"


def everyone(kind: PartyKind, scope: str) -> Party:
    """Give a set of parties; in every namespace it is the same whichever binding says so."""
    return Party(kind, scope=EACH if scope in WIDE else scope)


def by_token(me: Holdings, world: World) -> Iterator[Edge]:
    """Mint tokens of service accounts; a rule with names is for those accounts."""
    for grip in me.of(Ask.TOKENS_MAKE):
        yield from _accounts("token-create", grip, world)


def _accounts(kind: str, grip: Grip, world: World) -> Iterator[Edge]:
    if not grip.names:
        yield Edge(kind, everyone(PartyKind.ACCOUNTS, grip.scope), (grip.why,))
        return
    for party in world.scene.accounts_named(grip.scope, grip.names):
        yield Edge(kind, party, (grip.why,))


class Spawn(NamedTuple):
    """A way to have pods of one's own making run in a scope.

    With a `kind`, only in those of its namespaces that have something of this kind to change.
    """

    scope: str
    why: Allowance
    needs: tuple[Need, ...]
    kind: str = ""


_SPAWN: Final = frozenset(
    ask for maker in MAKERS for ask in (maker.make, maker.change) if ask is not None
)


def spawns(me: Holdings, world: World) -> Iterator[Spawn]:
    """Give the ways to start pods: one for each scope by making them, else by changing some."""
    if me.asks.isdisjoint(_SPAWN):
        return
    known: set[str] = set()
    for maker in MAKERS:
        for grip in me.of(maker.make):
            if grip.scope not in known:
                # What an operator turns into pods leaves room for a surer way.
                known |= set() if maker.operator else {grip.scope}
                yield Spawn(grip.scope, grip.why, _operator(maker))
    for maker in MAKERS:
        for grip in me.of(maker.change) if maker.change else ():
            if grip.scope not in known:
                yield from _changes(maker, grip, world)


def _changes(maker: Maker, grip: Grip, world: World) -> Iterator[Spawn]:
    scene, needs = world.scene, _operator(maker)
    if grip.scope in WIDE and scene.knows_workloads and not grip.names:
        if scene.places_with(maker.kind):
            yield Spawn(EACH, grip.why, needs, maker.kind)
        return
    each = scene.places_with(maker.kind) if scene.knows_workloads else ("",)
    for place in each if grip.scope in WIDE else (grip.scope,):
        there = scene.changeable(maker.kind, place, grip.names)
        if there is not None:
            yield Spawn(place or grip.scope, grip.why, (there, *needs))


def _operator(maker: Maker) -> tuple[Need, ...]:
    if not maker.operator:
        return ()
    return (Need(NeedKind.OPERATOR_RUNS, name=maker.operator, seen=False),)


def by_workload(me: Holdings, world: World) -> Iterator[Edge]:
    """Start pods: each may name any service account of its namespace."""
    for one in spawns(me, world):
        target = everyone(PartyKind.ACCOUNTS, one.scope)
        if one.kind:
            target = Party(PartyKind.CHANGEABLE, one.kind, scope=EACH)
        yield Edge("workload-create", target, (one.why,), one.needs)


_INPUT: Final = Need(NeedKind.TAKES_INPUT, seen=False)
_OLD: Final = Need(NeedKind.OLD_API_SERVER, seen=False)
_SHELLS: Final[tuple[tuple[Ask, str, tuple[Need, ...]], ...]] = (
    (Ask.EXEC_CREATE, "pods-exec", ()),
    (Ask.EXEC_GET, "pods-exec", (_OLD,)),
    (Ask.ATTACH_CREATE, "pods-exec", (_INPUT,)),
    (Ask.ATTACH_GET, "pods-exec", (_INPUT, _OLD)),
    (Ask.EPHEMERAL_CHANGE, "ephemeral-containers", ()),
    (Ask.PODS_CHANGE, "pods-mutate", ()),
)


def by_running_pod(me: Holdings, world: World) -> Iterator[Edge]:
    """Get into pods that run, and so at the tokens that are mounted in them."""
    for ask, kind, needs in _SHELLS:
        for grip in me.of(ask):
            if not grip.names:
                yield Edge(kind, everyone(PartyKind.RUNNING, grip.scope), (grip.why,), needs)
                continue
            for party, pod in _pods_named(grip, world):
                yield Edge(kind, party, (grip.why,), (pod, *needs))


def _pods_named(grip: Grip, world: World) -> Iterator[tuple[Party, Need]]:
    for pod in world.scene.pods_named(grip.scope, grip.names):
        if world.scene.has_account(pod.namespace, pod.account):
            need = Need(NeedKind.POD_RUNS, pod.namespace, f"Pod {pod.name}")
            yield account(pod.namespace, pod.account), need


def by_kubelet(me: Holdings, _: World) -> Iterator[Edge]:
    """Run commands in every pod of a node by its kubelet's API, past audit and admission."""
    for grip in me.of(Ask.KUBELETS_REACH):
        yield Edge("nodes-proxy", NODE, (grip.why,))
        # With names it is those nodes alone, and nothing read here says what runs on them.
        if not grip.names:
            yield Edge("nodes-proxy", everyone(PartyKind.RUNNING, grip.scope), (grip.why,))


def by_reading_secrets(me: Holdings, world: World) -> Iterator[Edge]:
    """Read the tokens that Secrets hold."""
    for grip in me.of(Ask.SECRETS_READ):
        if not grip.names:
            yield Edge("secrets-read", everyone(PartyKind.TOKENS, grip.scope), (grip.why,))
            continue
        for one in world.scene.tokens_named(grip.scope, grip.names):
            if world.scene.has_account(one.namespace, one.account):
                held = Need(NeedKind.TOKEN_SECRET, one.namespace, one.name)
                target = account(one.namespace, one.account)
                yield Edge("secrets-read", target, (grip.why,), (held,))


def by_writing_secrets(me: Holdings, _: World) -> Iterator[Edge]:
    """Make a token Secret for any service account of the namespace, and read it when filled."""
    # An update's answer shows the Secret as it stands, so writing it again reads it as well.
    reading = me.of(Ask.SECRETS_READ, Ask.SECRETS_CHANGE)
    for pair in pairs(me.of(Ask.SECRETS_MAKE), reading):
        if _share_a_name(pair):
            target = everyone(PartyKind.ACCOUNTS, pair.scope)
            yield Edge("secrets-write", target, pair.because)


def _share_a_name(pair: Pair) -> bool:
    one, other = pair.first.names, pair.second.names
    return not one or not other or bool(set(one) & set(other))


def by_impersonation(me: Holdings, world: World) -> Iterator[Edge]:
    """Act as users, groups and service accounts by headers of the request."""
    kind = "impersonate"
    for grip in me.of(Ask.AS_ACCOUNTS):
        yield from _accounts(kind, grip, world)
    for grip in me.of(Ask.AS_USERS):
        if not grip.names:
            yield Edge(kind, Party(PartyKind.USERS), (grip.why,))
        for name in grip.names:
            # An account's user is asked for as a service account, never as a user.
            if not name.startswith(ACCOUNT_PREFIX):
                yield Edge(kind, Party(PartyKind.USER, name), (grip.why,))
    # A request names groups only along with a user.
    anybody = next(iter(me.of(Ask.AS_USERS, Ask.AS_ACCOUNTS)), None)
    for grip in me.of(Ask.AS_GROUPS) if anybody else ():
        because = (grip.why,) if anybody is None else Pair(CLUSTER, grip, anybody).because
        if grip.takes(MASTERS):
            yield Edge(kind, CLUSTER_ADMIN, because)
        if not grip.names:
            yield Edge(kind, Party(PartyKind.GROUPS), because)
        for name in grip.names:
            yield Edge(kind, Party(PartyKind.GROUP, name), because)


def by_certificate(me: Holdings, _: World) -> Iterator[Edge]:
    """Ask for a client certificate and approve it oneself: any name but `system:masters`."""
    asking = next(iter(me.of(Ask.CSR_MAKE)), None)
    if asking is None:
        return
    for pair in pairs(me.of(Ask.CSR_APPROVAL), me.of(Ask.SIGNERS_APPROVE)):
        because = (asking.why, *(why for why in pair.because if why != asking.why))
        if pair.second.takes(_CLIENT_SIGNER) or pair.second.takes(_ALL_SIGNERS):
            yield Edge("csr-approve", Party(PartyKind.ANYONE), because)
        if pair.second.takes(_KUBELET_SIGNER) or pair.second.takes(_ALL_SIGNERS):
            yield Edge("csr-approve", NODE, because)
    for grip in me.of(Ask.CSR_OF_NODES):
        because = Pair(CLUSTER, asking, grip).because
        yield Edge("csr-approve", NODE, because, (Need(NeedKind.AUTO_APPROVAL, seen=False),))
