"""Which clusters are worked with: each is looked at beside the others, and fails for itself."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from bot.worker.known_clusters import KnownClusters
from grants.access.health import Look, note_looks
from grants.access.model import GrantState
from grants.errors import ClusterForbidden, StoreUnavailable
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import World

SOON = timedelta(seconds=10)


class Ticks:
    """A monotonic clock that a test moves, with the world's beside it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds
        self._world.clock.forward(seconds=seconds)


@pytest.fixture
def world() -> World:
    world = World()
    second = FakeCluster("second", clock=world.clock, installation=world.installation)
    world.clusters = FakeClusters(world.cluster, second)
    return world


@pytest.fixture
def ticks(world: World) -> Ticks:
    return Ticks(world)


@pytest.fixture
def known(world: World, ticks: Ticks, dice: random.Random) -> Iterator[KnownClusters]:
    known = KnownClusters(world, dice=dice, ticks=ticks)
    yield known
    assert known.stop(SOON)


def look(known: KnownClusters, ticks: Ticks, seconds: float = 20) -> None:
    """Have all that is due by then looked at, to its end.

    Nothing is noted before that: what was seen an hour ago would be noted as seen now.
    """
    ticks.forward(seconds)
    known.see_all(timedelta(0))
    assert known.wait(SOON)
    known.look()


@contextmanager
def hanging(cluster: FakeCluster) -> Iterator[threading.Event]:
    """Have the next look at a cluster hang; gives the event that it has begun."""
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        assert go_on.wait(20)

    cluster.before("uid", hang)
    try:
        yield begun
    finally:
        go_on.set()


def told(world: World) -> list[str]:
    return [n.code for n in world.store.notices if n.code.startswith("cluster-")]


