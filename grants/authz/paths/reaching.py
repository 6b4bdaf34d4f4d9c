"""Steps that reach a goal by another way than acting as somebody: nodes, admission, all Secrets."""

from collections.abc import Iterable, Iterator
from typing import Final

from grants.authz.paths.asks import KYVERNO, Ask
from grants.authz.paths.becoming import Spawn, spawns
from grants.authz.paths.holdings import Grip, Holdings, pairs
from grants.authz.paths.model import (
    CLUSTER,
    CLUSTER_ADMIN,
    EVERY_SECRET,
    NODE,
    Edge,
    Need,
    NeedKind,
)
from grants.authz.paths.scene import WIDE
from grants.authz.paths.world import World
from grants.authz.rbac import Allowance

_LATER: Final = Need(NeedKind.LATER_WRITE, seen=False)


def by_wildcard(me: Holdings, _: World) -> Iterator[Edge]:
    """Hold everything already."""
    for grip in me.is_everything:
        if grip.scope == CLUSTER:
            yield Edge("wildcard-all", CLUSTER_ADMIN, (grip.why,))


def by_reading_everywhere(me: Holdings, world: World) -> Iterator[Edge]:
    """Read Secrets in every namespace, or mount them into pods there."""
    for grip in me.of(Ask.SECRETS_READ):
        if grip.scope in WIDE and not grip.names:
            yield Edge("secrets-read", EVERY_SECRET, (grip.why,))
    for one in spawns(me, world):
        if one.scope in WIDE and not one.kind:
            named = Need(NeedKind.SECRET_NAMES, seen=False)
            yield Edge("workload-create", EVERY_SECRET, (one.why,), (*one.needs, named))


def by_host(me: Holdings, world: World) -> Iterator[Edge]:
    """Start a pod that holds its node: where Pod Security lets it, or is made to."""
    for one in spawns(me, world):
        yield from _on_host("workload-create", one, me, world)
    for grip in me.of(Ask.EPHEMERAL_CHANGE):
        if not grip.names:
            there = Spawn(grip.scope, grip.why, ())
            yield from _on_host("ephemeral-containers", there, me, world)


def _on_host(kind: str, one: Spawn, me: Holdings, world: World) -> Iterator[Edge]:
    scene, wide = world.scene, one.scope in WIDE
    lax = scene.lax_namespace(one.kind) if wide else scene.may_run_on_host(one.scope)
    if lax is not None:
        yield Edge(kind, NODE, (one.why,), (*one.needs, lax))
        return
    for grip in me.of(Ask.NAMESPACES_CHANGE):
        place = _relabelled(one, grip, world)
        if place:
            lifted = Need(NeedKind.LABELS_LIFTED, place)
            because = _once(one.why, grip.why)
            yield Edge("namespace-mutate", NODE, because, (*one.needs, lifted))
            return


def _relabelled(one: Spawn, grip: Grip, world: World) -> str:
    """Give a namespace in the scope whose labels may be changed; empty: there is none."""
    places: Iterable[str] = (one.scope,)
    if one.scope in WIDE:
        there = world.scene.places_with(one.kind) if one.kind else world.scene.accounts
        named = (name for name in grip.names if name in there)
        places = (grip.scope,) if grip.scope not in WIDE else named if grip.names else there
    fits = (place for place in places if grip.scope in {*WIDE, place} and grip.takes(place))
    return next(fits, "")


def by_volume(me: Holdings, world: World) -> Iterator[Edge]:
    """Make a volume of a node's own files, and a pod that mounts it: Pod Security lets it pass."""
    volume = next(iter(me.of(Ask.VOLUMES_MAKE)), None)
    for one in spawns(me, world) if volume else ():
        if volume is not None:
            yield Edge("pv-create", NODE, _once(volume.why, one.why), one.needs)


def by_admission(me: Holdings, _: World) -> Iterator[Edge]:
    """Change what others write: an admin's binding, or the pods of a strong account."""
    for grip in me.of(Ask.WEBHOOKS_MAKE, Ask.WEBHOOKS_CHANGE):
        yield Edge("webhook-config", CLUSTER_ADMIN, (grip.why,), (_LATER,))
    policies = me.of(Ask.MUTATIONS_MAKE, Ask.MUTATIONS_CHANGE)
    bindings = me.of(Ask.MUTATION_BINDINGS_MAKE, Ask.MUTATION_BINDINGS_CHANGE)
    for pair in pairs(policies, bindings):
        yield Edge("admission-policy", CLUSTER_ADMIN, pair.because, (_LATER,))
    for grip in me.of(Ask.KYVERNO_MAKE, Ask.KYVERNO_CHANGE):
        # A wildcard says nothing about what is installed, and no RoleBinding reaches this kind.
        if grip.scope == CLUSTER and KYVERNO in grip.why.rule.api_groups:
            runs = Need(NeedKind.OPERATOR_RUNS, name="Kyverno", seen=False)
            yield Edge("admission-policy", CLUSTER_ADMIN, (grip.why,), (_LATER, runs))


def _once(one: Allowance, other: Allowance) -> tuple[Allowance, ...]:
    return (one,) if one == other else (one, other)
