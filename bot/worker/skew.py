"""The loop that holds this process's clock against the database's and every cluster's."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from typing import Protocol

from grants.access.cluster_port import ClusterPort
from grants.access.ports import AccessPorts
from grants.access.skew import (
    HasOffset,
    Reading,
    may_follow,
    note_reading,
    note_set_back,
    read_cluster,
    read_database,
)
from grants.clock import SteadyClock
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.worker.skew")

WITHIN = timedelta(seconds=8)
"""What all API servers of a cluster may take together; each call has its own time-out."""

WORTH_FOLLOWING = timedelta(milliseconds=100)
"""Less is the time between two readings, or a correction that no lease is worth."""


class ClockedRows(HasOffset, Protocol):
    """A database that may have a clock, and rows whose times a wrong clock may have written."""

    @property
    def has_clock(self) -> bool:
        """Tell whether it has a clock of its own."""
        ...

    def bring_forward(self, now: datetime, longest: timedelta, slack: timedelta) -> int:
        """Make due at once what only a clock that ran ahead can have written; tells how many."""
        ...


class ClockWatch:
    """Measures, tells what is wrong, and lets a clock that was set back be followed.

    `host` names this machine in events. What was read last is kept for readiness and metrics.
    """

    def __init__(
        self, ports: AccessPorts, clock: SteadyClock, database: ClockedRows, host: str
    ) -> None:
        self._ports = ports
        self._clock = clock
        self._database = database
        self._host = host
        self._alarms: dict[str, str] = {}
        self.readings: tuple[Reading, ...] = ()

    def look(self) -> None:
        """Read every clock once, and do what follows from it. A silent witness stops no other."""
        clusters = self._distinct_clusters()
        self.readings = self._read_all(clusters)
        self._follow(len(clusters) + int(self._database.has_clock))
        for reading in self.readings:
            self._note(reading)
        if self._is_trusted():
            self._bring_forward()

    @property
    def problem(self) -> str | None:
        """Give the code of what is wrong with clocks, if anything is."""
        if self._alarms:
            return "skewed"
        return "set-back" if self.set_back > self._ports.times.skew_alarm else None

    @property
    def set_back(self) -> timedelta:
        """Tell how far this machine's clock is behind what this process goes by."""
        return self._clock.set_back()

    def _distinct_clusters(self) -> list[ClusterPort]:
        """Give each cluster that was ever seen, once: under two aliases it is one witness."""
        clusters = self._ports.clusters
        with self._ports.store.read() as tx:
            uids = {alias: tx.cluster_uid(alias) for alias in clusters.aliases()}
        aliases = {uid: alias for alias, uid in uids.items() if uid is not None}
        return [c for alias in aliases.values() if (c := clusters.get(alias))]

    def _read_all(self, clusters: list[ClusterPort]) -> tuple[Reading, ...]:
        run = self._ports.lookups.run
        calls: list[Callable[[], tuple[Reading, ...]]] = [
            partial(read_database, self._database, self._clock),
            # On each cluster's own threads: a credential plugin that hangs must not hang this loop.
            *(
                partial(run, c.alias, partial(read_cluster, c, self._clock), WITHIN)
                for c in clusters
            ),
        ]
        with ThreadPoolExecutor(len(calls), "clocks") as threads:
            return tuple(chain.from_iterable(threads.map(_or_nothing, calls)))

    def _follow(self, witnesses: int) -> None:
        """Go back to the machine's clock where witnesses agree with it.

        By no more than they have seen: it may have been set once more since.
        """
        back = min((one.set_back for one in self.readings), default=timedelta(0))
        alarm = self._ports.times.skew_alarm
        if back < WORTH_FOLLOWING or not may_follow(self.readings, witnesses, alarm):
            return
        note_set_back(back, self.readings, self._host, self._ports)
        self._clock.go_back(back)
        self.readings = tuple(one.after_going_back(back) for one in self.readings)
        log.warning("followed a clock that was set back", extra={"by": str(back)})

    def _note(self, reading: Reading) -> None:
        name = f"{reading.witness} {reading.endpoint}".strip()
        before = self._alarms.get(name)
        alarm = note_reading(reading, self._host, alarm=before, ports=self._ports)
        if alarm is not None:
            self._alarms[name] = alarm
        else:
            self._alarms.pop(name, None)
        if alarm is not None and before is None:
            log.warning("clocks are apart", extra={"witness": name})
        if alarm is None and before is not None:
            log.info("clocks agree again", extra={"witness": name})

    def _is_trusted(self) -> bool:
        """Tell whether our time is not surely wrong: by the database, or without one by anybody."""
        database = [one for one in self.readings if not one.cluster]
        alarm = self._ports.times.skew_alarm
        judges = database or self.readings
        return not any(one.offset.is_surely_past(alarm) for one in judges)

    def _bring_forward(self) -> None:
        times = self._ports.times
        longest = max(times.drift_interval, times.retry_most) + times.skew_alarm
        now = self._ports.clock.now()
        count = self._database.bring_forward(now, longest, times.skew_alarm)
        if count:
            log.warning("a clock that ran ahead wrote the times of grants", extra={"grants": count})


def _or_nothing(call: Callable[[], tuple[Reading, ...]]) -> tuple[Reading, ...]:
    try:
        return call()
    except ValetkeyError:
        return ()
