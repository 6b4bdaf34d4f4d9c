"""Which requests were counted lately, so that one that is sent twice is counted once."""

from collections.abc import Container
from typing import Final

KEPT: Final = 65_536
"""At least so many of the last counted requests are known; at most twice as many."""

_NONE: Final[Container[str]] = frozenset()
_Minutes = dict[str, set[str]]


class Window:
    """Audit ids of the last counted requests of one cluster, in two generations.

    They are kept by the minute in which requests ended, which is the same whenever one comes
    again: so what is looked through for each event is small, and stays in the processor's cache.
    """

    __slots__ = ("_before", "_count", "_kept", "_minute", "_since", "older", "recent")

    def __init__(self, kept: int = KEPT, before: "Window | None" = None) -> None:
        self._kept = kept
        self._before = before
        self.recent: _Minutes = {}
        self.older: _Minutes = {}
        self._count = 0
        self._minute: set[str] = set()
        self._since = 0

    def at(self, minute: str) -> tuple[set[str], Container[str]]:
        """Give the ids that were counted of a minute: those of now, to be added to, and others.

        Those of now hold "": an event without an id is none that could be told from another.
        """
        self._settle()
        recent = self.recent.get(minute)
        if recent is None:
            recent = self.recent[minute] = {""}
        self._minute, self._since = recent, len(recent)
        return recent, _any_of(self._others(minute))

    def turn(self) -> None:
        """Forget the older generation once the newer one is full; what `at` gave is void then."""
        self._settle()
        if self._count > self._kept:
            self.older, self.recent, self._count = self.recent, {}, 0

    def behind(self) -> "Window":
        """Give a window of one batch's own, which knows what is known here and adds nothing here.

        So a batch that fails leaves nothing behind.
        """
        return Window(self._kept, self)

    def add(self, batch: "Window") -> None:
        """Take in what a batch has counted, once it is stored."""
        for minutes in (batch.older, batch.recent):
            for minute, ids in minutes.items():
                self.at(minute)[0].update(ids)
        self.turn()

    def _settle(self) -> None:
        """Count what was added outside: a call for each event would cost more than the rest."""
        self._count += len(self._minute) - self._since
        self._since = len(self._minute)

    def _others(self, minute: str) -> list[set[str]]:
        found = [self.older.get(minute)]
        if self._before is not None:
            found += [self._before.recent.get(minute), self._before.older.get(minute)]
        return [ids for ids in found if ids]


def _any_of(sets: list[set[str]]) -> Container[str]:
    if len(sets) > 1:
        return _Several(sets)
    return sets[0] if sets else _NONE


class _Several:
    """Looks into several live sets."""

    __slots__ = ("_sets",)

    def __init__(self, sets: list[set[str]]) -> None:
        self._sets = sets

    def __contains__(self, audit_id: object) -> bool:
        return any(audit_id in ids for ids in self._sets)
