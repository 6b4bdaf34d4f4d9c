"""What waits between tries waits no longer after an hour than after seventy-five seconds.

That is why an outage of 75 seconds is tried in the place of one of an hour: see `sessions.py`.
"""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import pytest

from bot.slack import breaker as slack_breaker
from bot.slack.socket_mode import SocketMode
from bot.worker.breaker import Breaker, LookTimes
from grants.access.ports import AccessTimes
from grants.access.reconcile import backoff
from tests.outages.sessions import GONE_SECONDS

HOUR_SECONDS = 3600.0


class SetClock:
    """A clock that stands where it is set."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def deliveries_to_slack() -> Iterator[float]:
    """The waits between questions whether Slack is there again."""
    clock = SetClock()
    breaker = slack_breaker.Breaker(clock, failures=1)
    breaker.failed("timeout")
    while True:
        waited = timedelta(0)
        while not breaker.may_probe():
            waited += timedelta(seconds=1)
            clock.at += timedelta(seconds=1)
        yield waited.total_seconds()
        breaker.probe_failed("timeout")


def sockets_of_slack() -> Iterator[float]:
    """The longest waits between tries to connect: each is shortened by chance."""
    nothing: Any = None
    mode = SocketMode(nothing, lambda: "", nothing)
    while True:
        yield min(mode._options.retry_most_seconds, mode._next_wait())
        mode._failed()


def looks_at_a_cluster() -> Iterator[float]:
    """The waits between looks whether a cluster is there again."""
    times, now, dice = LookTimes(), time.monotonic(), random.Random(1)
    state = Breaker()
    while True:
        state = state.looked("timeout", now, times, dice)
        yield state.next_look - now
        now = state.next_look


def walks_of_a_grant() -> Iterator[float]:
    """The waits between tries to begin or to end access."""
    attempts = 0
    while True:
        yield backoff(attempts, AccessTimes()).total_seconds()
        attempts += 1


@pytest.mark.parametrize(
    ("waits", "longest_seconds"),
    [
        (deliveries_to_slack, 15),
        (sockets_of_slack, 30),
        (looks_at_a_cluster, 10),
        (walks_of_a_grant, 30),
    ],
)
def test_every_back_off_is_at_its_longest_within_the_outage_that_is_tried(
    waits: Any, longest_seconds: float
) -> None:
    after_an_hour = max(_within(waits(), HOUR_SECONDS))
    assert after_an_hour <= longest_seconds
    assert max(_within(waits(), GONE_SECONDS)) == pytest.approx(after_an_hour, rel=0.3)


def _within(waits: Iterator[float], seconds: float) -> list[float]:
    """The waits that are begun before so many seconds have passed."""
    passed = 0.0

    def begins_in_time(wait: float) -> bool:
        nonlocal passed
        begun, passed = passed, passed + wait
        return begun < seconds

    return list(takewhile(begins_in_time, waits))
