"""Reads that say nothing of who asks for them, made once for all who ask at the same moment.

Each of a thousand grants that end together must know, after something that it did, that an API
server is ready and that the cluster is still its own. That is three calls of seven that are the
same for all of them. So whoever asks while such a read is on its way shares the next one, which
begins after they asked: nobody is told anything that was seen before they wanted to know it.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Final, Generic, TypeVar

T = TypeVar("T")

WAIT_MOST: Final = timedelta(milliseconds=10)
"""How long a read waits for the one on its way, so that others share it: a cluster that is far away
is asked by several at once."""

SHARED_MOST: Final = timedelta(minutes=1)
"""How long another's read is waited for: longer than any call takes."""


class SharedRead(Generic[T]):
    """Shares one read between threads. A failure is for who made it: the others ask alone."""

    def __init__(
        self,
        read: Callable[[], T],
        *,
        wait_most: timedelta = WAIT_MOST,
        shared_most: timedelta = SHARED_MOST,
    ) -> None:
        self._read = read
        self._wait_seconds = wait_most.total_seconds()
        self._shared_seconds = shared_most.total_seconds()
        self._lock = threading.Lock()
        self._one_on_its_way = threading.Lock()
        self._coming: Future[T] | None = None

    def __call__(self) -> T:
        """Give what was read since the call began."""
        with self._lock:
            shared = self._coming
            if shared is None:
                own = self._coming = Future[T]()
        if shared is None:
            return self._make(own)
        try:
            return shared.result(self._shared_seconds)
        except Exception:  # noqa: BLE001 - another's: a call that broke off, or a thread that did
            self._close(shared)
            return self._read()

    def _make(self, own: "Future[T]") -> T:
        is_next = False
        try:
            is_next = self._one_on_its_way.acquire(timeout=self._wait_seconds)
            self._close(own)
            found = self._read()
        except BaseException:
            self._close(own)
            # Not the error itself: its traceback would hold what holds it.
            own.set_exception(RuntimeError("the read that was to be shared failed"))
            raise
        else:
            own.set_result(found)
            return found
        finally:
            if is_next:
                self._one_on_its_way.release()

    def _close(self, one: "Future[T]") -> None:
        """Let nobody share it who comes from now on."""
        with self._lock:
            if self._coming is one:
                self._coming = None
