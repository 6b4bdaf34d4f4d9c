"""How a cluster is told: kept once it fails, said after a minute and when it is back, each once."""

from datetime import timedelta
from itertools import pairwise

import pytest

from grants.access.health import Look, note_looks
from grants.access.see_clusters import see_cluster
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import World

DOWN = "cluster-unavailable"


@pytest.fixture
def world() -> World:
    world = World()
    look(world)
    world.clock.forward(seconds=30)
    return world


def look(world: World, problem: str = "", alias: str = "prod", *, ago: float = 0) -> str:
    """Note a look of this moment; gives the problem that the row has then."""
    since = world.clock.now() - timedelta(seconds=ago)
    rows = note_looks([Look(alias, problem, since)], ports=world)
    return rows[alias].problem if alias in rows else "no row"


def told(world: World) -> list[str]:
    return [n.code for n in world.store.notices if n.code.startswith("cluster-")]


def row(world: World):
    with world.store.read() as tx:
        (found,) = tx.cluster_healths()
    return found


def test_a_cluster_that_fails_is_kept_at_once_and_told_after_a_minute(world: World) -> None:
    begun = world.clock.now()
    assert look(world, DOWN) == DOWN
    assert (row(world).failing_since, told(world)) == (begun, [])
    world.clock.forward(seconds=59)
    look(world, DOWN, ago=59)
    assert told(world) == []
    world.clock.forward(seconds=1)
    look(world, DOWN, ago=60)
    look(world, DOWN, ago=60)
    assert told(world) == ["cluster-failing"]
    (notice,) = (n for n in world.store.notices if n.code == "cluster-failing")
    assert notice.facts == {"cluster": "prod", "problem": DOWN, "since_at": begun.isoformat()}
    assert world.events().count("cluster.failing") == 1


def test_that_it_is_back_is_told_once_to_those_who_heard_that_it_failed(world: World) -> None:
    look(world, DOWN)
    world.clock.forward(minutes=1)
    look(world, DOWN, ago=60)
    assert look(world) == ""
    look(world)
    assert told(world) == ["cluster-failing", "cluster-back"]
    assert (row(world).problem, row(world).failing_since) == ("", None)
    assert world.events().count("cluster.back") == 1


def test_a_restart_of_its_server_is_no_news(world: World) -> None:
    look(world, DOWN)
    world.clock.forward(seconds=20)
    assert look(world) == ""
    assert told(world) == []


def test_each_outage_is_told(world: World) -> None:
    for _outage in range(2):
        world.clock.forward(minutes=1)
        look(world, DOWN)
        world.clock.forward(minutes=1)
        look(world, DOWN, ago=60)
        look(world)
    assert told(world) == ["cluster-failing", "cluster-back"] * 2


def test_a_row_is_written_on_change_and_once_a_minute(world: World) -> None:
    seen = row(world).looked_at
    look(world)
    assert row(world).looked_at == seen
    world.clock.forward(seconds=30)
    look(world)
    assert row(world).looked_at == world.clock.now()
    world.clock.forward(seconds=10)
    assert look(world, DOWN, ago=10) == DOWN
    world.clock.forward(seconds=40)
    look(world, DOWN, ago=50)
    assert row(world).looked_at == world.clock.now() - timedelta(seconds=40)


def test_two_who_see_it_fail_for_different_reasons_do_not_write_in_turns(world: World) -> None:
    """Every grant there was written each second, and its card drawn, for one and the other."""
    seen = [look(world, DOWN)]
    for _second in range(130):
        world.clock.forward(seconds=1)
        seen += [look(world, "cluster-changed"), look(world, DOWN)]
    changes = sum(one != other for one, other in pairwise(seen))
    assert changes <= 3, "at most one a minute"


def test_a_process_that_is_cut_off_alone_does_not_say_that_the_cluster_fails(world: World) -> None:
    """Two see it otherwise: the good look counts, and nobody is told."""
    for second in range(300):
        world.clock.forward(seconds=1)
        look(world, DOWN, ago=second)
        look(world, DOWN, ago=second)
        assert look(world) == ""
    assert told(world) == []
    assert row(world).problem == ""


def test_who_was_cut_off_for_long_counts_from_when_the_others_are_too(world: World) -> None:
    world.clock.forward(minutes=10)
    look(world)
    world.clock.forward(seconds=6)
    assert look(world, DOWN, ago=600) == DOWN
    assert row(world).failing_since == world.clock.now()
    look(world, DOWN, ago=600)
    assert told(world) == []
    world.clock.forward(minutes=1)
    look(world, DOWN, ago=660)
    assert told(world) == ["cluster-failing"]


def test_a_good_look_a_moment_ago_counts_for_more_than_a_bad_one_now(world: World) -> None:
    world.clock.forward(minutes=1)
    look(world)
    world.clock.forward(seconds=4)
    assert look(world, DOWN) == ""
    world.clock.forward(seconds=1)
    assert look(world, DOWN, ago=1) == DOWN


def test_a_cluster_that_was_never_seen_is_told_of_once(world: World) -> None:
    for minute in range(5):
        assert look(world, DOWN, "new", ago=60 * minute) == "no row"
        world.clock.forward(minutes=1)
    assert told(world) == ["cluster-failing"]


def test_that_it_is_seen_at_last_is_told_too(world: World) -> None:
    new = FakeCluster("new", clock=world.clock, installation=world.installation)
    world.clusters = FakeClusters(world.cluster, new)
    look(world, DOWN, "new", ago=60)
    see_cluster(new, ports=world)
    assert look(world, "", "new") == ""
    assert told(world) == ["cluster-failing", "cluster-back"]
