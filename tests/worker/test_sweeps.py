"""Every cluster is swept when it is its turn, whatever the others do."""

import threading
from collections.abc import Callable, Collection
from datetime import timedelta

import pytest

from bot.worker.sweeps import SweepCalls, Sweeps
from grants.access.sweep import Swept
from grants.errors import StoreUnavailable
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import VIEW, World

SOON = timedelta(seconds=10)


@pytest.fixture
def world() -> World:
    world = World()
    second = FakeCluster("second", clock=world.clock, installation=world.installation)
    world.clusters = FakeClusters(world.cluster, second)
    return world


def _second(world: World) -> FakeCluster:
    found = world.clusters.get("second")
    assert found is not None
    return found


class Found(dict[str, Swept | None]):
    """What sweeps have found so far; each cluster's last."""


def sweeps(
    world: World,
    found: Found,
    turn: Callable[[str, timedelta], bool] = lambda *_: True,
    shut: Collection[str] = (),
) -> Sweeps:
    calls = SweepCalls(turn, found.__setitem__, timedelta(seconds=5), lambda: shut)
    return Sweeps(world, calls)


def test_a_sweep_that_breaks_in_one_cluster_goes_on_in_the_others(world: World) -> None:
    def broken() -> None:
        raise KeyError("x")

    place = world.place(world.approved())
    _second(world).add_namespace("payments-dev")
    _second(world).put_role(VIEW)
    _second(world).add_binding(place, VIEW, ("User:x",), grant="gra-lost")
    world.cluster.before("managed_bindings", broken)
    found = Found()
    several = sweeps(world, found)
    several.begin()
    assert several.stop(SOON)
    assert _second(world).all_bindings() == ()
    assert {a: swept.deleted for a, swept in found.items() if swept} == {"second": 1}


def test_a_cluster_is_swept_by_whose_turn_it_is(world: World) -> None:
    asked: list[tuple[str, timedelta]] = []

    def turn(scope: str, every: timedelta) -> bool:
        asked.append((scope, every))
        return scope == "sweep:second"

    found = Found()
    several = sweeps(world, found, turn)
    several.begin()
    assert several.stop(SOON)
    assert found["prod"] is None
    assert found["second"] is not None
    assert {every for _, every in asked} == {timedelta(seconds=4)}


def test_a_database_that_is_away_gives_no_turn_and_stops_no_loop(world: World) -> None:
    def away(_scope: str, _every: timedelta) -> bool:
        raise StoreUnavailable("down")

    found = Found()
    several = sweeps(world, found, away)
    several.begin()
    assert several.stop(SOON)
    assert found == {}


def test_a_sweep_that_hangs_keeps_no_other_cluster_from_its_next(world: World) -> None:
    """All sweeps were waited for before the next began: one cluster's time-outs, twenty seconds,
    were the time between two sweeps of every other.
    """
    go_on, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        assert go_on.wait(20)

    world.cluster.before("managed_bindings", hang)
    rounds = threading.Semaphore(0)
    found = Found()
    calls = SweepCalls(
        lambda *_: True,
        lambda alias, swept: (found.__setitem__(alias, swept), rounds.release()),
        timedelta(seconds=5),
    )
    several = Sweeps(world, calls)
    try:
        several.begin()
        assert begun.wait(10)
        assert rounds.acquire(timeout=10)
        while "second" not in found:
            assert rounds.acquire(timeout=10)
        _until_swept_again(several, rounds)
        assert "prod" not in found
        assert world.cluster.calls.count("managed_bindings") == 0, "it began once, and hangs"
        assert not several.wait(timedelta(0))
    finally:
        go_on.set()
    assert several.stop(SOON)


def _until_swept_again(several: Sweeps, rounds: threading.Semaphore) -> None:
    for _try in range(1000):
        several.begin()
        if rounds.acquire(timeout=0.01):
            return
    raise AssertionError("a cluster that is well was not swept again")


def test_a_cluster_that_cannot_be_worked_with_is_not_swept(world: World) -> None:
    found = Found()
    several = sweeps(world, found, shut={"prod"})
    several.begin()
    assert several.stop(SOON)
    assert set(found) == {"second"}


def test_a_stopped_one_begins_nothing(world: World) -> None:
    found = Found()
    several = sweeps(world, found)
    several.stop(SOON)
    several.begin()
    assert several.wait(SOON)
    assert found == {}
