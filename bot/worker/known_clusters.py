"""Which clusters are as they should be: each is looked at by itself, and what fails is avoided."""

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.worker.breaker import Breaker, LookTimes
from grants.access.cluster_port import ClusterPort
from grants.access.health import ClusterHealth, HealthPorts, Look, note_looks
from grants.access.see_clusters import see_cluster
from grants.access.waiting import note_all_waiting
from grants.errors import StoreError, ValetkeyError

log = logging.getLogger("valetkey.worker.clusters")

BELIEVED_AFTER = timedelta(seconds=3)
"""How long the record has to call a cluster failing before its grants are said to wait: another
process that reaches it has said otherwise by then."""


@dataclass(frozen=True)
class Known:
    """What this process sees of a cluster, and since when it sees a problem there."""

    breaker: Breaker
    since: datetime | None = None

    @property
    def problem(self) -> str:
        """The code of what is wrong, empty while nothing is."""
        return self.breaker.problem or ""

    @property
    def was_looked_at(self) -> bool:
        """Tell whether anything is known of it yet."""
        return self.breaker.problem is not None


class KnownClusters:
    """Looks at every cluster, each on threads of its own, and says where work may go.

    `look` is called again and again and never waits for a cluster. `dice` jitters the waits between
    looks that fail; `ticks` is a monotonic clock in seconds.
    """

    def __init__(
        self,
        ports: HealthPorts,
        times: LookTimes | None = None,
        dice: random.Random | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ports = ports
        self._times = times or LookTimes()
        self._dice = dice or random.Random()  # noqa: S311 - jitter, no secret
        self._ticks = ticks
        self._changed = threading.Condition()
        self._known = {alias: Known(Breaker()) for alias in ports.clusters.aliases()}
        self._rows: Mapping[str, ClusterHealth] = {}
        self._store_problems: dict[str, str] = {}
        self._opened: list[Callable[[Collection[str]], object]] = []
        self._stopped = False

    @property
    def problems(self) -> Mapping[str, str]:
        """The codes of what is wrong, by alias."""
        with self._changed:
            failing = {a: one.problem for a, one in self._known.items() if one.problem}
            return self._store_problems | failing

    def all(self) -> Mapping[str, Known]:
        """Give what is seen of every configured cluster, by alias."""
        with self._changed:
            return dict(self._known)

    def shut(self) -> frozenset[str]:
        """Name the clusters that grants are not worked on in now, by every alias of theirs."""
        with self._changed:
            return frozenset(
                lane
                for alias, one in self._known.items()
                if one.breaker.is_shut
                for lane in self._lanes(alias)
            )

    def when_open(self, call: Callable[[Collection[str]], object]) -> None:
        """Have a call made with a cluster's aliases whenever it can be worked with again.

        With none where looks never failed: what failed there did so by itself, and backs off.
        """
        self._opened.append(call)

    def suspect(self, alias: str) -> None:
        """Hear that work on a grant got no answer: look before the next is begun."""
        now = self._ticks()
        with self._changed:
            suspects = [name for name in self._known if alias in self._lanes(name)]
            for name in suspects:
                one = self._known[name]
                breaker = one.breaker.suspected(now, self._times)
                self._known[name] = replace(one, breaker=breaker)
        self._start_looks(suspects)

    def see_all(self, within: timedelta = timedelta(seconds=2)) -> None:
        """Look at every cluster, and wait until each was looked at, but no longer than this."""
        self._start_looks(self._known)

        def done() -> bool:
            return all(one.breaker.problem is not None for one in self._known.values())

        with self._changed:
            self._changed.wait_for(done, within.total_seconds())

    def look(self) -> None:
        """Begin the looks that are due, and bring the clusters' rows up to what is seen."""
        self._start_looks(self._known)
        self._note_hanging()
        now = self._ports.clock.now()
        with self._changed:
            looks = [
                Look(alias, one.problem, one.since or now)
                for alias, one in self._known.items()
                if one.breaker.problem is not None
            ]
        rows = note_looks(looks, ports=self._ports)
        with self._changed:
            self._rows = rows

    def stop(self, within: timedelta) -> bool:
        """Begin no more looks, and wait for those that are out; False when time ran out."""
        with self._changed:
            self._stopped = True
        return self.wait(within)

    def wait(self, within: timedelta) -> bool:
        """Wait until no look is out; False when time ran out."""

        def done() -> bool:
            return all(one.breaker.looking_since is None for one in self._known.values())

        with self._changed:
            return self._changed.wait_for(done, within.total_seconds())

    def note_waiting(self) -> int:
        """Do what the record alone decides for grants whose cluster can't be worked with."""
        now = self._ports.clock.now()
        with self._changed:
            failing = [
                (self._lanes(alias), row.problem)  # the record's reason, the same for all of us
                for alias, one in self._known.items()
                if one.problem and one.breaker.is_shut
                if (row := self._rows.get(alias)) is not None and _is_believed(row, now)
            ]
        return sum(note_all_waiting(c, problem, ports=self._ports) for c, problem in failing)

    def _start_looks(self, aliases: Iterable[str]) -> None:
        now = self._ticks()
        for alias in aliases:
            cluster = self._ports.clusters.get(alias)
            with self._changed:
                one = self._known[alias]
                if cluster is None or self._stopped or not one.breaker.is_due(now):
                    continue
                self._known[alias] = replace(one, breaker=one.breaker.begun(now))
            # Not of a pool: one that hangs must not keep the process from ending.
            threading.Thread(
                target=self._see, args=(cluster,), name=f"see-{alias}", daemon=True
            ).start()

    def _see(self, cluster: ClusterPort) -> None:
        problem, of_store = "", ""
        try:
            see_cluster(cluster, ports=self._ports)
        except StoreError as error:
            of_store = error.code  # says nothing about the cluster, which answered
        except ValetkeyError as error:
            problem = error.code
            if self.problems.get(cluster.alias) != problem:  # said once, not at every look
                log.warning("a cluster is not as it should be", extra=error.for_log())
        except Exception:
            log.exception("the look at a cluster broke", extra={"cluster": cluster.alias})
            problem = "bug"
        self._seen(cluster.alias, problem, of_store)

    def _seen(self, alias: str, problem: str, of_store: str) -> None:
        now = self._ports.clock.now()
        with self._changed:
            before = self._known[alias]
            breaker = before.breaker.looked(problem, self._ticks(), self._times, self._dice)
            since = (before.since or now) if problem else None
            self._known[alias] = Known(breaker, since)
            self._store_problems.pop(alias, None)
            if of_store:
                self._store_problems[alias] = of_store
            lanes = self._lanes(alias)
            self._changed.notify_all()
        if (before.breaker.is_shut or before.problem) and not problem:
            if before.problem:
                log.info("a cluster can be worked with", extra={"cluster": alias})
            for call in self._opened:
                call(lanes if before.problem else frozenset())

    def _note_hanging(self) -> None:
        now, moment = self._ticks(), self._ports.clock.now()
        with self._changed:
            for alias, one in self._known.items():
                if one.breaker.is_overdue(now, self._times) and not one.problem:
                    log.error("a look at a cluster does not end", extra={"cluster": alias})
                    self._known[alias] = Known(one.breaker.hangs(), one.since or moment)

    def _lanes(self, alias: str) -> frozenset[str]:
        """Name the aliases whose grants lie in a cluster: its own, and those that it had before."""
        row = self._rows.get(alias)
        if row is None:
            return frozenset({alias})
        former = (r.alias for r in self._rows.values() if r.uid == row.uid)
        return frozenset({alias, *(a for a in former if a not in self._known)})


def _is_believed(row: ClusterHealth, now: datetime) -> bool:
    return row.failing_since is not None and now - row.failing_since >= BELIEVED_AFTER
