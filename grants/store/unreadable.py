"""Rows that this version can't read: a newer one's, or damaged. One must never hide the others."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy import Row

from grants.errors import StoreRowUnreadable

_log = logging.getLogger("valetkey.store")

T = TypeVar("T")

_UNREADABLE: Final = (ValueError, KeyError, TypeError)
_MOST_REMEMBERED: Final = 1_000


class Told:
    """Which rows were told of in the log: each once, not at every look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: set[tuple[str, str]] = set()

    def tell(self, kind: str, name: str) -> None:
        """Log a row, unless that was done."""
        with self._lock:
            if (kind, name) in self._rows or len(self._rows) >= _MOST_REMEMBERED:
                return
            self._rows.add((kind, name))
        _log.error("a row can't be read by this version", extra={"kind": kind, "row": name})


def read(kind: str, row: Row[Any], make: Callable[[Row[Any]], T], told: Told) -> T:
    """Make the value of a row; StoreRowUnreadable when it holds what this version does not know."""
    try:
        return make(row)
    except _UNREADABLE:
        told.tell(kind, row.id)
        raise StoreRowUnreadable("", kind, row.id) from None


def readable(
    kind: str, rows: list[Row[Any]], make: Callable[[Row[Any]], T], told: Told
) -> tuple[T, ...]:
    """Make the values of those rows that can be read; the others are left out, and logged."""
    found: list[T] = []
    for row in rows:
        try:
            found.append(read(kind, row, make, told))
        except StoreRowUnreadable:
            continue
    return tuple(found)
