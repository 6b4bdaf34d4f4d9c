"""Watches of what rights hang on, in every cluster: a change brings the next review sooner.

Nothing rests on them: what they miss, the review sees that comes by the clock.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from bot.worker.watch_line import Line, LineCalls, LineTimes
from grants.access.watch_port import Watcher
from grants.review.rights_change import RightsChange


class RightsCluster(Protocol):
    """A cluster that tells of changes of rights."""

    def rights_watchers(self) -> Sequence[Watcher[RightsChange]]:
        """Give what watches each kind; nothing is sent yet."""
        ...


class RightsClusters(Protocol):
    """All configured clusters, as far as their rights are watched."""

    def get(self, alias: str) -> RightsCluster | None:
        """Find a cluster by its alias."""
        ...

    def aliases(self) -> tuple[str, ...]:
        """Name every configured cluster."""
        ...


@dataclass(frozen=True)
class RightsCalls:
    """Who hears that rights of a cluster changed, and that a stream was lost, by its code."""

    heard: Callable[[str], None]
    restarted: Callable[[str, str], None]


class RightsWatches:
    """Keeps one thread for each kind and cluster; `tend` begins them once."""

    def __init__(
        self, clusters: RightsClusters, calls: RightsCalls, times: LineTimes | None = None
    ) -> None:
        self._clusters = clusters
        self._calls = calls
        self._times = times or LineTimes()
        self._lock = threading.Lock()
        self._lines: list[Line[RightsChange]] | None = None
        self._opened: set[int] = set()

    def tend(self) -> None:
        """Begin to watch, if that has not begun; who is stopped begins no more."""
        with self._lock:
            if self._lines is not None:
                return
            self._lines = [
                self._line(alias, number, watcher)
                for alias in self._clusters.aliases()
                if (cluster := self._clusters.get(alias)) is not None
                for number, watcher in enumerate(cluster.rights_watchers())
            ]
            for line in self._lines:
                line.start()

    def stop(self, within: timedelta) -> bool:
        """End every stream now; a thread that is still connecting ends by its own time-outs."""
        with self._lock:
            lines, self._lines = self._lines or [], []
        for line in lines:
            line.stop()
        for line in lines:
            line.join(min(within, timedelta(seconds=1)).total_seconds() / max(1, len(lines)))
        return True

    def problems(self) -> tuple[str, ...]:
        """Give the codes of why streams are not open, those that were just lost left out."""
        with self._lock:
            lines = list(self._lines or ())
        return tuple(sorted({line.problem for line in lines if line.problem}))

    def _line(self, alias: str, number: int, watcher: Watcher[RightsChange]) -> Line[RightsChange]:
        first = threading.Event()

        def opened(alias: str, *, goes_on: bool) -> None:
            # A start brings no review sooner; a stream that was lost may have missed something.
            if first.is_set() and not goes_on:
                self._calls.heard(alias)
            first.set()

        calls: LineCalls[RightsChange] = LineCalls(
            heard=lambda alias, _changes: self._calls.heard(alias),
            opened=opened,
            counted=lambda _: None,
            restarted=self._calls.restarted,
        )
        return Line(alias, f"rights {number}", watcher, calls, self._times)
