"""A machine whose clock a test can set, and the steady clock over it."""

from datetime import datetime, timedelta

from grants.clock import SteadyClock
from tests.support.world import START


class Machine:
    """This machine: its clock can be set, its ticks can't."""

    def __init__(self) -> None:
        self.wall = START
        self.ticks = 0

    def now(self) -> datetime:
        return self.wall

    def pass_by(self, by: timedelta) -> None:
        self.wall += by
        self.ticks += int(by / timedelta(microseconds=1)) * 1000

    def steady(self) -> SteadyClock:
        """Give a process's clock that begins now."""
        return SteadyClock(self, lambda: self.ticks)