def test_a_cluster_that_fails_keeps_no_other_from_being_seen(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    world.cluster.fail("uid")
    known.see_all(SOON)
    assert known.problems == {"prod": "cluster-unavailable"}
    assert known.shut() == {"prod"}
    with world.store.read() as tx:
        assert tx.cluster_uid("second") == "uid-of-second"
    look(known, ticks)
    assert known.problems == {}
    assert known.shut() == frozenset()


def test_a_cluster_that_hangs_delays_no_start(world: World, known: KnownClusters) -> None:
    """The start waited for each cluster's time-outs before Slack was spoken to."""
    with hanging(world.cluster) as begun:
        known.see_all(timedelta(seconds=0.1))
        assert begun.is_set()
        assert known.problems == {}
        known.look()
    assert known.wait(SOON)


def test_a_look_that_does_not_end_is_a_problem_of_that_cluster_alone(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    known.see_all(SOON)
    with hanging(world.cluster) as begun:
        ticks.forward(15)
        known.look()
        assert begun.wait(10)
        ticks.forward(19)
        known.look()
        assert known.problems == {}
        ticks.forward(1)
        known.look()
        assert known.problems == {"prod": "hung"}
        assert known.shut() == {"prod"}
    look(known, ticks)
    assert known.problems == {}


def test_a_cluster_that_is_another_is_not_worked_with(world: World, known: KnownClusters) -> None:
    world.cluster.move_to("uid-other")
    known.see_all(SOON)
    assert known.problems == {"prod": "cluster-changed"}
    assert known.shut() == {"prod"}


@pytest.mark.security("G1")
def test_a_cluster_that_refuses_the_bot_is_told_and_worked_with(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    """What it still lets the bot do must be done: the right to look is not the one to revoke."""
    grant = world.active()
    world.clock.forward(hours=1)
    world.cluster.fail("uid", ClusterForbidden, times=1000)
    known.see_all(SOON)
    assert known.problems == {"prod": "cluster-forbidden"}
    assert known.shut() == frozenset()
    world.reconcile(grant.id)
    assert world.cluster.peek(world.place(grant)) is None, "the binding was left standing"
    ticks.forward(5)
    known.look()
    assert known.note_waiting() == 0


def test_one_cluster_under_two_names_is_refused_under_the_later_one(world: World) -> None:
    twin = FakeCluster("again", clock=world.clock, installation=world.installation)
    twin.move_to("uid-of-prod")
    world.clusters = FakeClusters(twin, world.cluster)
    known = KnownClusters(world)
    known.see_all(SOON)
    assert known.problems == {"again": "cluster-twice"}
    assert known.shut() == frozenset(), "what lives under it could not end"


def test_a_database_that_is_away_ends_no_start_and_shuts_no_cluster(world: World) -> None:
    """Whatever the look at the clusters raised ended the process, at its start."""
    world.store = _Away()  # type: ignore[assignment]
    known = KnownClusters(world)
    known.see_all(SOON)
    assert known.problems == {"prod": "store-unavailable", "second": "store-unavailable"}
    assert known.shut() == frozenset()


class _Away:
    def read(self) -> None:
        raise StoreUnavailable("down")


def test_first_contact_is_recorded_once_whoever_else_makes_it(world: World) -> None:
    KnownClusters(world).see_all(SOON)
    KnownClusters(world).see_all(SOON)
    assert world.events().count("cluster.first-seen") == 2


@pytest.mark.security("B3")
def test_work_that_gets_no_answer_shuts_its_cluster_until_a_look_is_good(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    known.see_all(SOON)
    ticks.forward(5)
    world.cluster.fail_all()
    known.suspect("prod")
    assert known.shut() == {"prod"}
    assert known.wait(SOON)
    assert known.problems == {"prod": "cluster-unavailable"}
    known.suspect("second")
    assert known.wait(SOON)
    assert known.shut() == {"prod"}, "one good look answers for work that failed alone"
    known.suspect("not-configured")


def test_whoever_asked_hears_once_that_a_cluster_can_be_worked_with_again(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    heard: list[frozenset[str]] = []
    known.when_open(lambda aliases: heard.append(frozenset(aliases)))
    known.see_all(SOON)
    world.cluster.fail("uid")
    look(known, ticks)
    assert heard == []
    look(known, ticks)
    look(known, ticks)
    assert heard == [{"prod"}]


def test_what_failed_alone_is_no_reason_to_try_all_again(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    """A webhook that was away failed a hundred deletes, each look was good, and each good look made
    all of them due at once: they knew no back-off, and went before every other end.
    """
    heard: list[frozenset[str]] = []
    known.when_open(lambda aliases: heard.append(frozenset(aliases)))
    known.see_all(SOON)
    ticks.forward(5)
    known.suspect("prod")
    assert known.wait(SOON)
    assert known.shut() == frozenset()
    assert heard == [frozenset()]


def test_a_failing_cluster_is_looked_at_again_and_again_and_no_oftener(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    known.see_all(SOON)
    world.cluster.fail_all()
    before = world.cluster.calls.count("uid")
    for _tick in range(120):
        look(known, ticks, 0.5)
    looks = world.cluster.calls.count("uid") - before
    assert 6 <= looks <= 14, "a minute's looks, backed off to one in 8 s"


def test_what_fails_for_a_minute_is_told_and_so_is_its_return(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    look(known, ticks)
    world.cluster.fail_all()
    look(known, ticks)
    look(known, ticks, 30)
    assert told(world) == []
    look(known, ticks, 40)
    assert told(world) == ["cluster-failing"]
    world.cluster.mend()
    look(known, ticks)
    assert told(world) == ["cluster-failing", "cluster-back"]


@pytest.mark.security("G1")
def test_a_thousand_grants_of_a_dead_cluster_are_stuck_in_time_without_a_call_each(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    """Each ran into its own time-out before anybody was told that it was stuck."""
    grant = world.active()
    known.see_all(SOON)
    world.clock.forward(hours=1)
    world.cluster.fail_all()
    look(known, ticks)
    known.note_waiting()
    assert world.grant(grant.id).state is GrantState.ACTIVE, "another process may reach it"
    ticks.forward(3)
    calls = [call for call in world.cluster.calls if call != "uid"]
    assert known.note_waiting() == 1
    assert world.grant(grant.id).problem == "cluster-unavailable"
    ticks.forward(120)
    assert known.note_waiting() == 1
    assert world.grant(grant.id).stuck
    assert [call for call in world.cluster.calls if call != "uid"] == calls


def test_what_grants_wait_for_is_said_alike_by_all_who_see_it_differently(
    world: World, known: KnownClusters, ticks: Ticks
) -> None:
    grant = world.active()
    known.see_all(SOON)
    world.clock.forward(hours=1)
    note_looks([Look("prod", "cluster-changed", world.clock.now())], ports=world)
    world.cluster.fail_all()
    look(known, ticks)
    known.note_waiting()
    assert known.problems == {"prod": "cluster-unavailable"}
    assert world.grant(grant.id).problem == "cluster-changed"


def test_grants_under_a_name_that_is_not_configured_any_more_are_the_clusters_too(
    world: World, ticks: Ticks
) -> None:
    grant = world.active()
    renamed = FakeCluster("production", clock=world.clock, installation=world.installation)
    renamed.move_to("uid-of-prod")
    world.clusters = FakeClusters(renamed)
    known = KnownClusters(world, ticks=ticks)
    known.see_all(SOON)
    look(known, ticks)
    renamed.fail_all()
    ticks.forward(5)
    known.suspect("prod")
    assert known.wait(SOON)
    assert known.shut() == {"prod", "production"}
    known.look()
    world.clock.forward(hours=1)
    assert known.note_waiting() == 1
    assert world.grant(grant.id).state is GrantState.REVOKING


def test_a_stopped_one_looks_no_more(world: World, known: KnownClusters, ticks: Ticks) -> None:
    known.see_all(SOON)
    assert known.stop(SOON)
    calls = list(world.cluster.calls)
    look(known, ticks)
    assert world.cluster.calls == calls
