"""While Slack as a whole is away it is asked now and then, ever more seldom."""

from datetime import timedelta

import pytest

from bot.slack.breaker import Breaker
from tests.support.world import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def breaker(clock: HandClock) -> Breaker:
    return Breaker(clock, most=timedelta(seconds=8))


def test_one_failure_or_two_say_nothing(breaker: Breaker) -> None:
    assert not breaker.failed("http-503")
    breaker.worked()
    assert not breaker.failed("http-503")
    assert not breaker.failed("http-503")
    assert not breaker.is_open


def test_three_in_a_row_open_it_and_say_why_and_since_when(
    breaker: Breaker, clock: HandClock
) -> None:
    assert [breaker.failed(why) for why in ("a", "b", "c")] == [False, False, True]
    assert (breaker.is_open, breaker.why, breaker.since) == (True, "c", clock.now())
    breaker.worked()
    assert (breaker.is_open, breaker.why, breaker.since) == (False, "", None)


def test_a_refused_app_is_known_by_one_answer(breaker: Breaker) -> None:
    assert breaker.failed("token_revoked", at_once=True)


def test_probes_come_ever_more_seldom_up_to_a_bound(breaker: Breaker, clock: HandClock) -> None:
    breaker.failed("x", at_once=True)
    waits = []
    for _ in range(6):
        waited = 0
        while not breaker.may_probe():
            clock.forward(seconds=1)
            waited += 1
        waits.append(waited)
        breaker.probe_failed("y")
    assert waits == [1, 2, 4, 8, 8, 8]
    assert breaker.why == "y"


def test_after_a_good_probe_the_next_failure_opens_it_at_once_and_for_longer(
    breaker: Breaker, clock: HandClock
) -> None:
    breaker.failed("x", at_once=True)
    clock.forward(seconds=1)
    breaker.probed()
    assert not breaker.is_open
    assert breaker.failed("x")
    clock.forward(seconds=1)
    assert not breaker.may_probe()
    clock.forward(seconds=1)
    assert breaker.may_probe()


def test_a_clock_that_is_set_back_keeps_no_probe_waiting(
    breaker: Breaker, clock: HandClock
) -> None:
    breaker.failed("x", at_once=True)
    clock.forward(hours=-1)
    assert breaker.may_probe()


def test_it_remembers_whether_something_worked_of_late(breaker: Breaker, clock: HandClock) -> None:
    assert not breaker.worked_within(timedelta(minutes=5))
    breaker.worked()
    assert breaker.worked_within(timedelta(minutes=5))
    clock.forward(minutes=6)
    assert not breaker.worked_within(timedelta(minutes=5))
