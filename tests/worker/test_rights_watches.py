"""Watches of what rights hang on: each kind of each cluster, hints to the reviews and no more."""

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bot.worker.rights_watches import RightsCalls, RightsWatches
from bot.worker.watch_line import LineTimes
from grants.errors import ClusterForbidden, ClusterUnavailable, ValetkeyError
from grants.review.rights_change import RightsChange

SOON = 10.0
BOUND = RightsChange("ClusterRoleBinding", "new")
QUICK = LineTimes(first=timedelta(milliseconds=1), longest=timedelta(milliseconds=2))


@dataclass
class FakeStream:
    """A stream that says what a test puts into it; None is its agreed end."""

    goes_on: bool = False
    says: "queue.Queue[tuple[RightsChange, ...] | ValetkeyError | None]" = field(
        default_factory=queue.Queue
    )

    def batches(self) -> Iterator[tuple[RightsChange, ...]]:
        while (told := self.says.get()) is not None:
            if isinstance(told, ValetkeyError):
                raise told
            yield told

    def close(self) -> None:
        self.says.put(ClusterUnavailable("prod", "watch", "closed"))


@dataclass
class FakeWatcher:
    """Opens streams that a test reaches by `opened`; `refuses` has it fail."""

    opened: "queue.Queue[FakeStream]" = field(default_factory=queue.Queue)
    goes_on: bool = False
    refuses: ValetkeyError | None = None
    tried: "queue.Queue[int]" = field(default_factory=queue.Queue)

    def open(self) -> FakeStream:
        self.tried.put(1)
        if self.refuses is not None:
            raise self.refuses
        stream = FakeStream(self.goes_on)
        self.opened.put(stream)
        return stream


@dataclass
class Stage:
    """Two clusters of two kinds each, and what was heard of them."""

    watchers: dict[str, list[FakeWatcher]] = field(
        default_factory=lambda: {a: [FakeWatcher(), FakeWatcher()] for a in ("prod", "stage")}
    )
    heard: "queue.Queue[str]" = field(default_factory=queue.Queue)
    lost: "queue.Queue[tuple[str, str]]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        calls = RightsCalls(self.heard.put, lambda *what: self.lost.put(what))
        self.watches = RightsWatches(self, calls, QUICK)

    def aliases(self) -> tuple[str, ...]:
        return tuple(self.watchers)

    def get(self, alias: str) -> "Cluster":
        return Cluster(self.watchers[alias])


@dataclass
class Cluster:
    """One that is watched."""

    watchers: list[FakeWatcher]

    def rights_watchers(self) -> list[FakeWatcher]:
        return self.watchers


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    assert stage.watches.stop(timedelta(seconds=SOON))


def test_a_change_in_a_cluster_is_heard_of_that_cluster(stage: Stage) -> None:
    stage.watches.tend()
    stage.watches.tend()
    streams = [w.opened.get(timeout=SOON) for w in stage.watchers["stage"]]
    assert stage.heard.empty(), "a start brings no review"
    streams[1].says.put((BOUND, BOUND))
    assert stage.heard.get(timeout=SOON) == "stage"
    assert stage.heard.empty(), "many at once are one hint"
    assert stage.watchers["stage"][0].opened.empty(), "tending again begins nothing twice"


def test_a_stream_that_was_lost_may_have_missed_something(stage: Stage) -> None:
    watcher = stage.watchers["prod"][0]
    stage.watches.tend()
    watcher.opened.get(timeout=SOON).says.put(ClusterUnavailable("prod", "watch", "cut"))
    assert stage.lost.get(timeout=SOON) == ("prod", "cluster-unavailable")
    assert stage.heard.get(timeout=SOON) == "prod"
    watcher.goes_on = True
    watcher.opened.get(timeout=SOON).says.put(None)  # as agreed, and gone on from
    watcher.opened.get(timeout=SOON).says.put((BOUND,))
    assert stage.heard.get(timeout=SOON) == "prod"
    assert stage.heard.empty()


def test_a_missing_right_is_told_and_the_others_go_on(stage: Stage) -> None:
    stage.watchers["prod"][0].refuses = ClusterForbidden("prod", "watch roles")
    stage.watches.tend()
    assert stage.lost.get(timeout=SOON) == ("prod", "cluster-forbidden")
    assert stage.watches.problems() == ("cluster-forbidden",)
    stage.watchers["prod"][1].opened.get(timeout=SOON).says.put((BOUND,))
    assert stage.heard.get(timeout=SOON) == "prod"


def test_who_is_stopped_begins_no_more(stage: Stage) -> None:
    assert stage.watches.stop(timedelta(seconds=SOON))
    stage.watches.tend()
    assert all(w.tried.empty() for some in stage.watchers.values() for w in some)
