"""Sweeps every cluster in turn, each beside the others: one that hangs delays only itself."""

import logging
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from grants.access.cluster_port import ClusterPort
from grants.access.foreign import NO_FORMER, Former
from grants.access.hearing import HearingPorts
from grants.access.sweep import Swept, sweep_cluster
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.worker.sweeps")

# A turn lasts less than the time between two looks: who looks exactly as often would now and then
# come a moment early and leave the work for another round.
TURN_SHARE: Final = 0.8


@dataclass(frozen=True)
class SweepCalls:
    """Whose turn a sweep is, who hears what it found, and how often it is one's turn.

    `my_turn(scope, every)` tells whether this worker does a work that one of many has to do;
    `swept` hears what was found in a cluster, or None when another worker had the turn. `shut`
    names the clusters that can't be worked with now, `former` the installations that are lost.
    """

    my_turn: Callable[[str, timedelta], bool]
    swept: Callable[[str, Swept | None], object]
    every: timedelta
    shut: Callable[[], Collection[str]] = frozenset
    former: Former = NO_FORMER


class Sweeps:
    """Begins a sweep of each cluster that can be worked with and has none under way."""

    def __init__(self, ports: HearingPorts, calls: SweepCalls) -> None:
        self._ports = ports
        self._calls = calls
        self._changed = threading.Condition()
        self._under_way: set[str] = set()
        self._stopped = False

    def begin(self) -> None:
        """Begin what can begin; never waits for a cluster."""
        for alias in self._ports.clusters.aliases():
            self._begin(alias, self._calls.every * TURN_SHARE)

    def begin_now(self, alias: str) -> bool:
        """Begin a sweep of one cluster, whosever turn it is; False when one is under way.

        That one may have made its list too early, so whoever asked asks again. Of a cluster that
        can't be worked with nothing is begun: its return is another reason to sweep.
        """
        return self._begin(alias, None)

    def _begin(self, alias: str, turn: timedelta | None) -> bool:
        cluster = self._ports.clusters.get(alias)
        if cluster is None or alias in self._calls.shut():
            return True
        with self._changed:
            if self._stopped:
                return True
            if alias in self._under_way:
                return False
            self._under_way.add(alias)
        # Not of a pool: one that hangs must not keep the process from ending.
        threading.Thread(
            target=self._sweep, args=(cluster, turn), name=f"sweep-{alias}", daemon=True
        ).start()
        return True

    def wait(self, within: timedelta) -> bool:
        """Wait until no sweep is under way; False when one did not end in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, within.total_seconds())

    def stop(self, within: timedelta) -> bool:
        """Begin no more, and wait for those under way; False when one did not end in time."""
        with self._changed:
            self._stopped = True
        return self.wait(within)

    def _sweep_cluster(self, cluster: ClusterPort) -> Swept:
        return sweep_cluster(cluster, ports=self._ports, former=self._calls.former)

    def _sweep(self, cluster: ClusterPort, turn: timedelta | None) -> None:
        alias, calls = cluster.alias, self._calls
        try:
            mine = turn is None or calls.my_turn(f"sweep:{alias}", turn)
            calls.swept(alias, self._sweep_cluster(cluster) if mine else None)
        except ValetkeyError as error:
            log.warning("a cluster could not be swept", extra=error.for_log())
        except Exception:
            log.exception("the sweep of a cluster broke", extra={"cluster": alias})
        finally:
            with self._changed:
                self._under_way.discard(alias)
                self._changed.notify_all()
