"""The clock that never runs back, and offsets worked out from answers."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from grants.clock import Offset, SteadyClock, SystemClock, offset_from, ticks_ns
from grants.clusters.reply import date_of

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Machine:
    """A wall clock that can be set, and ticks that can't; `sleep` is a machine put to sleep."""

    def __init__(self) -> None:
        self.wall = START
        self.ticks = 10**12

    def now(self) -> datetime:
        return self.wall

    def pass_by(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.ticks += int(seconds * 10**9)

    def set_wall(self, by: timedelta) -> None:
        self.wall += by


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> SteadyClock:
    return SteadyClock(machine, lambda: machine.ticks)


def test_it_tells_the_wall_clocks_time(machine: Machine, clock: SteadyClock) -> None:
    assert clock.now() == START
    machine.pass_by(61.5)
    assert clock.now() == machine.wall
    assert clock.set_back() == timedelta(0)


def test_a_wall_clock_set_back_is_not_followed(machine: Machine, clock: SteadyClock) -> None:
    machine.pass_by(10)
    machine.set_wall(timedelta(hours=-1))
    machine.pass_by(5)
    assert clock.now() == START + 15 * SECOND
    assert clock.set_back() == timedelta(hours=1)


def test_a_wall_clock_that_jumps_forward_is_followed_at_once(
    machine: Machine, clock: SteadyClock
) -> None:
    machine.set_wall(timedelta(hours=2))
    assert clock.now() == START + timedelta(hours=2)


def test_a_machine_that_slept_goes_on_with_the_wall_clock(
    machine: Machine, clock: SteadyClock
) -> None:
    """Ticks may stand still while a machine sleeps; its wall clock does not."""
    machine.set_wall(timedelta(hours=8))
    machine.pass_by(1)
    assert clock.now() == machine.wall
    assert clock.set_back() == timedelta(0)


def test_a_jump_forward_that_is_undone_is_held_until_it_is_let_go(
    machine: Machine, clock: SteadyClock
) -> None:
    machine.set_wall(timedelta(minutes=10))
    clock.now()
    machine.set_wall(timedelta(minutes=-10))
    machine.pass_by(1)
    assert clock.set_back() == timedelta(minutes=10)
    clock.go_back(clock.set_back())
    assert clock.now() == machine.wall
    machine.pass_by(1)
    assert clock.now() == machine.wall


def test_it_goes_back_no_further_than_was_witnessed(machine: Machine, clock: SteadyClock) -> None:
    """The wall clock is set back again between the witnesses' answers and the step."""
    machine.set_wall(timedelta(minutes=-1))
    witnessed = clock.set_back()
    machine.set_wall(timedelta(hours=-5))
    clock.go_back(witnessed)
    assert clock.now() == START - timedelta(minutes=1)


def test_going_back_never_goes_below_the_wall_clock(machine: Machine, clock: SteadyClock) -> None:
    machine.set_wall(timedelta(minutes=-1))
    witnessed = clock.set_back()
    machine.set_wall(timedelta(minutes=1))
    clock.go_back(witnessed)
    assert clock.now() == machine.wall == START


def test_reading_it_often_loses_no_time(machine: Machine, clock: SteadyClock) -> None:
    """Were each reading the begin of a new line, each would lose what it cut to microseconds."""
    machine.set_wall(timedelta(hours=-1))
    for _reading in range(10_000):
        machine.ticks += 999
        clock.now()
    assert clock.now() == START + timedelta(microseconds=9_990)


def test_threads_never_see_it_run_back() -> None:
    wall = Machine()
    clock = SteadyClock(wall, ticks_ns)
    back: list[datetime] = []

    def read() -> None:
        last = clock.now()
        for _reading in range(2_000):
            wall.set_wall(timedelta(milliseconds=-3))
            told = clock.now()
            wall.set_wall(timedelta(milliseconds=3))
            if told < last:
                back.append(told)
            last = told

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert back == []


def test_on_a_quiet_machine_it_is_the_machines_clock() -> None:
    clock, machine = SteadyClock(), SystemClock()
    before = machine.now()
    told = clock.now()
    assert before - SECOND < told < machine.now() + SECOND


def test_an_offset_lies_within_its_uncertainty() -> None:
    """Our clock is 7 s ahead; the answer was told at the very end of the round trip, cut down."""
    theirs = datetime(2026, 3, 1, 12, 0, 4, 900_000, tzinfo=UTC)
    took = timedelta(milliseconds=400)
    asked_at = theirs + 7 * SECOND - took
    found = offset_from(asked_at, took, theirs.replace(microsecond=0), SECOND)
    assert abs(found.ahead - 7 * SECOND) <= found.uncertainty
    assert found.uncertainty == timedelta(seconds=0.7)


def test_what_is_not_sure_alarms_nobody() -> None:
    unsure = Offset(timedelta(seconds=-5), timedelta(seconds=4))
    assert not unsure.is_surely_past(2 * SECOND)
    assert not unsure.is_surely_within(2 * SECOND)
    assert Offset(timedelta(seconds=-5), SECOND).is_surely_past(2 * SECOND)
    assert Offset(timedelta(seconds=-1), SECOND).is_surely_within(2 * SECOND)


@pytest.mark.parametrize(
    ("header", "at"),
    [
        ("Sun, 01 Mar 2026 12:00:00 GMT", START),
        ("Sun, 01 Mar 2026 12:00:00 -0000", START),
        ("Sun, 01 Mar 2026 13:00:00 +0100", START),
        (None, None),
        ("", None),
        ("now", None),
        ("Sun, 99 Mar 2026 12:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2300", None),
    ],
)
def test_a_date_header_is_read_or_not_believed(header: str | None, at: datetime | None) -> None:
    assert date_of(header) == at
