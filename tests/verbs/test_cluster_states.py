"""How clusters stand, as admins are shown: each configured one, and none that matters lost."""

import pytest

from grants.access.cluster_states import ClusterState, Standing, cluster_states
from grants.access.health import Look, note_looks
from grants.access.see_clusters import see_cluster
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import World

DOWN = "cluster-unavailable"


@pytest.fixture
def world() -> World:
    return World()


def states(world: World, *configured: str) -> dict[str, ClusterState]:
    with world.store.read() as tx:
        found = cluster_states(configured or None, world.clock.now(), tx=tx)
    assert list(found) == sorted(found, key=lambda one: one.alias)
    return {one.alias: one for one in found}


def look(world: World, problem: str = "", alias: str = "prod") -> None:
    note_looks([Look(alias, problem, world.clock.now())], ports=world)


def test_one_that_was_looked_at_and_is_well_is_up(world: World) -> None:
    look(world)
    up = states(world, "prod")["prod"]
    assert (up.standing, up.uid, up.since) == (Standing.UP, "uid-of-prod", None)
    assert up.is_well


def test_one_that_fails_says_why_since_when_and_what_waits(world: World) -> None:
    world.active()
    look(world)
    world.clock.forward(hours=1)
    since = world.clock.now()
    look(world, DOWN)
    world.clock.forward(seconds=30)
    failing = states(world, "prod")["prod"]
    assert (failing.standing, failing.problem, failing.since) == (Standing.FAILING, DOWN, since)
    assert (failing.waiting.live, failing.waiting.overdue) == (1, 1)
    assert not failing.is_well


def test_one_that_nobody_looks_at_is_not_said_to_be_up(world: World) -> None:
    """With no worker running the last good look stood for ever."""
    assert states(world)["prod"].standing is Standing.UNLOOKED
    look(world)
    seen = world.clock.now()
    world.clock.forward(minutes=3)
    assert states(world)["prod"].standing is Standing.UP
    world.clock.forward(seconds=1)
    stale = states(world)["prod"]
    assert (stale.standing, stale.since) == (Standing.UNLOOKED, seen)


def test_one_that_was_never_reached_is_told_with_what_the_record_knows(world: World) -> None:
    twin = FakeCluster("again", clock=world.clock, installation=world.installation)
    world.clusters = FakeClusters(world.cluster, twin)
    assert states(world, "prod", "again")["again"].standing is Standing.UNSEEN
    since = world.clock.now()
    world.clock.forward(minutes=1)
    note_looks([Look("again", "cluster-twice", since)], ports=world)
    unseen = states(world, "prod", "again")["again"]
    assert unseen == ClusterState("again", Standing.UNSEEN, problem="cluster-twice", since=since)
    assert "again" not in states(world, "prod")


def test_one_that_was_taken_out_is_told_while_grants_lie_there(world: World) -> None:
    grant = world.active()
    assert states(world, "other")["prod"].standing is Standing.REMOVED
    world.clock.forward(hours=1)
    world.reconcile(grant.id)
    assert set(states(world, "other")) == {"other"}


def test_what_lies_under_a_former_name_counts_with_the_present_one(world: World) -> None:
    world.active()
    renamed = FakeCluster("production", clock=world.clock, installation=world.installation)
    renamed.move_to("uid-of-prod")
    world.clusters = FakeClusters(renamed)
    see_cluster(renamed, ports=world)
    look(world, alias="production")
    found = states(world, "production")
    assert set(found) == {"production"}
    assert found["production"].waiting.live == 1
