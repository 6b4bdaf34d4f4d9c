"""Reads that are made once for all who ask at the same moment: never one from before they asked."""

import gc
import hashlib
import random
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest

from grants.clusters.sharing import SharedRead
from grants.errors import ClusterUnavailable
from tests.support.fault_worker import wait_for

FOR_EVER = timedelta(seconds=60)


class Desk:
    """Gives a number that grows with each read; each read waits until the desk opens."""

    def __init__(self, wait_most: timedelta = FOR_EVER, shared_most: timedelta = FOR_EVER) -> None:
        self.reads = 0
        self.fails: tuple[int, ...] = ()
        self._lock = threading.Lock()
        self._open = threading.Event()
        self.shared = SharedRead(self._read, wait_most=wait_most, shared_most=shared_most)
        self._pool = ThreadPoolExecutor(16)

    def _read(self) -> int:
        with self._lock:
            self.reads += 1
            mine = self.reads
        assert self._open.wait(10)
        if mine in self.fails:
            raise ClusterUnavailable("prod", "get readyz", f"no answer to {mine}")
        return mine

    def ask(self) -> "Future[int]":
        """Ask on a thread of its own."""
        return self._pool.submit(self.shared)

    def ask_first(self) -> "Future[int]":
        asked = self.ask()
        until(lambda: self.reads == 1)
        return asked

    def ask_beside(self, many: int) -> list["Future[int]"]:
        """Have so many ask while a read is on its way; all have asked when this returns."""
        asked = []
        for number in range(1, many + 1):
            asked.append(self.ask())
            until(lambda: self.askers == number)  # noqa: B023 - at once
        return asked

    @property
    def askers(self) -> int:
        """How many ask for the read that has not begun: who makes it, and who waits for it."""
        coming = self.shared._coming
        return 1 + len(coming._condition._waiters) if coming else 0  # type: ignore[attr-defined]

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self.open()
        self._pool.shutdown()
        assert self.shared._coming is None
        assert not self.shared._one_on_its_way.locked()


def until(is_so: Callable[[], bool]) -> None:
    wait_for(is_so, 10, "it has come to be so")


def test_one_after_the_other_each_reads_anew() -> None:
    desk = Desk()
    desk.open()
    assert [desk.shared() for _ in range(3)] == [1, 2, 3]
    desk.close()


def test_those_who_ask_while_one_is_on_its_way_share_the_next() -> None:
    desk = Desk()
    first, others = desk.ask_first(), desk.ask_beside(5)
    desk.open()
    assert first.result(10) == 1
    assert [one.result(10) for one in others] == [2] * 5
    assert desk.shared() == 3
    desk.close()


def test_one_that_hangs_is_not_waited_for() -> None:
    desk = Desk(timedelta(0))
    hanging = desk.ask_first()
    second = desk.ask()
    until(lambda: desk.reads == 2)
    assert not hanging.done()
    desk.open()
    assert (hanging.result(10), second.result(10)) == (1, 2)
    desk.close()


def test_what_fails_fails_for_who_made_it_and_the_others_ask_alone() -> None:
    desk = Desk()
    desk.fails = (2, 4)
    first, (own, *sharing) = desk.ask_first(), desk.ask_beside(4)
    desk.open()
    assert first.result(10) == 1
    assert "no answer to 2" in str(own.exception(10))
    found = [one.exception(10) or one.result() for one in sharing]
    assert [one for one in found if isinstance(one, int)] in ([3, 5], [5, 3])
    assert [str(one) for one in found if not isinstance(one, int)] == [
        str(ClusterUnavailable("prod", "get readyz", "no answer to 4"))
    ]
    assert desk.shared() == 6
    desk.close()


def test_a_thread_that_was_broken_off_keeps_nobody_waiting() -> None:
    desk = Desk(shared_most=timedelta(0))
    desk.open()
    desk.shared._coming = Future()
    assert [desk.shared(), desk.shared()] == [1, 2]
    desk.close()


def test_a_failure_holds_nothing_that_holds_it() -> None:
    """What walks hold would else be kept until a collection comes by."""
    desk = Desk()
    desk.fails = (1,)
    desk.open()

    class Held:
        """Stands for what the frames of a walk hold."""

    def walk() -> weakref.ref[Held]:
        held = Held()
        with suppress(ClusterUnavailable):
            desk.shared()
        return weakref.ref(held)

    gc.disable()
    try:
        assert walk()() is None
    finally:
        gc.enable()
    desk.close()


@pytest.mark.security("G2")
@pytest.mark.parametrize("wait_ms", [0, 10])
def test_nobody_is_told_what_was_seen_before_they_asked(wait_ms: int, seed: int) -> None:
    """Each asks after something it did; what it is told must have seen that."""
    lock, done = threading.Lock(), 0

    def act() -> int:
        nonlocal done
        with lock:
            done += 1
            return done

    def see() -> int:
        with lock:
            seen = done
        # Takes a while, in which the other threads go on.
        hashlib.sha256(bytes(random.Random(seed + seen).randrange(300_000))).digest()
        return seen

    shared = SharedRead(see, wait_most=timedelta(milliseconds=wait_ms))

    def many(_: int) -> list[tuple[int, int]]:
        return [(act(), shared()) for _ in range(200)]

    with ThreadPoolExecutor(8) as pool:
        found = [pair for pairs in pool.map(many, range(8)) for pair in pairs]
    assert len(found) == 1600
    assert all(did <= told for did, told in found)
