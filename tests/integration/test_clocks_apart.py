"""Replicas on one PostgreSQL whose clocks are apart: access never outlives what was agreed while
one that lives has the right time.

Every replica here is a thread with a clock of its own; PostgreSQL's is this machine's, and right.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grants.access.give_back import GiveBack, give_back
from grants.access.model import Grant, GrantState
from grants.access.reconcile import note_failure, reconcile_grant
from grants.clock import SystemClock
from grants.people.model import Account
from grants.store.engine import open_database
from grants.store.schema import upgrade
from grants.store.store import Store
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import INSTALLATION, VIEW, World

pytestmark = pytest.mark.needs_postgres

SECOND = timedelta(seconds=1)
RIGHT, AHEAD, BEHIND = timedelta(0), 3 * SECOND, -3 * SECOND
LEASE = 4 * SECOND
LAG = SECOND
"""What a walk and its loop may take on a busy machine; the clocks are three times that apart."""

ERIN = Account("T1", "U-ERIN")


class Shifted:
    """A replica's clock, so far ahead of the true time."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return SystemClock().now() + self._ahead


class Replica(World):
    """One process: its own clock and connections, the rows and the cluster of all."""

    def __init__(self, url: str, ahead: timedelta, cluster: FakeCluster) -> None:
        self._database = open_database(url, clock=Shifted(ahead))
        super().__init__(clock=Shifted(ahead))  # type: ignore[arg-type]
        self.cluster, self.clusters = cluster, FakeClusters(cluster)

    def new_store(self) -> Any:
        return Store(self._database)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Claim what is due and bring it forward, over and over, as a worker does."""
        stop = threading.Event()

        def work() -> None:
            while not stop.wait(0.05):
                for claimed in self.store.claim_grants(f"w{id(self)}", 8, SECOND):
                    reconcile_grant(claimed.grant, ports=self)
                    self.store.release_grant(claimed.grant, f"w{id(self)}")

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@dataclass
class Stage:
    """One database, one cluster that keeps the right time, and replicas by their clocks."""

    url: str
    cluster: FakeCluster
    made: list[Replica]

    def replica(self, ahead: timedelta) -> Replica:
        self.made.append(Replica(self.url, ahead, self.cluster))
        return self.made[-1]

    def wait_until(self, holds: Callable[[], bool], deadline: datetime) -> datetime:
        """Wait for something; gives when it was seen, by the true time."""
        while not holds():
            assert datetime.now(UTC) < deadline, "access outlived its end"
            time.sleep(0.01)
        return datetime.now(UTC)

    def is_gone(self) -> bool:
        return all(not binding.subjects for binding in self.cluster.all_bindings())


@pytest.fixture
def stage(postgres_url: str) -> Iterator[Stage]:
    upgrade(postgres_url)
    cluster = FakeCluster("prod", clock=SystemClock(), installation=INSTALLATION)
    made = Stage(postgres_url, cluster, [])
    cluster.add_namespace("payments-dev")
    cluster.put_role(VIEW)
    yield made
    for replica in made.made:
        replica.close()


def _given(replica: Replica) -> tuple[Grant, datetime]:
    """Have access given by one replica; gives when it began, by the true time."""
    erin, ada = replica.person("erin", "engineers"), replica.person("ada", "approvers")
    decided = replica.approve(ada, replica.ask(erin, duration=LEASE))
    began = datetime.now(UTC)
    grant = replica.reconcile(decided.grants[0])
    assert grant.state is GrantState.ACTIVE
    return grant, began


@pytest.mark.parametrize(
    ("giver", "living"),
    [
        (AHEAD, [RIGHT]),
        (AHEAD, [AHEAD, RIGHT]),
        (BEHIND, [BEHIND, RIGHT]),
        (RIGHT, [BEHIND, RIGHT]),
        (RIGHT, [AHEAD, BEHIND, RIGHT]),
        (BEHIND, [BEHIND]),
    ],
    ids=["ahead-dies", "ahead", "behind", "by-right", "all-three", "behind-alone"],
)
def test_access_ends_in_time_while_one_that_lives_has_the_right_time(
    stage: Stage, giver: timedelta, living: list[timedelta]
) -> None:
    """The last row: a process alone is right about how long, however wrong about when."""
    _, began = _given(stage.replica(giver))
    workers = [stage.replica(ahead).working() for ahead in living]
    for worker in workers:
        worker.__enter__()
    try:
        stage.wait_until(stage.is_gone, began + LEASE + LAG)
    finally:
        for worker in workers:
            worker.__exit__(None, None, None)


def test_a_click_on_a_replica_that_runs_ahead_ends_access_at_once(stage: Stage) -> None:
    right, ahead = stage.replica(RIGHT), stage.replica(timedelta(hours=1))
    grant, _ = _given(right)
    with right.working():
        clicked = datetime.now(UTC)
        give_back(GiveBack("k", ERIN, grant.id), ports=ahead)
        stage.wait_until(stage.is_gone, clicked + LAG)


def test_a_retry_put_off_by_a_replica_that_runs_ahead_is_brought_forward(stage: Stage) -> None:
    """It failed to end access, wrote down when to try again by its own clock, and died."""
    right, ahead = stage.replica(RIGHT), stage.replica(timedelta(hours=1))
    grant, _ = _given(right)
    give_back(GiveBack("k", ERIN, grant.id), ports=right)
    note_failure(grant.id, "cluster-unavailable", ports=ahead)
    with right.working():
        now, times = right.clock.now(), right.times
        assert right.store.clocks.bring_forward(now, times.retry_most, times.skew_alarm) == 1
        stage.wait_until(stage.is_gone, datetime.now(UTC) + LAG)
