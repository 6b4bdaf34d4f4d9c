"""Clocks held against each other, what is told of them, and when one that was set back counts."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from bot.metrics import ClockGauges
from bot.worker.skew import ClockWatch
from grants.access.see_clusters import see_cluster
from grants.access.skew import Reading
from grants.clock import Offset
from grants.errors import ClusterUnavailable, StoreUnavailable
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.machine import Machine
from tests.support.world import START, World

SECOND = timedelta(seconds=1)


@dataclass
class Rows:
    """A database with a clock of its own, or none."""

    ahead: timedelta | None = None
    has_clock: bool = True
    is_away: bool = False
    brought_forward: int = 0

    def offset(self) -> Offset | None:
        if self.is_away:
            raise StoreUnavailable("down")
        if not self.has_clock or self.ahead is None:
            return None
        return Offset(self.ahead, timedelta(milliseconds=1))

    def bring_forward(self, now: datetime, longest: timedelta, slack: timedelta) -> int:
        self.brought_forward += 1
        return 0


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def world(machine: Machine) -> World:
    """A world whose clock is the steady one over the machine's; its cluster keeps true time."""
    return World(clock=machine.steady())  # type: ignore[arg-type]


@pytest.fixture
def rows() -> Rows:
    return Rows(ahead=timedelta(0))


@pytest.fixture
def watch(world: World, rows: Rows) -> ClockWatch:
    return ClockWatch(world, world.clock, rows, "valetkey-0")  # type: ignore[arg-type]


def _told(world: World) -> list[str]:
    return [notice.code for notice in world.store.notices if notice.code.startswith("clock-")]


def _clock_events(world: World) -> list[str]:
    return [kind for kind in world.events() if kind.startswith("clock.")]


def test_clocks_that_agree_are_told_to_nobody(watch: ClockWatch, world: World) -> None:
    watch.look()
    assert watch.problem is None
    assert _clock_events(world) == []
    assert {one.witness for one in watch.readings} == {"database", "cluster:prod"}


def test_that_clocks_agree_again_is_told_once(
    watch: ClockWatch, world: World, rows: Rows, machine: Machine
) -> None:
    rows.ahead = 5 * SECOND
    for _look in range(2):
        watch.look()
    assert watch.problem == "skewed"
    machine.pass_by(timedelta(hours=1))
    watch.look()
    rows.ahead = timedelta(0)
    for _look in range(2):
        watch.look()
    assert watch.problem is None
    assert _clock_events(world) == ["clock.skewed", "clock.skewed", "clock.agrees"]
    assert _told(world)[-1] == "clock-agrees"
    hosts = {e.facts["host"] for e in world.store.events if e.type.startswith("clock.")}
    assert hosts == {"valetkey-0"}


def test_that_clocks_agree_is_told_of_a_witness_that_was_silent_for_a_night(
    watch: ClockWatch, world: World, rows: Rows, machine: Machine
) -> None:
    rows.ahead = 5 * SECOND
    watch.look()
    rows.is_away = True
    for _hour in range(8):
        machine.pass_by(timedelta(hours=1))
        watch.look()
    assert watch.problem == "skewed"
    rows.is_away, rows.ahead = False, timedelta(0)
    watch.look()
    assert watch.problem is None
    assert _clock_events(world) == ["clock.skewed", "clock.agrees"]


def test_a_witness_that_is_silent_keeps_no_other_from_being_read(
    watch: ClockWatch, world: World, rows: Rows
) -> None:
    world.cluster.fail("clock_offset", ClusterUnavailable)
    watch.look()
    assert [one.witness for one in watch.readings] == ["database"]
    rows.is_away = True
    watch.look()
    assert [one.witness for one in watch.readings] == ["cluster:prod"]


def test_rows_put_off_by_a_wrong_clock_are_brought_forward_by_a_right_one_alone(
    watch: ClockWatch, rows: Rows
) -> None:
    rows.ahead = -3600 * SECOND
    watch.look()
    assert rows.brought_forward == 0
    rows.ahead = timedelta(0)
    watch.look()
    assert rows.brought_forward == 1


def test_a_cluster_whose_clock_is_wrong_makes_no_other_doubt_itself(
    watch: ClockWatch, world: World, rows: Rows
) -> None:
    world.cluster.clock_ahead = timedelta(hours=1)
    watch.look()
    assert watch.problem == "skewed"
    assert rows.brought_forward == 1


