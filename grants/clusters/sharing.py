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
"""How long a read waits for the one on its way, so that others share it. A cluster that is far away
is not waited for: there a thread has nothing better to do than to ask."""


class _Read(Future[T]):
    """One read that has not begun, and by how many it is asked for."""

    askers = 1


class SharedRead(Generic[T]):
    """Shares one read between threads; what it raises is raised to all who share it."""

    def __init__(self, read: Callable[[], T], *, wait_most: timedelta = WAIT_MOST) -> None:
        self._read = read
        self._wait_seconds = wait_most.total_seconds()
        self._lock = threading.Lock()
        self._one_on_its_way = threading.Lock()
        self._coming: _Read[T] | None = None

    def __call__(self) -> T:
        """Give what was read since the call began."""
        with self._lock:
            shared = self._coming
            if shared is None:
                own = self._coming = _Read()
            else:
                shared.askers += 1
        if shared is not None:
            return shared.result()
        self._make(own)
        return own.result()

    def _make(self, own: _Read[T]) -> None:
        is_next = False
        try:
            is_next = self._one_on_its_way.acquire(timeout=self._wait_seconds)
            self._close(own)
            own.set_result(self._read())
        except BaseException as error:  # noqa: BLE001 - raised to all who share it
            self._close(own)
            own.set_exception(error)
        finally:
            if is_next:
                self._one_on_its_way.release()

    def _close(self, own: _Read[T]) -> None:
        """Let nobody share it who comes from now on."""
        with self._lock:
            if self._coming is own:
                self._coming = None
