"""One ordered log of all that passes between the double and the app, for checkers and benches."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from bot.playground.slack.kept import Kept

if TYPE_CHECKING:
    from bot.playground.slack.records import Json

ENTRIES = 20_000
What = Literal["call", "sent", "acked", "socket", "outage", "control"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    `number` counts from 1 without a gap; `at` is the machine's time; `monotonic` is
    `time.monotonic()` in seconds, for comparing with other logs of this machine.

    - `call`: `name` is the method (or `response_url`), written when its answer is known; the
      facts have `args` (no secrets, blocks or views), `done` (it took effect), `status`,
      `error`, `channel`, `ts`, `fault` and `trouble` (what it met), `began` (monotonic) and
      `took_ms`;
    - `sent`, `acked`: a payload on its way to the app and what came of it, joined by `delivery`;
      `name` is its kind (`retry` counts from 0);
    - `socket`: a connection opened, was closed, warned, silenced; `connection` says which;
    - `outage` begins and ends; `control`: something was changed by the control API.
    """

    number: int
    at: datetime
    monotonic: float
    what: What
    name: str
    facts: Json


class Log:
    """The newest entries, oldest first. `on` false stops it, for measuring without it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: Kept[Entry] = Kept(ENTRIES)
        self._count = 0
        self.on = True

    def add(self, what: What, name: str, **facts: object) -> None:
        """Write an entry, in the order of the calls of this method."""
        if not self.on:
            return
        with self._lock:
            self._count += 1
            entry = Entry(self._count, datetime.now(UTC), time.monotonic(), what, name, dict(facts))
            self._entries.keep(entry)

    def entries(self, what: What | None = None, *, since: int = 0) -> list[Entry]:
        """Return the entries after number `since`, of one kind if told so."""
        with self._lock:
            found = self._entries[max(0, since - self._entries.forgotten) :]
        return [entry for entry in found if what in (None, entry.what)]

    def keep(self, entries: int) -> None:
        """Keep that many entries from now on (20,000 at first)."""
        with self._lock:
            self._entries.limit = entries

    @property
    def forgotten(self) -> int:
        """How many of the oldest entries are gone."""
        return self._entries.forgotten
