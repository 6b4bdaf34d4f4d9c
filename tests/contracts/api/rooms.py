"""Namespaces for tests, a few of them, used in turn.

The controllers of a real control plane take seconds of CPU to end many namespaces, so a test gives
its own back empty. Whoever gets it next comes so much later that no cache knows what was in it.
"""

from collections import deque
from typing import Final

_AT_LEAST: Final = 12


class Rooms:
    """The namespaces of one server that no test is using."""

    def __init__(self) -> None:
        self._free: deque[str] = deque()

    def take(self) -> str | None:
        """Give the one that was left longest ago; None when a new one had better be made."""
        return self._free.popleft() if len(self._free) >= _AT_LEAST else None

    def give_back(self, namespace: str) -> None:
        """Keep an empty one for others."""
        self._free.append(namespace)
