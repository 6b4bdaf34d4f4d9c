"""How much one actor may add in a while: nobody fills the record, or other people's messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


class Once(Protocol):
    """A transaction in which a key can be stored once."""

    def first_time(self, key: str, at: datetime) -> bool:
        """Store a key; False when it came before."""
        ...


@dataclass(frozen=True)
class Room:
    """So many of one thing, within each span of time; `name` is a stable word for the thing."""

    name: str
    most: int
    span: timedelta

    def take(self, tx: Once, actor: str, now: datetime) -> int:
        """Take a place for one more; gives how many are left then, and -1 when there was none.

        Each place is a key of its own, stored in the transaction of what takes it, so that
        replicas share them and a change that is rolled back took none.
        """
        for left, key in zip(range(self.most - 1, -1, -1), self._keys(actor, now), strict=False):
            if tx.first_time(key, now):
                return left
        return -1

    def until(self, now: datetime) -> datetime:
        """Give when there is room again."""
        span = self.span.total_seconds()
        return datetime.fromtimestamp((now.timestamp() // span + 1) * span, now.tzinfo)

    def _keys(self, actor: str, now: datetime) -> Iterator[str]:
        which = int(now.timestamp() // self.span.total_seconds())
        return (f"room:{self.name}:{actor}:{which}:{n}" for n in range(self.most))
