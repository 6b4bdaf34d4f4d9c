"""What every worker does again and again, done by two at the same moment: told and recorded once.

Two stores on one PostgreSQL stand for two processes; the cluster is one, in memory.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from grants.access.expire_leases import expire_leases
from grants.access.expire_requests import expire_requests
from grants.access.ports import AccessPorts
from grants.access.see_clusters import see_cluster
from grants.access.sweep import sweep_cluster
from grants.store.engine import open_database
from grants.store.schema import upgrade
from grants.store.store import Store
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import VIEW, HandClock, World

pytestmark = pytest.mark.needs_postgres
MANY = 20
ROUNDS = 5


class StoredWorld(World):
    """The small world, over real rows."""

    def __init__(self, store: Any, **more: Any) -> None:
        self._store = store
        super().__init__(**more)

    def new_store(self) -> Any:
        return self._store


@dataclass
class Pair:
    """Two workers of one installation."""

    one: StoredWorld
    other: StoredWorld

    def both(self, loop: Callable[[AccessPorts], object]) -> None:
        """Have each run a loop, at the same moment, some rounds."""
        gate = threading.Barrier(2)

        def run(world: StoredWorld) -> None:
            for _round in range(ROUNDS):
                gate.wait(30)
                loop(world)

        with ThreadPoolExecutor(2) as threads:
            list(threads.map(run, (self.one, self.other)))

    def count(self, what: str) -> Counter[Any]:
        """Count the rows of a query by what it gives."""
        with self.one.store._database.reading() as connection:
            return Counter(tuple(row) for row in connection.execute(text(what)))


@pytest.fixture
def pair(postgres_url: str) -> Iterator[Pair]:
    upgrade(postgres_url)
    clock = HandClock()
    with (
        closing(Store(open_database(postgres_url, clock=clock))) as first,
        closing(Store(open_database(postgres_url, clock=clock))) as second,
    ):
        one = StoredWorld(first, clock=clock)
        other = StoredWorld(second, clock=clock)
        other.cluster, other.clusters = one.cluster, one.clusters
        yield Pair(one, other)


def _people(world: World) -> list[Any]:
    return [world.person(f"erin{n}", "engineers") for n in range(MANY)]


def test_requests_past_their_time_are_closed_and_told_once(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    for account in _people(pair.one):
        pair.one.ask(account)
    pair.one.clock.forward(days=30)
    pair.both(lambda ports: expire_requests(ports=ports))
    expired = pair.count("SELECT request FROM events WHERE type = 'request.expired'")
    assert len(expired) == MANY
    assert set(expired.values()) == {1}
    notices = pair.count(
        "SELECT code, about, place_kind, place_ref FROM deliveries WHERE kind = 'notice'"
    )
    assert set(notices.values()) == {1}
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_leases_that_are_over_are_moved_once(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    ada = pair.one.person("ada", "approvers")
    for account in _people(pair.one):
        decided = pair.one.approve(ada, pair.one.ask(account))
        pair.one.reconcile(decided.grants[0])
    pair.one.clock.forward(hours=2)
    pair.both(lambda ports: expire_leases(ports=ports))
    moved = pair.count("SELECT grant_id FROM events WHERE type = 'grant.revoking'")
    assert len(moved) == MANY
    assert set(moved.values()) == {1}
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_what_a_sweep_finds_is_recorded_and_told_once(pair: Pair) -> None:
    grant = pair.one.active()
    for number in range(MANY):
        place = pair.one.place(grant)
        stray = type(place)(f"{place.name}-{number}", place.namespace)
        pair.one.cluster.add_binding(stray, VIEW, (f"User:u{number}",), grant=f"gra-lost{number}")
    pair.both(lambda ports: sweep_cluster(pair.one.cluster, ports=ports))
    found = pair.count("SELECT type, canonical FROM events WHERE type LIKE 'binding.%'")
    said = pair.count(
        "SELECT code, about, place_kind, place_ref FROM deliveries WHERE code LIKE 'binding-%'"
    )
    assert len(found) == len(said) == MANY
    assert set(said.values()) == {1}


def test_a_cluster_is_seen_first_once(pair: Pair) -> None:
    second = FakeCluster("second", clock=pair.one.clock, installation=pair.one.installation)
    pair.one.clusters = pair.other.clusters = FakeClusters(pair.one.cluster, second)
    pair.both(lambda ports: see_cluster(second, ports=ports))  # type: ignore[arg-type]
    seen = pair.count("SELECT type, canonical FROM events WHERE type = 'cluster.first-seen'")
    assert len(seen) == 2, "prod when the world was made, and the second"


def test_two_forget_at_once_and_neither_waits_for_the_other_for_ever(pair: Pair) -> None:
    with pair.one.store.write() as tx:
        for number in range(2_000):
            tx.first_time(f"old-{number}", pair.one.clock.now() - timedelta(days=40))
    before = pair.one.clock.now() - timedelta(days=30)
    pair.both(lambda ports: ports.store.upkeep.forget(before, 100))  # type: ignore[attr-defined]
    assert not pair.count("SELECT key FROM inbound WHERE key LIKE 'old-%'")
