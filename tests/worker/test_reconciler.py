"""The worker's threads: who is claimed, who waits, and what a walk that never ends costs."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.worker.reconciler import Reconciler
from grants.access.fresh import Ending, Fresh, Handed
from grants.access.ports import Claimed, Hold
from grants.errors import StoreUnavailable
from tests.support.fault_worker import wait_for
from tests.support.memory_store import MemoryStore
from tests.support.store_values import NOW, FixedClock, a_grant, a_request, populate, some_terms

HOLD = timedelta(seconds=5)


class Hall:
    """Walks that stand still until they are let go."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = False
        self.inside: list[str] = []
        self.left: list[str] = []

    def walk(self, grant: str) -> None:
        with self._changed:
            self.inside.append(grant)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._open, 10)
            self.left.append(grant)
            self._changed.notify_all()

    def open(self) -> None:
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def holds(self, what: Callable[[], bool], within_seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(what, within_seconds)

    def wait(self, what: Callable[[], bool]) -> None:
        assert self.holds(what, 10)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def store(clock: FixedClock) -> MemoryStore:
    return MemoryStore(clock)


def _due(store: MemoryStore, *clusters: str) -> list[str]:
    """Add one due grant in each of these clusters, the first the longest due."""
    request = a_request(populate(store).ann, *(some_terms() for _ in clusters))
    grants = [
        replace(
            a_grant(request, number, due_at=NOW - timedelta(minutes=len(clusters) - number)),
            cluster=cluster,
        )
        for number, cluster in enumerate(clusters)
    ]
    with store.write() as tx:
        tx.add_request(request)
        for grant in grants:
            tx.add_grant(grant)
    return [grant.id for grant in grants]


@contextmanager
def _worker(
    store: MemoryStore,
    walk: Callable[[str], object],
    hung: Callable[[str], object] = lambda _: None,
    ticks: Callable[[], float] = lambda: 0.0,
    **more: Any,
) -> Iterator[Reconciler]:
    def forward(grant: str, _fresh: Fresh | None) -> Any:
        return walk(grant)

    worker = Reconciler(store, forward, hung, worker="w", threads=2, hold=HOLD, ticks=ticks, **more)
    try:
        yield worker
    finally:
        worker.stop()


@pytest.mark.security("B3")
def test_a_cluster_that_hangs_keeps_no_other_clusters_grants_waiting(store: MemoryStore) -> None:
    """All threads hung in one cluster, whose grants were due the longest, and leases elsewhere
    ended minutes late.
    """
    ids = _due(store, *["hangs"] * 6, "well")
    hall, done = Hall(), threading.Event()

    def walk(grant: str) -> None:
        if grant == ids[-1]:
            done.set()
        else:
            hall.walk(grant)

    with _worker(store, walk) as worker:
        for _round in range(3):
            worker.run_due()
        try:
            assert done.wait(10)
            hall.wait(lambda: len(hall.inside) == 2)
        finally:
            hall.open()


def test_no_more_is_claimed_than_will_soon_have_a_thread(store: MemoryStore) -> None:
    _due(store, *["one"] * 9)
    hall = Hall()
    with _worker(store, hall.walk) as worker:
        try:
            assert [worker.run_due() for _ in range(3)] == [4, 0, 0]
            hall.wait(lambda: len(hall.inside) == 2)
        finally:
            hall.open()


@pytest.mark.security("B3")
def test_a_small_clusters_grant_is_begun_though_another_has_a_thousand_due(
    store: MemoryStore,
) -> None:
    """The longest due were claimed first, whichever cluster's they were: a cluster whose thousand
    leases ended a moment earlier kept another's one waiting until all of them had a thread.
    """
    ids = _due(store, *["big"] * 1000, "small")
    hall, begun = Hall(), threading.Event()

    def walk(grant: str) -> None:
        if grant == ids[-1]:
            begun.set()
        else:
            hall.walk(grant)

    with _worker(store, walk) as worker:
        try:
            assert worker.run_due() == 5, "one look must begin it, whatever else is due"
            assert begun.wait(10)
        finally:
            worker.stop(timedelta(0))
            hall.open()


def test_a_cluster_may_have_threads_of_its_own_number(store: MemoryStore) -> None:
    _due(store, *["one"] * 9, *["two"] * 9)
    hall = Hall()
    with _worker(store, hall.walk, threads_in={"two": 3}) as worker:
        try:
            assert worker.run_due() == 2 * 2 + 2 * 3
            hall.wait(lambda: len(hall.inside) == 2 + 3)
        finally:
            hall.open()


def test_nothing_is_claimed_in_a_cluster_that_is_shut_until_it_opens(store: MemoryStore) -> None:
    ids = _due(store, *["dead"] * 3, "well")
    hall, shut = Hall(), {"dead"}
    hall.open()
    with _worker(store, hall.walk, shut=lambda: shut) as worker:
        assert worker.run_due() == 1
        hall.wait(lambda: hall.left == [ids[-1]])
        assert not set(hall.inside) & set(ids[:3])
        shut.clear()
        worker.run_due()
        hall.wait(lambda: len(hall.left) >= 4)
    assert set(hall.left) == set(ids)


def test_what_waits_for_a_thread_when_its_cluster_shuts_is_given_back(store: MemoryStore) -> None:
    """Each of a dead cluster's grants ran into its own time-out, one after the other."""
    _due(store, *["dead"] * 20)
    hall, shut = Hall(), set[str]()
    with _worker(store, hall.walk, shut=lambda: shut) as worker:
        assert worker.run_due() == 4
        hall.wait(lambda: len(hall.inside) == 2)
        shut.add("dead")
        hall.open()
        hall.wait(lambda: len(hall.left) == 2)
        assert worker.stop()
    assert len(hall.inside) == 2
    assert len(store.claim_grants("another", 100, HOLD)) == 20


def test_a_walk_whose_claim_lapsed_while_it_waited_for_a_thread_is_not_begun(
    store: MemoryStore,
) -> None:
    """Another replica may be at it by then."""
    _due(store, *["one"] * 3)
    hall, now = Hall(), [0.0]
    with _worker(store, hall.walk, ticks=lambda: now[0]) as worker:
        assert worker.run_due() == 3
        hall.wait(lambda: len(hall.inside) == 2)
        now[0] = HOLD.total_seconds()
        hall.open()
        hall.wait(lambda: len(hall.left) == 2)
        assert worker.stop()
    assert len(hall.inside) == 2


@pytest.mark.security("G1")
def test_many_that_are_due_wait_for_no_tick_of_the_clock(store: MemoryStore) -> None:
    """Only as many walks as there are threads began at each tick: a thousand active grants, each
    looked at once a minute, made leases end late.
    """
    ids = _due(store, *["one"] * 30, *["two"] * 10)
    hall = Hall()
    hall.open()

    def walk(grant: str) -> None:
        with store.write() as tx:
            found = tx.grant(grant)
            assert found is not None
            tx.save_grant(replace(found, due_at=NOW + timedelta(minutes=1)))
        hall.walk(grant)

    with _worker(store, walk) as worker:
        worker.run_due()
        hall.wait(lambda: len(hall.left) == len(ids))
    assert sorted(hall.left) == sorted(ids)


def test_a_claim_that_lapsed_starts_no_second_walk_here(
    store: MemoryStore, clock: FixedClock
) -> None:
    (grant,) = _due(store, "one")
    hall = Hall()
    with _worker(store, hall.walk) as worker:
        worker.run_due()
        hall.wait(lambda: hall.inside == [grant])
        clock.move(HOLD)
        try:
            assert worker.run_due() == 1
        finally:
            hall.open()
    assert hall.left == [grant]


def test_a_walk_that_does_not_end_is_told_every_minute(
    store: MemoryStore, clock: FixedClock
) -> None:
    """A credential plugin hung: its thread's grant was neither retried nor shown as failing."""
    (grant,) = _due(store, "one")
    hall, told = Hall(), list[str]()
    now = [0.0]
    with _worker(store, hall.walk, told.append, lambda: now[0]) as worker:
        worker.run_due()
        hall.wait(lambda: hall.inside == [grant])
        try:
            for seconds, times in ((59, 0), (60, 1), (119, 1), (120, 2)):
                now[0] = float(seconds)
                worker.run_due()
                assert told == [grant] * times
        finally:
            hall.open()


def test_a_walk_that_fails_leaves_its_claim_to_lapse_and_its_thread_free(
    store: MemoryStore, clock: FixedClock
) -> None:
    (grant,) = _due(store, "one")
    hall = Hall()
    hall.open()

    def walk(grant: str) -> None:
        hall.walk(grant)
        raise StoreUnavailable("down")

    with _worker(store, walk) as worker:
        assert worker.run_due() == 1
        hall.wait(lambda: hall.left == [grant])
        assert worker.run_due() == 0
        for _try in range(1000):  # its thread may not be quite free yet
            clock.move(HOLD)
            worker.run_due()
            if hall.holds(lambda: len(hall.left) > 1, 0.01):
                return
    raise AssertionError("the walk was not begun again")


def test_a_stopped_worker_starts_nothing(store: MemoryStore) -> None:
    _due(store, "one")
    with _worker(store, lambda _: None) as worker:
        worker.stop()
        worker.run_due()
    assert not any(thread.name.startswith("reconcile-") for thread in threading.enumerate())


def test_a_stop_gives_back_a_walk_that_takes_long_so_that_another_replica_goes_on(
    store: MemoryStore,
) -> None:
    """A rolled replica kept its claims until they lapsed, and its grants waited five seconds."""
    (grant,) = _due(store, "one")
    hall = Hall()
    with _worker(store, hall.walk) as worker:
        worker.run_due()
        hall.wait(lambda: hall.inside == [grant])
        try:
            assert not store.claim_grants("another", 1, HOLD)
            assert not worker.stop(timedelta(seconds=0.05)), "it said that nothing was under way"
            assert [one.grant for one in store.claim_grants("another", 1, HOLD)] == [grant]
        finally:
            hall.open()


def test_a_stop_waits_for_the_walks_under_way(store: MemoryStore) -> None:
    (grant,) = _due(store, "one")
    hall = Hall()
    with _worker(store, hall.walk) as worker:
        worker.run_due()
        hall.wait(lambda: hall.inside == [grant])
        threading.Timer(0.05, hall.open).start()
        assert worker.stop(timedelta(seconds=10))
        assert hall.left == [grant]
    assert store.claim_grants("another", 1, HOLD), "its claim was not given back"


class _StopsAtClaim(MemoryStore):
    """Has something happen between a claim and the start of its walk."""

    then: Callable[[], object] = staticmethod(lambda: None)

    def claim_grants(
        self, worker: str, limit: int, hold: timedelta, cluster: str | None = None
    ) -> tuple[Claimed, ...]:
        claimed = super().claim_grants(worker, limit, hold, cluster)
        self.then()
        return claimed


def test_what_was_claimed_while_it_stopped_is_given_back(clock: FixedClock) -> None:
    store = _StopsAtClaim(clock)
    (grant,) = _due(store, "one")
    with _worker(store, lambda _: None) as worker:
        store.then = lambda: worker.stop(timedelta(0))
        worker.run_due()
        store.then = lambda: None
    assert [one.grant for one in store.claim_grants("another", 1, HOLD)] == [grant]


class _BreaksAtRelease(_StopsAtClaim):
    """One grant can't be given back, for a reason of ours."""

    broken = ""

    def release_grant(self, grant: str, worker: str) -> None:
        if grant == self.broken:
            raise KeyError(grant)
        super().release_grant(grant, worker)


def test_a_lane_that_breaks_leaves_the_others_as_they_were(clock: FixedClock) -> None:
    """They would have stayed reserved, and nothing would have been claimed there again."""
    store = _BreaksAtRelease(clock)
    first, second = _due(store, "one", "two")
    store.broken = first
    with _worker(store, lambda _: None) as worker:
        store.then = lambda: worker.stop(timedelta(0))
        with pytest.raises(KeyError):
            worker.run_due()
        store.then = lambda: None
    assert [one.grant for one in store.claim_grants("another", 2, HOLD)] == [second]


def test_a_worker_is_behind_for_a_moment_after_it_found_more_than_it_has_room_for(
    store: MemoryStore,
) -> None:
    """A cluster that hangs, whose walks make no room, is no reason to wait with anything."""
    _due(store, *["c"] * 5)
    hall, now = Hall(), [0.0]
    with _worker(store, hall.walk, ticks=lambda: now[0]) as worker:
        assert not worker.is_behind()
        worker.run_due()
        assert worker.is_behind()
        now[0] = 1.0
        assert not worker.is_behind()
        hall.open()


def test_what_is_known_to_be_due_begins_without_a_search(store: MemoryStore) -> None:
    (grant,) = _due(store, "one")
    hall = Hall()
    with _worker(store, hall.walk) as worker:
        try:
            assert worker.begin("one", grant)
            hall.wait(lambda: hall.inside == [grant])
            assert not store.claim_grants("another", 1, HOLD), "it is claimed before it is walked"
            assert not worker.begin("one", grant), "one walk at a time: the next look tells"
            assert worker.run_due() == 0
        finally:
            hall.open()


def test_what_another_worker_has_in_hand_is_not_begun(store: MemoryStore) -> None:
    (grant,) = _due(store, "one")
    assert store.claim_grants("another", 1, HOLD)
    hall = Hall()
    hall.open()
    with _worker(store, hall.walk) as worker:
        assert worker.begin("one", grant)
        assert worker.stop()
    assert hall.inside == []


def test_nothing_is_begun_where_there_is_no_room_or_no_going(store: MemoryStore) -> None:
    ids = _due(store, *["full"] * 5, "dead")
    hall = Hall()
    with _worker(store, hall.walk, shut=lambda: {"dead"}) as worker:
        try:
            assert worker.run_due() == 4
            assert not worker.begin("full", ids[4])
            assert not worker.begin("dead", ids[5])
        finally:
            hall.open()
        worker.stop()
        assert not worker.begin("full", ids[4])


def test_what_was_begun_and_waits_for_a_thread_when_its_cluster_shuts_is_left(
    store: MemoryStore,
) -> None:
    ids = _due(store, *["one"] * 3)
    hall, shut = Hall(), set[str]()
    with _worker(store, hall.walk, shut=lambda: shut) as worker:
        assert all([worker.begin("one", grant) for grant in ids])  # noqa: C419 - each is begun
        hall.wait(lambda: len(hall.inside) == 2)
        shut.add("one")
        hall.open()
        hall.wait(lambda: len(hall.left) == 2)
        assert worker.stop()
    assert len(hall.inside) == 2


def _fresh(store: MemoryStore, cluster: str = "one") -> Fresh:
    """Add a grant that was born with the claim of worker `w`."""
    hold = Hold("w", HOLD)
    request = a_request(populate(store).ann, some_terms())
    grant = replace(a_grant(request, due_at=NOW - timedelta(minutes=1)), cluster=cluster)
    with store.write() as tx:
        tx.add_request(request)
        tx.add_grant(grant, hold)
    return Fresh(grant, (), hold)


@contextmanager
def _taker(
    store: MemoryStore, taken: list[tuple[str, Handed | None]], **more: Any
) -> Iterator[Reconciler]:
    """A worker that notes what it is to walk, on one thread."""

    def forward(grant: str, fresh: Handed | None) -> None:
        taken.append((grant, fresh))

    worker = Reconciler(store, forward, lambda _: None, worker="w", threads=1, hold=HOLD, **more)
    try:
        yield worker
    finally:
        worker.stop()


def test_what_was_born_claimed_is_walked_as_it_was_handed_over(store: MemoryStore) -> None:
    fresh, taken = _fresh(store), list[tuple[str, Handed | None]]()
    with _taker(store, taken) as worker:
        assert worker.hold_for("one") == fresh.hold
        assert worker.begin("one", fresh.grant.id, fresh)
        assert worker.stop()
    assert taken == [(fresh.grant.id, fresh)]
    assert store.claim_grants("another", 1, HOLD), "its claim is given back"


@pytest.mark.parametrize(("took", "walked"), [(0.5, "as handed"), (2.0, "anew"), (5.0, "not")])
def test_a_claim_is_as_old_as_the_transaction_that_stored_it(
    store: MemoryStore, took: float, walked: str
) -> None:
    """It may have waited long for others: by then the claim has lapsed, and others may have it."""
    fresh, taken = _fresh(store), list[tuple[str, Handed | None]]()
    ticks = [100.0]
    with _taker(store, taken, ticks=lambda: ticks[0]) as worker:
        hold = worker.hold_for("one")
        assert hold is not None
        ticks[0] += took
        assert worker.begin("one", fresh.grant.id, replace(fresh, hold=hold))
        assert worker.stop()
    said = {(): "not", (None,): "anew"}.get(tuple(one for _, one in taken), "as handed")
    assert said == walked


@pytest.mark.parametrize("problem", [None, StoreUnavailable("down")])
def test_what_is_claimed_as_walks_end_is_read_all_at_once(
    store: MemoryStore, problem: StoreUnavailable | None
) -> None:
    """Where it can't be, each is read by its own walk: the hint is all that is lost."""
    ids, taken = _due(store, *["one"] * 6), list[tuple[str, Handed | None]]()
    reads, claimed = list[tuple[str, ...]](), threading.Event()
    with store.read() as tx:
        (grant, *_) = tx.live_grants()

    def read(grants: Sequence[str]) -> dict[str, Handed]:
        reads.append(tuple(grants))
        if problem:
            raise problem
        return {one: Ending(replace(grant, id=one), None) for one in grants[:2]}

    def forward(grant: str, handed: Handed | None) -> None:
        assert claimed.wait(10)
        taken.append((grant, handed))
        with store.write() as tx:
            found = tx.grant(grant)
            assert found is not None
            tx.save_grant(replace(found, due_at=NOW + timedelta(minutes=1)))

    worker = Reconciler(store, forward, lambda _: None, read, worker="w", threads=1, hold=HOLD)
    try:
        assert worker.run_due() == 2
        claimed.set()
        wait_for(lambda: len(taken) == 6, 10, "all are walked")
    finally:
        worker.stop()
    assert [one for one, _ in taken] == ids
    assert [one for some in reads for one in some] == ids[2:]
    assert len(reads[0]) == 2
    handed = {one: told.grant.id for one, told in taken if told is not None}
    assert handed == {one: one for one in handed}
    assert bool(handed) is (problem is None)


def test_what_was_handed_over_a_moment_too_long_ago_is_read_anew(store: MemoryStore) -> None:
    fresh, taken, now = _fresh(store), list[tuple[str, Handed | None]](), iter([0.0, 1.0])
    with _taker(store, taken, ticks=lambda: next(now, 1.0)) as worker:
        assert worker.begin("one", fresh.grant.id, fresh)
        assert worker.stop()
    assert taken == [(fresh.grant.id, None)]


def test_what_was_born_claimed_and_waited_until_that_lapsed_is_left(store: MemoryStore) -> None:
    fresh, taken, now = _fresh(store), list[tuple[str, Handed | None]](), iter([0.0, 5.0])
    with _taker(store, taken, ticks=lambda: next(now, 5.0)) as worker:
        assert worker.begin("one", fresh.grant.id, fresh)
        assert worker.stop()
    assert taken == []


def test_what_was_born_claimed_and_finds_no_room_is_given_to_others_at_once(
    store: MemoryStore,
) -> None:
    taken = list[tuple[str, Handed | None]]()
    fresh = _fresh(store, "dead")
    with _taker(store, taken, shut=lambda: {"dead"}) as worker:
        assert worker.hold_for("dead") is None
        assert not worker.begin("dead", fresh.grant.id, fresh)
        assert store.claim_grants("another", 1, HOLD)
        worker.stop()
        assert worker.hold_for("one") is None
    assert taken == []


def test_nothing_is_to_be_born_claimed_where_there_is_no_room(store: MemoryStore) -> None:
    _due(store, *["full"] * 4)
    hall = Hall()
    with _worker(store, hall.walk) as worker:
        try:
            assert worker.run_due() == 4
            assert worker.hold_for("full") is None
            assert worker.hold_for("another") is not None
        finally:
            hall.open()
