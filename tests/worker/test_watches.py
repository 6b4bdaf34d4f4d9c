"""Watches: which streams are open, what is done with what they tell, and how they are lost."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

import pytest

from bot.worker.watch_line import LineTimes
from bot.worker.watches import CHANGES_MOST, SWEEP_APART, WatchCalls, Watches
from grants.access.cluster_port import Binding
from grants.access.model import Grant, GrantState
from grants.access.watch_port import BindingChange, BindingKind, Change, RoleChange, Watched
from grants.errors import ClusterForbidden, ClusterUnavailable, StoreUnavailable, ValetkeyError
from tests.support.memory_store import MemoryStore
from tests.support.world import VIEW, World

SOON_SECONDS = 10.0
QUICK = LineTimes(first=timedelta(milliseconds=1), longest=timedelta(milliseconds=4))


class End:
    """What a stream's queue holds when the server ends it as agreed."""


Told = tuple[Change, ...] | ValetkeyError | End


@dataclass
class FakeStream:
    """A stream that says what a test puts into it."""

    goes_on: bool = False
    says: "queue.Queue[Told]" = field(default_factory=queue.Queue)
    closed: threading.Event = field(default_factory=threading.Event)

    def batches(self) -> Iterator[tuple[Change, ...]]:
        while not isinstance(told := self.says.get(), End):
            if isinstance(told, ValetkeyError):
                raise told
            yield told

    def close(self) -> None:
        self.closed.set()
        self.says.put(ClusterUnavailable("prod", "watch", "closed"))


@dataclass
class FakeWatcher:
    """Opens the streams that a test has laid out, and then what `otherwise` gives: quiet ones."""

    otherwise: "Callable[[], FakeStream]" = FakeStream
    opened: "queue.Queue[FakeStream]" = field(default_factory=queue.Queue)
    next: "queue.Queue[FakeStream | ValetkeyError]" = field(default_factory=queue.Queue)
    tries: int = 0

    def open(self) -> FakeStream:
        self.tries += 1
        try:
            stream = self.next.get_nowait()
        except queue.Empty:
            stream = self.otherwise()
        if isinstance(stream, ValetkeyError):
            raise stream
        self.opened.put(stream)
        return stream


@dataclass
class FakeWatched:
    """A cluster that is watched."""

    alias: str
    watchers: dict[Watched, FakeWatcher] = field(default_factory=dict)

    def watcher(self, watched: Watched) -> FakeWatcher:
        return self.watchers.setdefault(watched, FakeWatcher())


@dataclass
class FakeWatchedClusters:
    one: FakeWatched

    def get(self, alias: str) -> FakeWatched | None:
        return self.one if alias == self.one.alias else None

    def aliases(self) -> tuple[str, ...]:
        return (self.one.alias,)


@dataclass
class Meter:
    """What was counted."""

    streams: dict[str, int] = field(default_factory=dict)
    changes: int = 0
    hurried: int = 0
    restarts: list[str] = field(default_factory=list)

    def watch_streams(self, cluster: str, count: int) -> None:
        self.streams[cluster] = count

    def watch_heard(self, cluster: str, changes: int, hurried: int) -> None:
        self.changes += changes
        self.hurried += hurried

    def watch_restarted(self, cluster: str, why: str) -> None:
        self.restarts.append(why)


class Stage:
    """Watches over a world in memory. `ticks` moves by hand; waits of lines are cut short."""

    def __init__(self) -> None:
        self.world = World()
        self.cluster = FakeWatched("prod")
        self.meter = Meter()
        self.woken = threading.Semaphore(0)
        self.sweeps: list[str] = []
        self.turn = True
        self.can_sweep = True
        self.now = 0.0
        calls = WatchCalls(
            wake=self.woken.release,
            sweep=self._sweep,
            my_turn=self._my_turn,
            meter=self.meter,
        )
        self.watches = Watches(
            self.world, FakeWatchedClusters(self.cluster), calls, QUICK, ticks=lambda: self.now
        )

    def _sweep(self, alias: str) -> bool:
        self.sweeps.append(alias)
        return self.can_sweep

    def _my_turn(self, scope: str, every: timedelta) -> bool:
        assert (scope, every) == ("sweep-now:prod", SWEEP_APART)
        return self.turn

    def tend(self, after_seconds: float = 5) -> None:
        self.now += after_seconds
        self.watches.tend()

    def until_tended(self, check: Callable[[], bool]) -> None:
        """Tend again and again, as the loop does, until something has come to be."""

        def tended() -> bool:
            self.watches.tend()
            return check()

        until(tended)

    def stream(self, watched: Watched = BindingKind.NAMESPACED) -> FakeStream:
        """The next stream that was opened."""
        return self.cluster.watcher(watched).opened.get(timeout=SOON_SECONDS)

    def next(self, *streams: FakeStream | ValetkeyError) -> None:
        for stream in streams:
            self.cluster.watcher(BindingKind.NAMESPACED).next.put(stream)

    def active(self) -> Grant:
        return self.world.reconcile(self.world.active().id)

    def binding(self, grant: Grant) -> Binding:
        found = self.world.cluster.peek(self.world.place(grant))
        assert found is not None
        return found


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    assert stage.watches.stop(timedelta(seconds=1))


