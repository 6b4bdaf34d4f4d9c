"""The clock: loops run on time, none stops another, and one that hangs is told."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from bot.worker.clockwork import Clockwork, Loop
from grants.errors import StoreUnavailable

OFTEN = timedelta(milliseconds=20)
NEVER = timedelta(days=1)


class Runs:
    """Hears how each run went; tests wait for what they expect of it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.heard: list[tuple[str, bool]] = []

    def ran(self, loop: str, ok: bool) -> None:  # noqa: FBT001 - the port's signature
        with self._changed:
            self.heard.append((loop, ok))
            self._changed.notify_all()

    def changed(self, within_seconds: float) -> bool:
        with self._changed:
            return self._changed.wait(within_seconds)

    def wait(self, holds: Callable[[list[tuple[str, bool]]], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self.heard), 10)


@contextmanager
def _running(clock: Clockwork) -> Iterator[Clockwork]:
    clock.start()
    try:
        yield clock
    finally:
        clock.stop()


def test_every_loop_runs_at_once_and_again() -> None:
    runs = Runs()
    with _running(Clockwork((Loop("a", OFTEN, list), Loop("b", NEVER, list)), runs)):
        runs.wait(lambda heard: heard.count(("a", True)) >= 2 and ("b", True) in heard)


def test_a_loop_that_raises_runs_again_and_stops_no_other() -> None:
    runs = Runs()

    def broken() -> None:
        raise ValueError

    with _running(Clockwork((Loop("bad", OFTEN, broken), Loop("good", OFTEN, list)), runs)):
        runs.wait(lambda heard: heard.count(("bad", False)) >= 2)
        runs.wait(lambda heard: heard.count(("good", True)) >= 2)


def test_a_database_that_is_away_fills_no_log_with_tracebacks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs = Runs()

    def away() -> None:
        raise StoreUnavailable("not reachable")

    with caplog.at_level(logging.WARNING), _running(Clockwork((Loop("due", OFTEN, away),), runs)):
        runs.wait(lambda heard: heard.count(("due", False)) >= 2)
    (line,) = caplog.records
    assert (line.levelname, line.exc_info) == ("WARNING", None)


def test_a_woken_loop_does_not_wait_for_its_time() -> None:
    runs = Runs()
    with _running(Clockwork((Loop("a", NEVER, list),), runs)) as clock:
        runs.wait(lambda heard: len(heard) == 1)
        for _try in range(1000):  # one that comes while the run before it ends is lost
            clock.wake("a")
            if runs.changed(0.01):
                return
    raise AssertionError("a woken loop waited for its time")


def test_a_loop_that_is_woken_for_later_is_put_off_by_nothing() -> None:
    runs = Runs()
    with _running(Clockwork((Loop("a", NEVER, list),), runs)) as clock:
        runs.wait(lambda heard: len(heard) == 1)
        for _try in range(1000):
            clock.wake("a", after=timedelta(milliseconds=1))
            clock.wake("a", after=NEVER)
            if runs.changed(0.01):
                return
    raise AssertionError("a woken loop waited for its time")


def test_a_loop_that_hangs_is_late_and_the_others_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Readiness went on saying that the worker was well while nothing was claimed any more."""
    runs, now, go_on = Runs(), [0.0], threading.Event()
    minute = timedelta(seconds=60)
    loops = (Loop("due", OFTEN, lambda: go_on.wait(10)), Loop("tell", OFTEN, list))
    with (
        caplog.at_level(logging.WARNING),
        _running(Clockwork(loops, runs, lambda: now[0])) as clock,
    ):
        assert not clock.is_late("due", minute)
        now[0] = 61.0
        before = len(runs.heard)
        runs.wait(lambda heard: len(heard) >= before + 2)
        assert clock.is_late("due", minute)
        assert not clock.is_late("tell", minute)
        assert clock.is_alive()
        go_on.set()
        runs.wait(lambda heard: ("due", True) in heard)
        assert not clock.is_late("due", minute)
    assert caplog.records == [], "a loop still running when it is due again is no news"


def test_a_dead_clock_is_found_and_built_anew() -> None:
    runs = Runs()
    with _running(Clockwork((Loop("a", NEVER, list),), runs)) as clock:
        runs.wait(lambda heard: len(heard) == 1)
        assert clock._scheduler is not None
        clock._scheduler.shutdown(wait=True)
        assert not clock.is_alive()
        assert not clock.check()
        runs.wait(lambda heard: len(heard) == 2)
        assert clock.is_alive()
        assert (clock.check(), clock.rebuilt) == (True, 1)


def test_loops_that_are_put_off_by_a_clock_set_back_are_woken() -> None:
    """The scheduler goes by the machine's clock: set back by an hour, it woke nothing for one.

    To the scheduler a clock set back is a next run that lies an hour ahead.
    """
    runs = Runs()
    with _running(Clockwork((Loop("a", OFTEN, list), Loop("b", NEVER, list)), runs)) as clock:
        runs.wait(lambda heard: {name for name, _ in heard} == {"a", "b"})
        assert clock._scheduler is not None
        clock._scheduler.get_job("a").modify(next_run_time=datetime.now(UTC) + timedelta(hours=1))
        before = runs.heard.count(("a", True))
        clock.check()
        runs.wait(lambda heard: heard.count(("a", True)) > before + 1)
        assert runs.heard.count(("b", True)) == 1


def test_a_stop_waits_for_the_run_under_way_and_not_for_ever() -> None:
    runs, begun, go_on = Runs(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        go_on.wait(10)

    with _running(Clockwork((Loop("slow", NEVER, slow),), runs)) as clock:
        assert begun.wait(10)
        assert not clock.stop(timedelta(seconds=0.05))
        go_on.set()
        assert clock.stop(timedelta(seconds=10))
        runs.wait(lambda heard: heard == [("slow", True)])
