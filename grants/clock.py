"""The one place that reads the wall clock; everything else is passed `now`."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time, always aware and in UTC."""

    def now(self) -> datetime:
        """Tell the time now, aware, in UTC."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Tell the machine's time, aware, in UTC."""
        return datetime.now(UTC)


def ticks_ns() -> int:
    """Count nanoseconds that nobody can set; asleep time counts too where the system counts it."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns() if boot is None else time.clock_gettime_ns(boot)


@dataclass(frozen=True)
class Offset:
    """How far our clock is ahead of another one (negative: behind it), and how surely.

    The true difference lies within `ahead` plus or minus `uncertainty`.
    """

    ahead: timedelta
    uncertainty: timedelta

    def is_surely_past(self, most: timedelta) -> bool:
        """Tell whether the clocks are further apart than `most`, however unsure the measure."""
        return abs(self.ahead) - self.uncertainty > most

    def is_surely_within(self, most: timedelta) -> bool:
        """Tell whether the clocks are at most that far apart, however unsure the measure."""
        return abs(self.ahead) + self.uncertainty <= most


def offset_from(
    asked_at: datetime, took: timedelta, theirs: datetime, grain: timedelta = timedelta(0)
) -> Offset:
    """Work out an offset from one answer.

    `asked_at` is our time just before the question, `took` the round trip, `theirs` the time that
    was told, cut down to whole `grain`s. It was told some time within the round trip.
    """
    ours = asked_at + took / 2
    return Offset(ours - (theirs + grain / 2), (took + grain) / 2)


class SteadyClock:
    """The wall clock, but never back: a clock set back must not make access outlive its end.

    It tells the later of the wall clock and of a line: the latest time ever told, and what has
    gone by since on a clock that nobody can set. A wall clock that jumps forward is followed at
    once (access ends early rather than late); one that is set back is not, because nothing here
    can know whether it was wrong before or is wrong now. `go_back` follows it, when others who
    were asked agree with it.

    Thread-safe. `ticks` counts nanoseconds and never runs back.
    """

    def __init__(self, wall: Clock | None = None, ticks: Callable[[], int] = ticks_ns) -> None:
        self._wall = wall or SystemClock()
        self._ticks = ticks
        self._lock = threading.Lock()
        self._base, self._base_at = self._wall.now(), self._ticks()

    def now(self) -> datetime:
        """Tell the time, aware, in UTC; never earlier than it was told before."""
        with self._lock:
            told, _ = self._read()
        return told

    def set_back(self) -> timedelta:
        """Tell how far the wall clock is behind what is told; about zero while it is followed.

        Microseconds are the time between two readings. The less of two tries counts, because this
        process may have been stopped between them.
        """
        with self._lock:
            tries = (self._read(), self._read())
        return min(told - wall for told, wall in tries)

    def go_back(self, by: timedelta) -> None:
        """Tell that much earlier from now on, though never earlier than the wall clock."""
        with self._lock:
            self._base -= by

    def _read(self) -> tuple[datetime, datetime]:
        # The wall first: a process that is stopped between the two must not count that time twice.
        wall, at = self._wall.now(), self._ticks()
        line = self._base + timedelta(microseconds=(at - self._base_at) // 1000)
        if wall > line:
            self._base, self._base_at = wall, at
            return wall, wall
        return line, wall
