"""Writes of one kind that come at the same moment, made in one transaction.

A commit costs more than what is in it: the wait for the disk, the lock of whoever writes, on
PostgreSQL round trips. A thousand grants that end in the same second would be a thousand commits,
one after the other. So whoever comes first writes for all that have come by then. Nobody goes on
before the commit stands. What spoils a transaction is kept from spoiling the others': each of them
is made again, alone. What is written must therefore be made of rows and of what is handed in alone,
for it may be made twice.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from grants.errors import (
    StoreInUse,
    StoreOutcomeUnknown,
    StoreSchemaWrong,
    StoreUnavailable,
)
from grants.store.errors import LOCKED

T = TypeVar("T")
R = TypeVar("R")

MOST: Final = 16
"""How many in one transaction: few enough that nobody who clicks has to wait for it."""

GATHER_SECONDS: Final = 0.02
"""How long the first of them waits for others, where some came while the last was written."""

_NOT_THEIRS: Final = (StoreUnavailable, StoreSchemaWrong, StoreInUse)
"""Errors that each of them would meet alone, too, but for rows that are locked: one's may be held,
and the others' free.
"""

LOCKED_MOST: Final = 2
"""After so many that were locked alone no more are tried: each takes the whole patience."""


class _Entry(Generic[T, R]):
    """One write: what became of it, and how whoever brought it is woken."""

    def __init__(self, one: T, came_at: float) -> None:
        self.one = one
        self.came_at = came_at
        self.woken = threading.Event()
        self.results: list[R] = []
        self.error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return bool(self.results) or self.error is not None


class Together(Generic[T, R]):
    """Makes writes of one kind together; `write` makes some in one transaction, in order.

    It is called by one thread at a time. `ticks` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Sequence[R]],
        *,
        most: int = MOST,
        gather_seconds: float = GATHER_SECONDS,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._most = most
        self._gather_seconds = gather_seconds
        self._ticks = ticks
        self._lock = threading.Lock()
        self._waiting: list[_Entry[T, R]] = []
        self._enough = threading.Event()
        self._is_led = False
        self._others_come = False

    def run(self, one: T) -> R:
        """Write one, with others if there are any; returns when it is committed, or raises."""
        entry, leads = self._enter(one)
        if not leads:
            entry.woken.wait()
        if not entry.is_done:
            self._lead(entry)
        if entry.error is not None:
            raise entry.error
        return entry.results[0]

    def _enter(self, one: T) -> tuple[_Entry[T, R], bool]:
        with self._lock:
            entry = _Entry[T, R](one, self._ticks())
            leads, self._is_led = not self._is_led, True
            self._others_come = self._others_come or not leads
            self._waiting.append(entry)
            if len(self._waiting) >= self._most:
                self._enough.set()
            return entry, leads

    def _lead(self, entry: _Entry[T, R]) -> None:
        """Write for all that wait, this one first, and have the next of the others go on."""
        group = [entry]
        try:
            group = self._gather(entry)
            self._make(group)
        finally:
            self._hand_on(group)

    def _gather(self, entry: _Entry[T, R]) -> list[_Entry[T, R]]:
        left = entry.came_at + self._gather_seconds - self._ticks()
        if self._others_come and left > 0:
            self._enough.wait(left)
        with self._lock:
            self._others_come = len(self._waiting) > 1
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            if len(self._waiting) < self._most:
                self._enough.clear()
        return group

    def _make(self, group: list[_Entry[T, R]]) -> None:
        try:
            made = self._write([entry.one for entry in group])
        except Exception as error:  # noqa: BLE001 - raised by whoever it is about
            if isinstance(error, _NOT_THEIRS) and not _is_locked(error):
                _fail(group, error)
            else:
                self._make_alone(group, error)
        else:
            for entry, result in zip(group, made, strict=True):
                entry.results.append(result)

    def _make_alone(self, group: list[_Entry[T, R]], error: Exception) -> None:
        if len(group) == 1:
            _fail(group, error)
            return
        locked = 0
        for number, entry in enumerate(group):
            self._make([entry])
            locked += _is_locked(entry.error)
            is_theirs = _is_locked(entry.error) and locked < LOCKED_MOST
            if isinstance(entry.error, _NOT_THEIRS) and not is_theirs:
                _fail(group[number:], entry.error)
                return

    def _hand_on(self, group: list[_Entry[T, R]]) -> None:
        with self._lock:
            self._waiting = [entry for entry in self._waiting if entry not in group]
            self._is_led = bool(self._waiting)
            following = self._waiting[:1]
        for entry in group:
            if not entry.is_done:  # whoever wrote was broken off: nobody may wait for ever
                entry.error = StoreOutcomeUnknown("broken off within a transaction")
        for entry in (*group, *following):
            entry.woken.set()


def _fail(group: Sequence[_Entry[T, R]], error: BaseException) -> None:
    for entry in group:
        entry.error = error


def _is_locked(error: BaseException | None) -> bool:
    return isinstance(error, StoreUnavailable) and error.detail == LOCKED
