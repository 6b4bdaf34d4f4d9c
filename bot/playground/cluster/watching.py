"""Watches: what changed since, and then whatever changes, as long as it was agreed."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from bot.playground.cluster.faults import Fault, expired
from bot.playground.cluster.kinds import Json, Kind
from bot.playground.cluster.reading import ListOptions, version_number
from bot.playground.cluster.representing import Form, metadata_of, table
from bot.playground.cluster.shapes import EMPTY
from bot.playground.cluster.store import Change, Store, TooOldError

_USUAL_SECONDS: Final = 1800
# A server says how far it is a moment before it ends a watch, and once a minute between.
_LAST_BOOKMARK_SECONDS: Final = 2.0
_BOOKMARK_SECONDS: Final = 60.0
_ENDS_INITIAL: Final = "k8s.io/initial-events-end"


@dataclass(eq=False)
class Watch:
    """One watch: give it to the store before anything else is written, then read its lines."""

    store: Store
    kind: Kind
    namespace: str
    options: ListOptions
    form: Form
    include: str = ""

    def __post_init__(self) -> None:
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue()
        self._stop: Callable[[], None] | None = None
        self._columns_said = False
        self._first: list[bytes] = []
        self._seen = 0
        self._begin()

    def _begin(self) -> None:
        """Collect what is to be said at once; from here on nothing is missed."""
        asked = version_number(self.options.version, watch=True)
        if self.options.initial_events or (asked == 0 and self.options.initial_events is not False):
            self._first = [self._line("ADDED", one) for one in self._standing()]
            self._seen = self.store.revision
            if self.options.initial_events:
                self._first.append(self._bookmark(initial=True))
        else:
            self._seen = asked or self.store.revision
            try:
                since = list(self.store.since(self._seen, self.kind))
                self._first = [line for change in since for line in self._lines(change)]
                self._seen = max(self._seen, self.store.revision)
            except TooOldError as error:
                fault = expired(f"too old resource version: {error.asked} ({error.oldest - 1})")
                self._first = [self._failed(fault)]
                return
        self._stop = self.store.listen(self._heard)

    def _standing(self) -> Iterator[Json]:
        found = self.store.list(self.kind, self.namespace)
        return (one for one in found if self.options.matches(one))

    def _heard(self, change: Change) -> None:
        if change.kind is self.kind:
            self._queue.put_nowait(change)

    def end(self) -> None:
        """End it: whoever reads it comes to its end."""
        self._queue.put_nowait(None)

    async def lines(self) -> AsyncGenerator[bytes, None]:
        """Give the events, a line of JSON each."""
        try:
            for line in self._first:
                yield line
            if self._stop is not None:
                async for line in self._following():
                    yield line
        finally:
            if self._stop is not None:
                self._stop()

    async def _following(self) -> AsyncGenerator[bytes, None]:
        lasts = self.options.timeout_seconds or _USUAL_SECONDS + secrets.randbelow(_USUAL_SECONDS)
        end = time.monotonic() + lasts
        bookmark = self._next_bookmark(end)
        while (now := time.monotonic()) < end:
            try:
                wait = min(end, bookmark) - now
                change = await asyncio.wait_for(self._queue.get(), max(0.0, wait))
            except TimeoutError:
                if time.monotonic() >= bookmark:
                    # What still waits would come after a bookmark that counts it in.
                    if self.options.bookmarks and self._queue.empty():
                        yield self._bookmark()
                    bookmark = self._next_bookmark(end)
                continue
            if change is None:
                return
            for line in self._lines(change):
                yield line

    @staticmethod
    def _next_bookmark(end: float) -> float:
        last, soon = end - _LAST_BOOKMARK_SECONDS, time.monotonic() + _BOOKMARK_SECONDS
        now = time.monotonic()
        return min(last, soon) if last > now else end + 1

    def _lines(self, change: Change) -> Iterator[bytes]:
        """Say of a change what it is to whoever sees only what matches."""
        if self.namespace and change.key[0] != self.namespace:
            return
        was = change.before is not None and self.options.matches(change.before)
        now = change.after is not None and self.options.matches(change.after)
        if change.after is not None and now:
            yield self._line("MODIFIED" if was else "ADDED", change.after)
        elif change.before is not None and was:
            meta = {**change.before["metadata"], "resourceVersion": str(change.revision)}
            yield self._line("DELETED", {**change.before, "metadata": meta})

    def _line(self, event: str, found: Json) -> bytes:
        return _event(event, self._shown(found))

    def _shown(self, found: Json) -> Json:
        if self.form.as_ == "Table":
            version = found["metadata"].get("resourceVersion", "")
            first, self._columns_said = not self._columns_said, True
            meta = {"resourceVersion": version}
            return table(self.kind, [found], meta, self.include, columns=first)
        return metadata_of(found) if self.form.as_ else found

    def _bookmark(self, *, initial: bool = False) -> bytes:
        """Say how far it is, in an object that is empty else."""
        meta: Json = {"resourceVersion": str(self.store.revision)}
        if initial:
            meta["annotations"] = {_ENDS_INITIAL: "true"}
        empty = {
            "kind": self.kind.kind,
            "apiVersion": self.kind.api_version,
            "metadata": meta,
            **EMPTY.get(self.kind.kind, {"spec": {}, "status": {}}),
        }
        if self.form.as_ == "Table":
            return _event("BOOKMARK", table(self.kind, [empty], meta, "Metadata", columns=False))
        return _event("BOOKMARK", metadata_of(empty) if self.form.as_ else empty)

    def _failed(self, fault: Fault) -> bytes:
        return _event("ERROR", fault.status())


def _event(event: str, found: Json) -> bytes:
    return msgspec.json.encode({"type": event, "object": found}) + b"\n"
