"""A list that keeps the newest: what an hour of load leaves behind must not grow without bound."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")
KEPT = 2_000


class Kept(list[T]):
    """A list that `keep`s at least its newest `limit` items, and at most twice as many.

    Only `keep` forgets, so that one test's list is whole and a soak's stays flat.
    """

    def __init__(self, limit: int = KEPT) -> None:
        super().__init__()
        self.limit = limit
        self.forgotten = 0

    def keep(self, item: T) -> None:
        """Add an item, and let go of the oldest when there are too many."""
        self.append(item)
        if len(self) > 2 * self.limit:
            surplus = len(self) - self.limit
            del self[:surplus]
            self.forgotten += surplus
