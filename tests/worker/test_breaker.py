"""When a cluster is worked with and when it is looked at, on a clock that the test moves."""

from datetime import timedelta

import pytest

from bot.worker.breaker import Breaker, LookTimes

TIMES = LookTimes(
    every=timedelta(seconds=15),
    first=timedelta(seconds=1),
    most=timedelta(seconds=8),
    patience=timedelta(seconds=10),
    fresh=timedelta(seconds=1),
)
DOWN = "cluster-unavailable"


@pytest.fixture
def well(dice) -> Breaker:
    return Breaker().begun(0).looked("", 0, TIMES, dice)


def test_a_cluster_is_looked_at_at_once_and_worked_with_meanwhile():
    assert Breaker().is_due(0)
    assert not Breaker().is_shut
    assert not Breaker().begun(0).is_due(100), "one look at a time"


def test_one_that_is_well_is_looked_at_now_and_then(well):
    assert not well.is_due(14.9)
    assert well.is_due(15)
    assert not well.is_shut


def test_one_that_fails_is_shut_and_looked_at_ever_more_seldom_but_never_rarely(dice):
    breaker, now, waits = Breaker(), 0.0, []
    for _look in range(8):
        breaker = breaker.begun(now).looked(DOWN, now, TIMES, dice)
        assert breaker.is_shut
        waits.append(breaker.next_look - now)
        now = breaker.next_look
    for wait, middle in zip(waits, [1, 2, 4, 8, 8, 8, 8, 8], strict=True):
        assert 0.75 * middle <= wait <= 1.25 * middle
    assert len(set(waits)) == len(waits), "the waits are jittered"


def test_a_good_look_opens_it_and_forgets_the_failures(dice):
    breaker = Breaker()
    for _look in range(5):
        breaker = breaker.looked(DOWN, 0, TIMES, dice)
    breaker = breaker.looked("", 100, TIMES, dice)
    assert not breaker.is_shut
    assert breaker.looked(DOWN, 200, TIMES, dice).next_look <= 201.25


def test_work_that_got_no_answer_brings_a_look_and_nothing_goes_there_until_it_is_back(well, dice):
    suspect = well.suspected(5, TIMES)
    assert suspect.is_shut
    assert suspect.is_due(5)
    assert not suspect.looked("", 6, TIMES, dice).is_shut


def test_a_good_look_a_moment_ago_answers_for_work_that_fails_just_after_it(well):
    assert not well.suspected(0.9, TIMES).is_shut
    assert well.suspected(1, TIMES).is_shut


def test_one_that_is_shut_already_is_not_looked_at_sooner_for_it(dice):
    down = Breaker().looked(DOWN, 0, TIMES, dice)
    assert down.suspected(0.1, TIMES) == down


def test_a_look_that_does_not_end_counts_as_failed_until_it_does(well, dice):
    out = well.begun(15)
    assert not out.is_overdue(24.9, TIMES)
    assert out.is_overdue(25, TIMES)
    hangs = out.hangs()
    assert hangs.is_shut
    assert not hangs.is_due(1000), "it is still out"
    assert not hangs.looked("", 1000, TIMES, dice).is_shut


@pytest.mark.security("G1")
@pytest.mark.parametrize(
    "problem", ["cluster-forbidden", "cluster-refused", "cluster-twice", "bug"]
)
def test_a_cluster_that_refuses_the_look_is_worked_with_all_the_same(dice, problem):
    """The bot may have lost the right to read kube-system, and still be able to take access away:
    left alone, it would have left the access standing.
    """
    assert not Breaker().looked(problem, 0, TIMES, dice).is_shut


@pytest.mark.parametrize("problem", [DOWN, "cluster-changed"])
def test_one_that_is_away_or_another_is_not(dice, problem):
    assert Breaker().looked(problem, 0, TIMES, dice).is_shut
