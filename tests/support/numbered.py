"""Numbered rows written by threads through a store, and a checker of what was said of each."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Self

from grants.errors import StoreOutcomeUnknown, StoreUnavailable
from grants.record.model import Event, EventType
from grants.store.store import Store
from tests.support.store_values import NOW


@dataclass
class Writers:
    """Threads that each write key after key, and again after an error, as clicks come again."""

    store: Store
    threads: int = 4
    stored: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(self.threads)

    def __enter__(self) -> Self:
        self._running = [self._pool.submit(self._write_all, str(n)) for n in range(self.threads)]
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for one in self._running:
            one.result()

    def _write_all(self, name: str) -> None:
        number = 0
        while not self._over.is_set():
            number += 1
            self._until_stored(f"{name}-{number}")

    def _until_stored(self, key: str) -> None:
        """Write one key until it is said to be stored; what was said before must have been so."""
        perhaps = False
        while not self._over.is_set():
            try:
                fresh = self._once(key)
            except StoreOutcomeUnknown as error:
                self.errors.append(error.code)
                perhaps = True
                continue
            except StoreUnavailable as error:
                self.errors.append(error.code)
                continue
            if not fresh and not perhaps:
                self.wrong.append(key)
            self.stored.add(key)
            return

    def _once(self, key: str) -> bool:
        with self.store.write() as tx:
            fresh = tx.first_time(key, NOW)
            if fresh:
                tx.append(Event(EventType.POLICY_LOADED, NOW, "system", facts={"key": key}))
        return fresh


def keys_in(store: Any) -> list[str]:
    """Give the key of every event there is."""
    found: list[str] = []
    after = 0
    with store.read() as tx:
        while events := tx.events(after):
            found += [_key(event.canonical) for event in events]
            after = events[-1].number
    return found


def more_than(writers: Writers, count: int) -> Callable[[], bool]:
    """Give the question whether that many keys were stored."""
    return lambda: len(writers.stored) > count


def _key(canonical: bytes) -> str:
    return str(json.loads(canonical)["facts"]["key"])
