"""Which requests were counted lately, so that one that is sent twice is counted once."""

from collections.abc import Container, Iterable
from typing import Final

KEPT: Final = 65_536
"""At least so many of the last counted requests are known; at most twice as many."""


class Window:
    """Audit ids of the last counted requests of one cluster, in two generations.

    `recent` is added to from outside, because a call for each event would cost more than the rest;
    whoever adds to it calls `turn` now and then.
    """

    __slots__ = ("_kept", "older", "recent")

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        # An event without an id is none that could be told from another: see `Folder`.
        self.recent: set[str] = {""}
        self.older: Container[str] = frozenset()

    def turn(self) -> None:
        """Forget the older generation once the newer one is full."""
        if len(self.recent) > self._kept:
            self.older, self.recent = self.recent, {""}

    def behind(self) -> "Window":
        """Give a window of one batch's own, which knows what is known here and adds nothing here.

        So a batch that fails leaves nothing behind.
        """
        batch = Window(self._kept)
        batch.older = _Both(self)
        return batch

    def add(self, ids: Iterable[str]) -> None:
        """Take in what a batch has counted, once it is stored."""
        self.recent.update(ids)
        self.turn()


class _Both:
    __slots__ = ("_window",)

    def __init__(self, window: Window) -> None:
        self._window = window

    def __contains__(self, audit_id: object) -> bool:
        return audit_id in self._window.recent or audit_id in self._window.older
