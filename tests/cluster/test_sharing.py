"""Reads that are made once for all who ask at the same moment: never one from before they asked."""

import hashlib
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest

from grants.clusters.sharing import SharedRead
from grants.errors import ClusterUnavailable
from tests.support.fault_worker import wait_for

FOR_EVER = timedelta(seconds=60)


class Desk:
    """Gives a number that grows with each read; each read waits until the desk opens."""

    def __init__(self, wait_most: timedelta = FOR_EVER) -> None:
        self.reads = 0
        self.error: Exception | None = None
        self._open = threading.Event()
        self.shared = SharedRead(self._read, wait_most=wait_most)
        self._pool = ThreadPoolExecutor(16)

    def _read(self) -> int:
        self.reads += 1
        mine = self.reads
        assert self._open.wait(10)
        if self.error is not None:
            raise self.error
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
        coming = self.shared._coming
        return coming.askers if coming else 0

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


def test_what_fails_fails_for_all_who_share_it_and_for_nobody_else() -> None:
    desk = Desk()
    desk.error = ClusterUnavailable("prod", "get readyz", "no answer in time")
    first, others = desk.ask_first(), desk.ask_beside(3)
    desk.open()
    for asked in (first, *others):
        with pytest.raises(ClusterUnavailable, match="no answer in time"):
            asked.result(10)
    desk.error = None
    assert desk.shared() == 3
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