def until(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON_SECONDS
    while not check():
        assert time.monotonic() < deadline, "it did not come to be"
        threading.Event().wait(0.002)


def test_bindings_are_watched_and_the_role_of_a_grant_as_long_as_it_is_active(
    stage: Stage,
) -> None:
    stage.tend()
    until(lambda: stage.meter.streams == {"prod": 2})
    grant = stage.active()
    stage.tend()
    until(lambda: stage.meter.streams == {"prod": 3})
    of_role = stage.stream(VIEW)
    stage.world.clock.forward(hours=2)
    assert stage.world.reconcile(grant.id).state is GrantState.ENDED
    stage.tend()
    assert of_role.closed.wait(SOON_SECONDS)
    until(lambda: stage.meter.streams == {"prod": 2})


def test_what_is_to_be_watched_is_looked_up_now_and_then(stage: Stage) -> None:
    stage.tend()
    stage.active()
    stage.tend(after_seconds=4)
    assert VIEW not in stage.cluster.watchers
    stage.tend(after_seconds=1)
    assert stage.stream(VIEW)


def test_a_deleted_binding_is_looked_at_at_once(stage: Stage) -> None:
    grant = stage.active()
    stage.tend()
    stage.stream().says.put((BindingChange(stage.binding(grant), gone=True),))
    stage.until_tended(lambda: stage.woken.acquire(blocking=False))
    assert stage.world.grant(grant.id).due_at == stage.world.clock.now()
    assert (stage.meter.changes, stage.meter.hurried) == (1, 1)


def test_a_changed_role_is_looked_at_at_once(stage: Stage) -> None:
    grant = stage.active()
    stage.tend()
    stage.stream(VIEW).says.put((RoleChange(VIEW, None, ()),))
    stage.until_tended(lambda: stage.woken.acquire(blocking=False))
    assert stage.world.grant(grant.id).due_at == stage.world.clock.now()


def test_a_thousand_changes_of_our_own_wake_nobody(stage: Stage) -> None:
    grant = stage.active()
    binding = stage.binding(grant)
    stage.world.clock.forward(hours=2)
    stage.world.reconcile(grant.id)
    stage.tend()
    until(lambda: stage.meter.streams == {"prod": 2})
    stage.tend(after_seconds=0)
    swept = len(stage.sweeps)
    stream = stage.stream()
    for _change in range(1000):
        stream.says.put((BindingChange(binding, gone=True),))
    stage.until_tended(lambda: stage.meter.changes == 1000)
    stage.tend(after_seconds=0)
    assert stage.meter.hurried == 0
    assert len(stage.sweeps) == swept
    assert not stage.woken.acquire(blocking=False)


def test_a_cluster_is_swept_once_its_streams_are_open(stage: Stage) -> None:
    """What was changed before nobody has told; a list does."""
    stage.tend()
    until(lambda: stage.meter.streams == {"prod": 2})
    stage.tend(after_seconds=0)
    assert stage.sweeps == ["prod"]
    stage.tend(after_seconds=0)
    assert stage.sweeps == ["prod"]


def test_a_stream_that_goes_on_needs_no_sweep(stage: Stage) -> None:
    stage.next(FakeStream(), FakeStream(goes_on=True), FakeStream())
    stage.tend()
    first = stage.stream()
    until(lambda: stage.meter.streams == {"prod": 2})
    stage.tend(after_seconds=0)
    assert stage.sweeps == ["prod"]
    first.says.put(End())
    second = stage.stream()
    stage.tend(after_seconds=0)
    assert stage.sweeps == ["prod"]
    second.says.put(ClusterUnavailable("prod", "watch rolebindings", "cut"))
    stage.stream()
    until(lambda: stage.meter.streams == {"prod": 2})
    stage.tend(after_seconds=0)
    assert stage.sweeps == ["prod", "prod"]
    assert stage.meter.restarts == ["cluster-unavailable"]


def test_a_sweep_is_asked_for_until_it_is_begun(stage: Stage) -> None:
    stage.turn = False
    stage.tend()
    until(lambda: stage.meter.streams == {"prod": 2})
    stage.tend(after_seconds=0)
    assert stage.sweeps == []
    stage.turn, stage.can_sweep = True, False
    stage.tend(after_seconds=0)
    stage.can_sweep = True
    stage.tend(after_seconds=0)
    stage.tend(after_seconds=0)
    assert stage.sweeps == ["prod", "prod"]


def test_a_lost_stream_is_opened_again_and_again(stage: Stage) -> None:
    lost = [ClusterUnavailable("prod", "watch rolebindings", str(n)) for n in range(5)]
    stage.next(*lost)
    stage.tend()
    stream = stage.stream()
    assert stage.meter.restarts == ["cluster-unavailable"] * 5
    until(lambda: stage.watches.problems() == ())
    stream.says.put(End())
    assert stage.stream()


def test_a_watch_that_stays_away_is_shown(stage: Stage) -> None:
    def refuse() -> FakeStream:
        raise ClusterUnavailable("prod", "watch", "down")

    stage.cluster.watcher(BindingKind.NAMESPACED).otherwise = refuse
    stage.tend()
    until(lambda: stage.watches.problems() == ("cluster-unavailable",))


def test_a_watch_that_is_not_allowed_is_said_once_and_tried_seldom(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.next(ClusterForbidden("prod", "watch rolebindings", "403"))
    stage.tend()
    until(lambda: stage.watches.problems() == ("cluster-forbidden",))
    assert stage.cluster.watcher(BindingKind.NAMESPACED).tries == 1
    assert stage.meter.restarts == ["cluster-forbidden"]
    assert [r.message for r in caplog.records] == ["a watch is lost; lists go on"]


class AwayStore(MemoryStore):
    """A database that is away."""

    def read(self) -> NoReturn:
        raise StoreUnavailable("down")


def test_what_came_while_the_database_is_away_is_swept_for(stage: Stage) -> None:
    grant = stage.active()
    stage.tend()
    until(lambda: stage.meter.streams == {"prod": 3})
    stage.tend(after_seconds=0)
    swept = len(stage.sweeps)
    there, stage.world.store = stage.world.store, AwayStore()
    stage.stream().says.put((BindingChange(stage.binding(grant), gone=True),))
    stage.until_tended(lambda: len(stage.sweeps) > swept)
    stage.world.store = there
    assert stage.meter.restarts == []


def test_more_changes_than_can_be_kept_are_swept_for(stage: Stage) -> None:
    grant = stage.active()
    stage.tend()
    until(lambda: stage.meter.streams == {"prod": 3})
    stage.tend(after_seconds=0)
    swept = len(stage.sweeps)
    change = BindingChange(stage.binding(grant))
    stage.stream().says.put((change,) * (CHANGES_MOST + 1))
    stage.until_tended(lambda: len(stage.sweeps) > swept)
    assert stage.meter.changes == 0


def test_a_stop_ends_every_stream_at_once(stage: Stage) -> None:
    stage.active()
    stage.tend()
    streams = [stage.stream(), stage.stream(BindingKind.CLUSTER_WIDE), stage.stream(VIEW)]
    until(lambda: stage.meter.streams == {"prod": 3})
    began = time.monotonic()
    stage.watches.stop(timedelta(seconds=10))
    assert time.monotonic() - began < 1
    assert all(stream.closed.is_set() for stream in streams)
    assert not [t for t in threading.enumerate() if t.name == "watch-prod" and t.is_alive()]
    stage.tend()
    assert stage.cluster.watcher(VIEW).opened.empty()


def test_a_stop_does_not_wait_for_a_connection_that_hangs(stage: Stage) -> None:
    go_on = threading.Event()
    late = FakeStream()

    def hang() -> FakeStream:
        go_on.wait(SOON_SECONDS)
        return late

    stage.cluster.watcher(BindingKind.NAMESPACED).otherwise = hang
    stage.tend()
    began = time.monotonic()
    stage.watches.stop(timedelta(seconds=10))
    assert time.monotonic() - began < 3
    go_on.set()
    # What it opens after all is closed and not followed.
    assert late.closed.wait(SOON_SECONDS)
