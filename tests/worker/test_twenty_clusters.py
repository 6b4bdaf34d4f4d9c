"""One of twenty clusters hangs, with a thousand leases over: nobody else waits, nothing grows."""

import random
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.playground.processes import wait_until
from bot.worker.known_clusters import KnownClusters
from bot.worker.reconciler import Reconciler
from grants.access.fresh import Fresh
from grants.access.model import Cause, Grant, GrantState
from grants.access.ports import Claimed
from grants.access.reconcile import reconcile_grant
from grants.clock import Clock
from grants.errors import ClusterUnavailable
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.memory_store import MemoryStore
from tests.support.store_values import a_grant, a_request, populate, some_terms
from tests.support.world import World

SOON = timedelta(seconds=30)
THREADS = 2
HUNG, OTHERS = "c00", [f"c{number:02}" for number in range(1, 20)]
OF_HUNG, OF_EACH = 1000, 15


class Stalling(FakeCluster):
    """A cluster whose calls hang while it is `stalled`, until they `time_out`."""

    stalled = False

    def __init__(self, world: World) -> None:
        super().__init__(HUNG, clock=world.clock, installation=world.installation)
        self.time_out = threading.Event()
        self.stuck_calls = 0

    @contextmanager
    def _call(self, method: str, endpoint: str | None = None) -> Iterator[None]:
        if self.stalled:
            self.stuck_calls += 1
            assert self.time_out.wait(60)
            raise ClusterUnavailable(self.alias, method, "no answer in time")
        with super()._call(method, endpoint):
            yield


class CountingStore(MemoryStore):
    """Remembers which of the hung cluster's grants were claimed, in order.

    Forty threads take turns at it, each with a copy of all the rows, on a machine that may be busy.
    """

    patience_seconds = 60.0

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.claimed: list[str] = []

    def claim_grants(
        self, worker: str, limit: int, hold: timedelta, cluster: str | None = None
    ) -> tuple[Claimed, ...]:
        claimed = super().claim_grants(worker, limit, hold, cluster)
        self.claimed += [one.grant for one in claimed if one.cluster == HUNG]
        return claimed


class CountingWorld(World):
    def new_store(self) -> CountingStore:
        return CountingStore(self.clock)


class Town:
    """Twenty clusters with leases that are all over, and a worker."""

    def __init__(self, dice: random.Random) -> None:
        self.world = CountingWorld()
        self.hung = Stalling(self.world)
        well = [
            FakeCluster(alias, clock=self.world.clock, installation=self.world.installation)
            for alias in OTHERS
        ]
        self.world.clusters = FakeClusters(self.hung, *well)
        self.ticks = 0.0
        self.known = KnownClusters(self.world, dice=dice, ticks=lambda: self.ticks)
        self.known.see_all(SOON)
        self.known.look()
        self.ended: list[str] = []
        self._heard = threading.Condition()
        self.worker = Reconciler(
            self.world.store,
            self._walk,
            lambda _: None,
            worker="w",
            threads=THREADS,
            hold=timedelta(seconds=5),
            shut=self.known.shut,
            ticks=lambda: self.ticks,
        )
        self.known.when_open(self._go_on)
        self._add_grants()

    def _go_on(self, clusters: Collection[str]) -> None:
        with self.world.store.write() as tx:
            tx.wake_grants(clusters, self.world.clock.now())
        self.worker.run_due()

    def _add_grants(self) -> None:
        """Those of the hung cluster are over the longest, and so the most pressing of all."""
        now = self.world.clock.now()
        aliases = [HUNG] * OF_HUNG + [alias for alias in OTHERS for _ in range(OF_EACH)]
        with self.world.store.read() as tx:
            uids = {alias: tx.cluster_uid(alias) or "" for alias in {*aliases}}
        request = a_request(populate(self.world.store).ann, *(some_terms() for _ in aliases))
        over = timedelta(minutes=len(aliases))
        with self.world.store.write() as tx:
            tx.add_request(request)
            for number, alias in enumerate(aliases):
                over -= timedelta(seconds=1)
                grant = a_grant(request, number, due_at=now - over)
                tx.add_grant(
                    replace(
                        grant,
                        cluster=alias,
                        cluster_uid=uids[alias],
                        state=GrantState.REVOKING,
                        cause=Cause.EXPIRED,
                        revoking_at=now,
                        expires_at=now - over,
                    )
                )

    def _walk(self, grant_id: str, _fresh: Fresh | None = None) -> Grant | None:
        done = reconcile_grant(grant_id, ports=self.world)
        assert done is not None
        if done.problem:
            self.known.suspect(done.cluster)
        elif done.state is GrantState.ENDED:
            with self._heard:
                self.ended.append(done.cluster)
                self._heard.notify_all()
        return done

    def wait_ended(self, count: int) -> None:
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.ended) >= count, 60)

    def is_at_rest(self) -> bool:
        """Tell whether no claim of the hung cluster's is held."""
        return not any(g.id in self.world.store._rows.claims for g in self.grants())

    def grants(self) -> list[Grant]:
        with self.world.store.read() as tx:
            return [g for g in tx.live_grants() if g.cluster == HUNG]

    def stop(self) -> None:
        self.hung.stalled = False
        self.hung.time_out.set()
        assert self.worker.stop(SOON)
        assert self.known.stop(SOON)


