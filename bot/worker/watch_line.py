"""One thread that keeps one stream open, and opens the next when it ends."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeVar

from grants.access.watch_port import Stream, Watcher
from grants.errors import ClusterForbidden, ValetkeyError

log = logging.getLogger("valetkey.worker.watches")

C = TypeVar("C")

SHOWN_AFTER: Final = 2
"""Failures in a row after which a line says what is wrong; one is a restart somewhere."""


@dataclass(frozen=True)
class LineTimes:
    """How long a line waits before it opens the next stream, after one that was lost.

    From `first` doubled up to `longest`; begun anew after a stream that `lasted`. `forbidden`:
    nobody mends a missing right within seconds, and until then lists do without.
    """

    first: timedelta = timedelta(milliseconds=500)
    longest: timedelta = timedelta(seconds=30)
    forbidden: timedelta = timedelta(minutes=5)
    lasted: timedelta = timedelta(seconds=10)


class _Opened(Protocol):
    def __call__(self, alias: str, *, goes_on: bool) -> None: ...


@dataclass(frozen=True)
class LineCalls(Generic[C]):
    """Who hears of what a line does; each is called with the cluster's alias."""

    heard: Callable[[str, Sequence[C]], None]
    opened: _Opened
    counted: Callable[[str], None]
    restarted: Callable[[str, str], None]


class Line(Generic[C]):
    """Opens one stream after the other until it is stopped; what fails is tried again later."""

    def __init__(
        self,
        alias: str,
        name: str,
        watcher: Watcher[C],
        calls: LineCalls[C],
        times: LineTimes,
    ) -> None:
        self.alias = alias
        self._name = name
        self._watcher = watcher
        self._calls = calls
        self._times = times
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._stream: Stream[C] | None = None
        self._is_open = False
        self._failures = 0
        self._problem = ""
        self._said = ""
        # A daemon: a connection that hangs must not keep the process.
        self._thread = threading.Thread(target=self._run, name=f"watch-{alias}", daemon=True)

    @property
    def is_open(self) -> bool:
        """Tell whether a stream is open now."""
        return self._is_open

    @property
    def problem(self) -> str:
        """Give the code of why no stream has been open for a while, or nothing."""
        return self._problem if self._failures >= SHOWN_AFTER or self._forbidden else ""

    @property
    def _forbidden(self) -> bool:
        return self._problem == ClusterForbidden.code

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Open no more, and end the stream that is open; returns at once."""
        with self._lock:
            self._stopping.set()
            stream = self._stream
        if stream is not None:
            stream.close()

    def join(self, within_seconds: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(within_seconds)

    def _run(self) -> None:
        while not self._stopping.is_set():
            begun = time.monotonic()
            problem = self._follow_one()
            if self._stopping.is_set():
                return
            lasted = time.monotonic() - begun >= self._times.lasted.total_seconds()
            self._note(problem, lasted=lasted)
            if problem:
                self._stopping.wait(self._wait_seconds())

    def _follow_one(self) -> str:
        """Follow one stream to its end; gives the code of what ended it, or nothing."""
        try:
            stream = self._watcher.open()
            try:
                if not self._hold(stream):
                    return ""
                self._calls.opened(self.alias, goes_on=stream.goes_on)
                self._is_open = True
                self._calls.counted(self.alias)
                for changes in stream.batches():
                    self._calls.heard(self.alias, changes)
            finally:
                self._let_go(stream)
        except ValetkeyError as error:
            self._say(error)
            return error.code
        except Exception:
            log.exception("a watch broke", extra={"cluster": self.alias, "watch": self._name})
            return "bug"
        return ""

    def _hold(self, stream: Stream[C]) -> bool:
        """Keep a stream where a stop finds it; False when the stop came first."""
        with self._lock:
            if self._stopping.is_set():
                return False
            self._stream = stream
            self._problem = ""
            return True

    def _let_go(self, stream: Stream[C]) -> None:
        with self._lock:
            self._stream = None
            self._is_open = False
        stream.close()
        self._calls.counted(self.alias)

    def _note(self, problem: str, *, lasted: bool) -> None:
        self._problem = problem
        if not problem:
            self._failures, self._said = 0, ""
            return
        self._calls.restarted(self.alias, problem)
        self._failures = 1 if lasted else self._failures + 1

    def _wait_seconds(self) -> float:
        """Give the next wait, spread so that those who lost one server do not all come at once."""
        if self._forbidden:
            return self._times.forbidden.total_seconds()
        doubled: timedelta = self._times.first * 2 ** min(self._failures - 1, 16)
        spread = 0.5 + random.random() / 2  # noqa: S311 - nothing secret
        return min(doubled, self._times.longest).total_seconds() * spread

    def _say(self, error: ValetkeyError) -> None:
        """Log what ended it once for each kind, until one ends well."""
        if self._stopping.is_set():
            return
        if error.code != self._said:
            self._said = error.code
            log.warning(
                "a watch is lost; lists go on", extra=error.for_log() | {"watch": self._name}
            )
