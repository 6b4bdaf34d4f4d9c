"""What fails again and again in the same way: told when it begins, and then once in a while.

A loop that runs four times a second would write forty thousand lines while a database is away for
an hour, and drown everything else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

TOLD_EVERY: Final = timedelta(minutes=1)


@dataclass
class _Series:
    """Failures of one thing in one way: all of them, those not told yet, and when it was told."""

    why: str
    told_at: float
    count: int = 1
    untold: int = 0


class Repeats:
    """Counts failures by name; `ticks` is a monotonic clock in seconds.

    What is heard of one name comes from one thread at a time.
    """

    def __init__(self, ticks: Callable[[], float], every: timedelta = TOLD_EVERY) -> None:
        self._ticks = ticks
        self._every_seconds = every.total_seconds()
        self._series: dict[str, _Series] = {}

    def failed(self, name: str, why: str) -> int:
        """Hear of a failure; gives for how many it is to be told now, 0: it is not."""
        now, series = self._ticks(), self._series.get(name)
        if series is None or series.why != why:
            self._series[name] = _Series(why, now)
            return 1
        series.count += 1
        series.untold += 1
        if now - series.told_at < self._every_seconds:
            return 0
        told, series.untold, series.told_at = series.untold, 0, now
        return told

    def went_well(self, name: str) -> int:
        """Hear that it went well; gives how often it had failed in a row."""
        series = self._series.pop(name, None)
        return series.count if series else 0
