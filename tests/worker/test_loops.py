"""What the loops call: every cluster has its turn, whatever the others do."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.worker.loops import KnownClusters, LoopCalls, process_loops, sweep_all, worker_loops
from bot.worker.reconciler import Reconciler
from grants.errors import StoreUnavailable
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import VIEW, World

if TYPE_CHECKING:
    from grants.access.sweep import Swept


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


def test_a_cluster_that_fails_keeps_no_other_from_being_seen(world: World) -> None:
    known = KnownClusters(world)
    world.cluster.fail("uid")
    known.see_all()
    assert known.problems == {"prod": "cluster-unavailable"}
    with world.store.read() as tx:
        assert tx.cluster_uid("second") == "uid-of-second"
    known.see_all()
    assert known.problems == {}


def test_a_cluster_that_turned_into_another_is_told(world: World) -> None:
    known = KnownClusters(world)
    world.cluster.move_to("uid-other")
    known.see_all()
    assert known.problems == {"prod": "cluster-changed"}


def test_a_database_that_is_away_ends_no_start(world: World) -> None:
    """Whatever the look at the clusters raised ended the process, at its start."""
    world.store = _Away()  # type: ignore[assignment]
    known = KnownClusters(world)
    known.see_all()
    assert known.problems == {"prod": "store-unavailable", "second": "store-unavailable"}


class _Away:
    def write(self) -> None:
        raise StoreUnavailable("down")


def test_first_contact_is_recorded_once_whoever_else_makes_it(world: World) -> None:
    KnownClusters(world).see_all()
    KnownClusters(world).see_all()
    assert world.events().count("cluster.first-seen") == 2


def test_a_sweep_that_breaks_in_one_cluster_goes_on_in_the_others(world: World) -> None:
    def broken() -> None:
        raise KeyError("x")

    place = world.place(world.approved())
    _second(world).add_namespace("payments-dev")
    _second(world).put_role(VIEW)
    _second(world).add_binding(place, VIEW, ("User:x",), grant="gra-lost")
    world.cluster.before("managed_bindings", broken)
    found: dict[str, Swept | None] = {}
    sweep_all(world, _sweeping(found, lambda *_: True))
    assert _second(world).all_bindings() == ()
    assert {a: swept.deleted for a, swept in found.items() if swept} == {_second(world).alias: 1}


def test_a_cluster_is_swept_by_whose_turn_it_is(world: World) -> None:
    asked: list[tuple[str, timedelta]] = []

    def turn(scope: str, every: timedelta) -> bool:
        asked.append((scope, every))
        return scope == "sweep:second"

    found: dict[str, Swept | None] = {}
    sweep_all(world, _sweeping(found, turn))
    assert found["prod"] is None
    assert found["second"] is not None
    assert {every for _, every in asked} == {timedelta(seconds=4)}


def test_a_database_that_is_away_gives_no_turn_and_stops_no_loop(world: World) -> None:
    def away(_scope: str, _every: timedelta) -> bool:
        raise StoreUnavailable("down")

    found: dict[str, Swept | None] = {}
    sweep_all(world, _sweeping(found, away))
    assert found == {}


def _sweeping(
    found: "dict[str, Swept | None]", turn: Callable[[str, timedelta], bool]
) -> LoopCalls:
    return LoopCalls(list, list, found.__setitem__, turn, timedelta(seconds=5))


def test_every_loop_is_there_and_calls_what_it_says(world: World) -> None:
    called: list[str] = []

    def note(name: str) -> Callable[[], object]:
        return lambda: called.append(name)

    calls = LoopCalls(
        note("tell"), note("forget"), lambda *_: None, lambda *_: True, timedelta(minutes=1)
    )
    worker = Reconciler(
        world.store, note("walk"), note("hung"), worker="w", threads=1, hold=timedelta(seconds=5)
    )
    both = (
        *worker_loops(world, worker, calls),
        *process_loops(note("policy"), KnownClusters(world)),
    )
    loops = {loop.name: loop for loop in both}
    assert sorted(loops) == ["close", "clusters", "due", "forget", "policy", "sweep", "tell"]
    assert loops["forget"].every == timedelta(days=1)
    for loop in loops.values():
        loop.call()
    assert sorted(called) == ["forget", "policy", "tell"]
