"""Watches of every cluster: threads that hear of changes, and have what differs looked at sooner.

Nothing rests on them. A watch that is away, hangs or lies costs the time until the next sweep.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from bot.worker.repeats import Repeats
from bot.worker.watch_line import Line, LineCalls, LineTimes
from grants.access.hearing import Heard, HearingPorts, hear, watched_in
from grants.access.watch_port import Change, Watched, WatchPort
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.worker.watches")

CHOOSE_EVERY: Final = timedelta(seconds=5)
"""How often it is looked up what is to be watched: roles come and go with their grants."""

CHANGES_MOST: Final = 10_000
"""How many changes of a cluster wait to be heard at most; more are a reason to make a list."""

SWEEP_APART: Final = timedelta(seconds=2)
"""The least time between two sweeps of a cluster that changes ask for, over all replicas."""


class WatchClusters(Protocol):
    """All configured clusters, as far as they are watched."""

    def get(self, alias: str) -> WatchPort | None:
        """Find a cluster by its alias."""
        ...

    def aliases(self) -> tuple[str, ...]:
        """Name every configured cluster."""
        ...


class WatchMeter(Protocol):
    """Counts what watches do."""

    def watch_streams(self, cluster: str, count: int) -> None:
        """Hear how many streams of a cluster are open."""
        ...

    def watch_heard(self, cluster: str, changes: int, hurried: int) -> None:
        """Hear how many changes came, and how many grants are looked at sooner for them."""
        ...

    def watch_restarted(self, cluster: str, why: str) -> None:
        """Hear that a stream did not end as agreed, or could not be opened, by its code."""
        ...


@dataclass(frozen=True)
class WatchCalls:
    """What watches call. `wake` has what is due looked at; `sweep` begins a sweep of one cluster
    and tells whether it did; `my_turn(scope, every)` tells whether it is this worker's.
    """

    wake: Callable[[], object]
    sweep: Callable[[str], bool]
    my_turn: Callable[[str, timedelta], bool]
    meter: WatchMeter


class Watches:
    """Keeps one thread for each stream that is to be open; `tend` is called again and again.

    The threads only gather what comes. It is held against the rows by `tend`, many changes by one
    read: a server sends each by itself, also where a thousand of our own come in one second.
    """

    def __init__(
        self,
        ports: HearingPorts,
        clusters: WatchClusters,
        calls: WatchCalls,
        times: LineTimes | None = None,
        choose_every: timedelta = CHOOSE_EVERY,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ports = ports
        self._clusters = clusters
        self._calls = calls
        self._times = times or LineTimes()
        self._choose_every = choose_every
        self._ticks = ticks
        self._repeats = Repeats(ticks)
        self._lock = threading.Lock()
        self._lines: dict[tuple[str, Watched], Line[Change]] = {}
        self._to_hear: dict[str, list[Change]] = {}
        self._to_sweep: set[str] = set()
        self._chosen_at: float | None = None
        self._stopped = False

    def tend(self) -> None:
        """Hear what came, begin the sweeps that are asked for, and match the streams to what is to
        be watched.
        """
        for alias, changes in self._take_changes().items():
            self._hear(alias, changes)
        for alias in self._take_sweeps():
            self._sweep(alias)
        now = self._ticks()
        due = self._chosen_at is None or now - self._chosen_at >= self._choose_every.total_seconds()
        if due:
            wanted = {
                (alias, watched): cluster
                for alias in self._clusters.aliases()
                if (cluster := self._clusters.get(alias)) is not None
                for watched in watched_in(alias, ports=self._ports)
            }
            self._chosen_at = now
            self._match(wanted)

    def stop(self, within: timedelta) -> bool:
        """End every stream now; a thread that is still connecting ends by its own time-outs."""
        with self._lock:
            self._stopped = True
            lines = list(self._lines.values())
            self._lines.clear()
        for line in lines:
            line.stop()
        deadline = self._ticks() + min(within, timedelta(seconds=1)).total_seconds()
        for line in lines:
            line.join(max(0.0, deadline - self._ticks()))
        return True

    def problems(self) -> tuple[str, ...]:
        """Give the codes of why streams are not open, those that were just lost left out."""
        with self._lock:
            found = {line.problem for line in self._lines.values() if line.problem}
        return tuple(sorted(found))

    def _match(self, wanted: Mapping[tuple[str, Watched], WatchPort]) -> None:
        with self._lock:
            if self._stopped:
                return
            idle = [self._lines.pop(key) for key in list(self._lines) if key not in wanted]
            fresh = [key for key in wanted if key not in self._lines]
            for alias, watched in fresh:
                self._lines[alias, watched] = self._begin(alias, watched, wanted[alias, watched])
            aliases = {alias for alias, _ in (*self._lines, *((line.alias, 0) for line in idle))}
        for line in idle:
            line.stop()
        for alias in aliases:
            self._count(alias)

    def _begin(self, alias: str, watched: Watched, cluster: WatchPort) -> Line[Change]:
        calls = LineCalls(
            heard=self._gather,
            opened=self._opened,
            counted=self._count,
            restarted=self._calls.meter.watch_restarted,
        )
        line = Line(alias, str(watched), cluster.watcher(watched), calls, self._times)
        line.start()
        return line

    def _opened(self, alias: str, *, goes_on: bool) -> None:
        """Have a list made: what went before a stream began only that can tell."""
        if not goes_on:
            self._ask_for_sweep(alias)

    def _count(self, alias: str) -> None:
        with self._lock:  # told under it, so that the last count is the one that stays
            lines = [line for (at, _), line in self._lines.items() if at == alias]
            self._calls.meter.watch_streams(alias, sum(line.is_open for line in lines))

    def _gather(self, alias: str, changes: Sequence[Change]) -> None:
        """Keep what came until it is heard; of more than can be kept only a list can tell."""
        with self._lock:
            kept = self._to_hear.setdefault(alias, [])
            kept += changes
            if len(kept) > CHANGES_MOST:
                del self._to_hear[alias]
                self._to_sweep.add(alias)

    def _take_changes(self) -> dict[str, list[Change]]:
        with self._lock:
            came, self._to_hear = self._to_hear, {}
        return came

    def _hear(self, alias: str, changes: Sequence[Change]) -> None:
        try:
            heard: Heard = hear(alias, changes, ports=self._ports)
        except ValetkeyError as error:
            log.warning("changes could not be heard", extra={"cluster": alias, "code": error.code})
            self._ask_for_sweep(alias)
            return
        self._calls.meter.watch_heard(alias, len(changes), heard.hurried)
        if heard.hurried:
            self._calls.wake()
        if heard.sweep:
            self._ask_for_sweep(alias)

    def _ask_for_sweep(self, alias: str) -> None:
        with self._lock:
            self._to_sweep.add(alias)

    def _take_sweeps(self) -> set[str]:
        with self._lock:
            asked, self._to_sweep = self._to_sweep, set()
        return asked

    def _sweep(self, alias: str) -> None:
        """Begin a sweep; asked again while it is another's turn, since that one may be too old."""
        try:
            begun = self._calls.my_turn(f"sweep-now:{alias}", SWEEP_APART) and self._calls.sweep(
                alias
            )
        except ValetkeyError as error:
            begun = False
            times = self._repeats.failed(alias, error.code)
            if times:
                facts = {"cluster": alias, "code": error.code, "times": times}
                log.warning("a sweep could not be begun", extra=facts)
        else:
            self._repeats.went_well(alias)
        if not begun:
            self._ask_for_sweep(alias)
