"""What was read a moment ago, for what decides nothing."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_MOST: Final = 2_000


class Recent(Generic[K, V]):
    """Values by key, each for `seconds`; the oldest go when there are many."""

    def __init__(self, seconds: float, ticks: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._ticks = ticks
        self._lock = threading.Lock()
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Give what was kept; None when it is too old or was never there."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or self._ticks() - kept[0] >= self._seconds:
            return None
        return kept[1]

    def keep(self, key: K, value: V) -> None:
        """Keep a value that was just read; one that is kept already grows no younger by it."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or self._ticks() - kept[0] >= self._seconds:
                self._kept[key] = (self._ticks(), value)
                self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
