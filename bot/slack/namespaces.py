"""The namespaces of each cluster, kept warm: whoever types waits for no cluster."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bot.logs import get_logger
from grants.errors import ClusterError, ClusterUnavailable

log = get_logger("slack.namespaces")

FRESH_SECONDS: Final = 10.0
"""How old a list may be before it is read anew, behind whoever asked."""
KEPT_SECONDS: Final = 600.0
"""How old a list may be and still be offered: what is chosen is judged by the cluster anyway."""
FAILED_SECONDS: Final = 3.0
"""How long a cluster that did not tell its list is not asked again: nobody waits for it anew."""
_THREADS: Final = 8
_WAIT_SECONDS: Final = 2.0


@dataclass(frozen=True)
class _List:
    names: Sequence[str]
    at: float


class Namespaces:
    """Lists of namespaces by the cluster's alias.

    `read` reads one within bounded time, or raises ClusterError. A list that is known is given at
    once and read anew in the background; only the first asker of a cluster waits for it.
    """

    def __init__(
        self,
        read: Callable[[str], Sequence[str]],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._ticks = ticks
        # Entered anew by the thread that holds it when a reading is over before it is noted down.
        self._lock = threading.RLock()
        self._lists: dict[str, _List] = {}
        self._failed: dict[str, tuple[ClusterError, float]] = {}
        self._reading: dict[str, Future[Sequence[str]]] = {}
        self._threads = ThreadPoolExecutor(_THREADS, "namespaces")

    def get(self, alias: str) -> Sequence[str]:
        """Give the namespaces of a cluster; ClusterError when none are known and none come."""
        known = self._lists.get(alias)
        if known is not None and self._ticks() - known.at < KEPT_SECONDS:
            self.look_soon(alias)
            return known.names
        failed = self._failure(alias)
        if failed is not None:
            raise failed
        try:
            return self._look(alias).result(_WAIT_SECONDS)
        except TimeoutError:
            raise ClusterUnavailable(alias, "list namespaces", "no answer in time") from None

    def look_soon(self, alias: str) -> None:
        """Have a list read that will be asked for in a moment, unless it is fresh."""
        if self._fresh(alias) is None and self._failure(alias) is None:
            self._look(alias)

    def _fresh(self, alias: str) -> _List | None:
        known = self._lists.get(alias)
        return known if known and self._ticks() - known.at < FRESH_SECONDS else None

    def _failure(self, alias: str) -> ClusterError | None:
        """Give the error of a look that failed a moment ago."""
        failed = self._failed.get(alias)
        if failed is None or self._ticks() - failed[1] >= FAILED_SECONDS:
            return None
        return type(failed[0])(failed[0].cluster, failed[0].action, failed[0].detail)

    def _look(self, alias: str) -> "Future[Sequence[str]]":
        """Read a list on a thread of our own; whoever asks meanwhile waits for the same answer."""
        with self._lock:
            under_way = self._reading.get(alias)
            if under_way is None and (known := self._fresh(alias)) is not None:
                # It was read between this asker's look at what is known and now.
                under_way = Future()
                under_way.set_result(known.names)
            elif under_way is None:
                under_way = self._threads.submit(self._look_now, alias)
                self._reading[alias] = under_way
                under_way.add_done_callback(lambda _: self._done(alias))
            return under_way

    def _done(self, alias: str) -> None:
        with self._lock:
            self._reading.pop(alias, None)

    def _look_now(self, alias: str) -> Sequence[str]:
        try:
            names = tuple(self._read(alias))
        except ClusterError as error:
            self._failed[alias] = (error, self._ticks())
            log.info("the namespaces of a cluster were not read: %s", error.code)
            raise
        self._failed.pop(alias, None)
        self._lists[alias] = _List(names, self._ticks())
        return names

    def stop(self) -> None:
        """Let the threads go."""
        with suppress(RuntimeError):
            self._threads.shutdown(wait=False, cancel_futures=True)
