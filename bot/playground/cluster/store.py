"""What the cluster holds, and what became of it: objects, one revision number, a log of changes.

All of it is used by one thread, the server's. Objects are never changed in place: whoever writes
puts another in their stead, so that a list or a change may be held for as long as one likes.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bot.playground.cluster.kinds import Json, Kind

LOG_MOST: Final = 10_000
_FIRST_REVISION: Final = 100

Key = tuple[str, str]
"""Namespace and name; the namespace of what stands outside of them is ""."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write: what stood there before and what after; None: nothing."""

    revision: int
    kind: Kind
    key: Key
    before: Json | None
    after: Json | None


class TooOldError(Exception):
    """The log no longer reaches back that far; `oldest` is where it begins."""

    def __init__(self, asked: int, oldest: int) -> None:
        super().__init__(asked, oldest)
        self.asked = asked
        self.oldest = oldest


class Store:
    """The objects of every kind, by namespace and name."""

    def __init__(self, log_most: int = LOG_MOST) -> None:
        self.revision = _FIRST_REVISION
        self._tables: dict[Kind, dict[Key, Json]] = {}
        self._log: deque[Change] = deque(maxlen=log_most)
        self._listeners: list[Callable[[Change], None]] = []

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Tell `listener` of every change from now on; gives what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def get(self, kind: Kind, namespace: str, name: str) -> Json | None:
        """Give an object."""
        return self._tables.get(kind, {}).get((namespace, name))

    def list(self, kind: Kind, namespace: str = "", *, at: int | None = None) -> list[Json]:
        """List the objects of a kind, by namespace and name; `at` an earlier revision.

        TooOldError when nobody knows any more what stood there then.
        """
        table = self._tables.get(kind, {})
        if at is not None and at < self.revision:
            table = dict(table)
            for change in reversed(list(self.since(at, kind))):
                table.pop(change.key, None)
                if change.before is not None:
                    table[change.key] = change.before
        keys = sorted(key for key in table if not namespace or key[0] == namespace)
        return [table[key] for key in keys]

    def since(self, revision: int, kind: Kind) -> Iterator[Change]:
        """Give the changes of a kind after a revision, in order."""
        oldest = self._log[0].revision if self._log else self.revision + 1
        if revision < oldest - 1:
            raise TooOldError(revision, oldest)
        # Copied: the log grows while somebody reads.
        for change in list(self._log):
            if change.revision > revision and change.kind is kind:
                yield change

    def put(self, kind: Kind, wanted: Json) -> Json:
        """Store an object, new or in place of another; gives it with its version."""
        meta = wanted["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        self.revision += 1
        stored = {**wanted, "metadata": {**meta, "resourceVersion": str(self.revision)}}
        table = self._tables.setdefault(kind, {})
        before = table.get(key)
        table[key] = stored
        self._note(Change(self.revision, kind, key, before, stored))
        return stored

    def drop(self, kind: Kind, namespace: str, name: str) -> Json:
        """Take an object away; gives it as it stood, with the version of its end."""
        key = (namespace, name)
        before = self._tables[kind].pop(key)
        self.revision += 1
        self._note(Change(self.revision, kind, key, before, None))
        meta = {**before["metadata"], "resourceVersion": str(self.revision)}
        return {**before, "metadata": meta}

    def kinds(self) -> tuple[Kind, ...]:
        """Name the kinds of which there is something."""
        return tuple(kind for kind, table in self._tables.items() if table)

    def forget_log(self) -> None:
        """Forget what was before now, as a compaction does."""
        self._log.clear()

    def _note(self, change: Change) -> None:
        self._log.append(change)
        for listener in list(self._listeners):
            listener(change)
