"""Parts brought to rest: at once, each in its time, and none can keep the others."""

import logging
import threading
import time
from datetime import timedelta

import pytest

from bot.serving.draining import drained

SHORT, LONG = timedelta(seconds=0.05), timedelta(seconds=10)


def test_all_are_called_at_once_and_told_how_long_they_have() -> None:
    meet, told = threading.Barrier(2), []

    def rest(within: timedelta) -> bool:
        meet.wait(5)
        told.append(within)
        return True

    assert drained((rest, rest), LONG)
    assert told == [LONG, LONG]


def test_one_that_had_to_cut_something_off_is_told() -> None:
    assert not drained((lambda _: True, lambda _: False), LONG)


def test_one_that_hangs_is_not_waited_for() -> None:
    go_on = threading.Event()
    began = time.monotonic()
    assert not drained((lambda _: go_on.wait(10), lambda _: True), SHORT)
    assert time.monotonic() - began < 5
    go_on.set()


def test_one_that_breaks_keeps_no_other(caplog: pytest.LogCaptureFixture) -> None:
    rested = threading.Event()

    def breaks(_within: timedelta) -> bool:
        raise RuntimeError("x")

    def rests(_within: timedelta) -> bool:
        rested.set()
        return True

    with caplog.at_level(logging.ERROR):
        assert not drained((breaks, rests), LONG)
    assert rested.is_set()
    assert "could not be brought to rest" in caplog.text