def test_a_clock_set_back_is_not_followed_while_the_witnesses_deny_it(
    watch: ClockWatch, world: World, machine: Machine
) -> None:
    machine.wall -= timedelta(hours=1)
    watch.look()
    assert world.clock.now() == START
    assert watch.problem == "skewed"
    # What this process goes by is right; the machine's clock, which a restart would go by, is not.
    assert _told(world) == ["clock-behind", "clock-behind"]


def test_a_clock_set_right_is_followed_when_two_witnesses_agree_with_it(
    watch: ClockWatch, world: World, machine: Machine, rows: Rows
) -> None:
    """The machine's clock was an hour ahead; the database and the cluster never were."""
    machine.wall += timedelta(hours=1)
    rows.ahead = world.cluster.clock_ahead = timedelta(hours=1)
    watch.look()
    assert watch.problem == "skewed"
    machine.wall -= timedelta(hours=1)
    watch.look()
    assert world.clock.now() == START
    assert _clock_events(world)[-1] != "clock.skewed"
    assert "clock.set-back" in _clock_events(world)
    rows.ahead = world.cluster.clock_ahead = timedelta(0)
    watch.look()
    assert watch.problem is None
    assert _told(world)[-2:] == ["clock-agrees", "clock-agrees"]


def test_one_of_two_witnesses_moves_nothing_while_the_other_is_silent(
    watch: ClockWatch, world: World, machine: Machine, rows: Rows
) -> None:
    machine.wall += timedelta(hours=1)
    world.clock.now()
    machine.wall -= timedelta(hours=1)
    rows.ahead = timedelta(hours=1)
    world.cluster.fail("clock_offset", ClusterUnavailable)
    watch.look()
    assert world.clock.now() == START + timedelta(hours=1)


def test_the_only_witness_there_is_suffices(world: World, machine: Machine) -> None:
    """SQLite has no clock, and there is one cluster."""
    watch = ClockWatch(world, world.clock, Rows(has_clock=False), "valetkey-0")  # type: ignore[arg-type]
    machine.wall += timedelta(hours=1)
    world.clock.now()
    machine.wall -= timedelta(hours=1)
    world.cluster.clock_ahead = timedelta(hours=1)
    watch.look()
    assert world.clock.now() == START


def test_two_clusters_of_which_one_disagrees_are_one_witness_too_few(
    world: World, machine: Machine
) -> None:
    second = FakeCluster("second", clock=world.clock, installation=world.installation)
    world.clusters = FakeClusters(world.cluster, second)
    see_cluster(second, ports=world)
    watch = ClockWatch(world, world.clock, Rows(has_clock=False), "valetkey-0")  # type: ignore[arg-type]
    machine.wall += timedelta(hours=1)
    world.clock.now()
    machine.wall -= timedelta(hours=1)
    world.cluster.clock_ahead = timedelta(hours=1)
    watch.look()
    assert world.clock.now() == START + timedelta(hours=1)


def test_one_cluster_under_two_aliases_is_one_witness(world: World, machine: Machine) -> None:
    """PostgreSQL is away, and what seems two clusters is one."""
    again = FakeCluster(
        "again", clock=world.clock, installation=world.installation, uid=world.cluster.uid()
    )
    world.clusters = FakeClusters(world.cluster, again)
    with world.store.write() as tx:
        tx.add_cluster("again", again.uid(), world.clock.now())
    watch = ClockWatch(world, world.clock, Rows(is_away=True), "valetkey-0")  # type: ignore[arg-type]
    machine.wall += timedelta(hours=1)
    world.clock.now()
    machine.wall -= timedelta(hours=1)
    world.cluster.clock_ahead = again.clock_ahead = timedelta(hours=1)
    watch.look()
    assert world.clock.now() == START + timedelta(hours=1)


def test_the_gauges_tell_the_furthest_of_each_witness() -> None:
    near = Reading(Offset(SECOND, SECOND), timedelta(0), "prod", "https://a")
    far = replace(near, offset=Offset(-9 * SECOND, SECOND), endpoint="https://b")
    database = Reading(Offset(3 * SECOND, SECOND), timedelta(0))

    class Read:
        readings = (near, far, database)
        set_back = 7 * SECOND

    ahead, back = ClockGauges(Read()).collect()
    assert {s.labels["witness"]: s.value for s in ahead.samples} == {
        "cluster:prod": -9,
        "database": 3,
    }
    assert [s.value for s in back.samples] == [7]
