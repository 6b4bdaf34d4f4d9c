"""The one place that reads the wall clock; everything else is passed `now`."""

from datetime import UTC, datetime
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
