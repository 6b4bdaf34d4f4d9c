"""What fails again and again is told at its beginning, once a minute, and at its end."""

from datetime import timedelta

from bot.worker.repeats import Repeats


class Ticks:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_an_hour_of_failures_four_times_a_second_is_told_once_a_minute() -> None:
    ticks = Ticks()
    repeats = Repeats(ticks)
    told = []
    for _turn in range(4 * 3600):
        told.append(repeats.failed("due", "store-unavailable"))
        ticks.at += 0.25
    lines = [times for times in told if times]
    assert lines[0] == 1, "the first at once"
    assert len(lines) == 60
    assert set(lines[1:]) == {240}
    assert repeats.went_well("due") == 4 * 3600
    assert repeats.went_well("due") == 0


def test_another_failure_or_another_loop_is_told_at_once() -> None:
    repeats = Repeats(Ticks(), timedelta(minutes=1))
    assert repeats.failed("due", "store-unavailable") == 1
    assert repeats.failed("due", "store-unavailable") == 0
    assert repeats.failed("due", "disk-full") == 1
    assert repeats.failed("tell", "disk-full") == 1


def test_what_went_well_meanwhile_is_told_anew() -> None:
    repeats = Repeats(Ticks())
    repeats.failed("due", "store-unavailable")
    repeats.went_well("due")
    assert repeats.failed("due", "store-unavailable") == 1
