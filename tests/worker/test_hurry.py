"""A change of rights brings the next review sooner: once for many, and never too often."""

from datetime import UTC, datetime, timedelta

from bot.worker.hurry import APART_LEAST, SETTLED_AFTER, SETTLED_AT_MOST, Hurry

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
LONG_AGO = NOON - timedelta(hours=5)
SECOND = timedelta(seconds=1)


def test_nothing_heard_brings_nothing() -> None:
    assert not Hurry().is_due("prod", LONG_AGO, NOON)


def test_what_was_heard_is_looked_at_once_it_is_quiet() -> None:
    hurry = Hurry()
    hurry.hear("prod", NOON)
    assert not hurry.is_due("prod", LONG_AGO, NOON + SETTLED_AFTER - SECOND)
    assert hurry.is_due("prod", LONG_AGO, NOON + SETTLED_AFTER)
    assert not hurry.is_due("stage", LONG_AGO, NOON + SETTLED_AFTER)


def test_what_never_becomes_quiet_is_not_waited_for() -> None:
    hurry = Hurry()
    for second in range(30):
        hurry.hear("prod", NOON + second * SECOND)
    assert not hurry.is_due("prod", LONG_AGO, NOON + SETTLED_AT_MOST - SECOND)
    assert hurry.is_due("prod", LONG_AGO, NOON + SETTLED_AT_MOST)


def test_a_look_that_began_later_has_seen_it() -> None:
    hurry = Hurry()
    hurry.hear("prod", NOON)
    assert not hurry.is_due("prod", NOON + SECOND, NOON + timedelta(hours=1))
    hurry.hear("prod", NOON + timedelta(minutes=5))
    assert hurry.is_due("prod", NOON + SECOND, NOON + timedelta(minutes=6))


def test_what_came_while_a_look_was_under_way_needs_another() -> None:
    hurry = Hurry()
    hurry.hear("prod", NOON)
    hurry.hear("prod", NOON + 30 * SECOND)
    assert hurry.is_due("prod", NOON + 20 * SECOND, NOON + timedelta(minutes=2))


def test_two_are_apart_by_a_minute_and_by_twenty_times_what_one_costs() -> None:
    hurry = Hurry()
    hurry.hear("prod", NOON)
    last = NOON - 10 * SECOND
    assert not hurry.is_due("prod", last, last + APART_LEAST - SECOND)
    assert hurry.is_due("prod", last, last + APART_LEAST)
    hurry.took("prod", 30 * SECOND)
    assert not hurry.is_due("prod", last, last + timedelta(minutes=10) - SECOND)
    assert hurry.is_due("prod", last, last + timedelta(minutes=10))