@pytest.fixture
def town(dice: random.Random) -> Iterator[Town]:
    town = Town(dice)
    yield town
    town.stop()


@pytest.mark.security("B3")
def test_the_others_end_all_of_theirs_at_the_first_look_while_one_hangs(town: Town) -> None:
    town.hung.stalled = True
    began = threading.active_count()
    started = town.worker.run_due()
    assert started == 20 * THREADS * 2, "each cluster claims for itself, whatever the others have"
    town.wait_ended(len(OTHERS) * OF_EACH)
    assert Counter(town.ended) == dict.fromkeys(OTHERS, OF_EACH)
    assert len(town.grants()) == OF_HUNG
    assert town.hung.stuck_calls == THREADS, "no more than its own threads wait for it"
    assert threading.active_count() - began <= 20 * THREADS + 1
    assert town.worker.run_due() == 0, "it takes no more while it hangs"


@pytest.mark.security("B3")
def test_a_cluster_that_timed_out_is_left_alone_and_its_return_brings_all_oldest_end_first(
    town: Town,
) -> None:
    """Each of its thousand grants ran into a time-out of its own, four at a time."""
    town.hung.stalled = True
    town.ticks += 5
    town.worker.run_due()
    town.wait_ended(len(OTHERS) * OF_EACH)
    town.hung.time_out.set()
    wait_until(lambda: town.known.problems, within=SOON, what="the look has failed, too")
    assert town.known.shut() == {HUNG}
    wait_until(town.is_at_rest, within=SOON, what="its walks have ended")
    calls = town.hung.stuck_calls
    assert calls <= THREADS * 2 + 1, "its walks, and the look"
    for _tick in range(20):
        town.worker.run_due()
    assert town.hung.stuck_calls == calls

    town.world.clock.forward(seconds=10)
    town.ticks += 10
    town.known.look()
    assert town.known.wait(SOON)
    town.known.look()
    while town.known.note_waiting():
        pass
    assert {g.problem for g in town.grants()} == {"cluster-unavailable"}
    town.world.clock.forward(minutes=2)
    while town.known.note_waiting():
        pass
    assert all(g.stuck for g in town.grants())
    assert town.hung.stuck_calls <= calls + 2, "looks alone"

    waiting = sorted(town.grants(), key=lambda g: g.expires_at or g.created_at)
    town.hung.stalled = False
    town.ticks += 10
    town.known.look()
    town.wait_ended(len(OTHERS) * OF_EACH + OF_HUNG)
    assert town.grants() == []
    assert town.world.store.claimed[-OF_HUNG:] == [grant.id for grant in waiting]  # type: ignore[attr-defined]
