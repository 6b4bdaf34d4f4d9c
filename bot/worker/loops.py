"""Which loops there are, how often each runs, and what it calls."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from bot.worker.clockwork import Loop
from bot.worker.reconciler import Reconciler
from grants.access.cluster_port import ClusterPort
from grants.access.expire_leases import expire_leases
from grants.access.expire_requests import expire_requests
from grants.access.ports import AccessPorts
from grants.access.see_clusters import see_cluster
from grants.access.sweep import Swept, sweep_cluster
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.worker.loops")

DUE_EVERY = timedelta(milliseconds=250)  # a lease ends within this of its time, on a live worker
TELL_EVERY = timedelta(milliseconds=500)
CLOSE_EVERY = timedelta(seconds=5)
POLICY_EVERY = timedelta(seconds=5)
SEE_EVERY = timedelta(seconds=60)
CLOCKS_EVERY = timedelta(seconds=30)
FORGET_EVERY = timedelta(days=1)
# A turn lasts less than the time between two looks: who looks exactly as often would now and then
# come a moment early and leave the work for another round.
TURN_SHARE = 0.8


@dataclass(frozen=True)
class LoopCalls:
    """What the loops call beside the core's own verbs, and how often the slow ones run.

    `my_turn(scope, every)` tells whether this worker does a work that one of many has to do;
    `swept` hears what a sweep found in a cluster, or None when another worker had the turn.
    """

    tell: Callable[[], object]
    forget: Callable[[], object]
    swept: Callable[[str, Swept | None], object]
    my_turn: Callable[[str, timedelta], bool]
    sweep_every: timedelta


def process_loops(
    reload_policy: Callable[[], object],
    known_clusters: "KnownClusters",
    look_at_clocks: Callable[[], object],
) -> tuple[Loop, ...]:
    """Make the loops of every process: surfaces judge by policy and read clusters, too."""
    return (
        Loop("policy", POLICY_EVERY, reload_policy),
        Loop("clusters", SEE_EVERY, known_clusters.see_all),
        Loop("clocks", CLOCKS_EVERY, look_at_clocks),
    )


def worker_loops(ports: AccessPorts, reconciler: Reconciler, calls: LoopCalls) -> tuple[Loop, ...]:
    """Make the loops that only a worker runs."""
    return (
        Loop("due", DUE_EVERY, lambda: _run_due(ports, reconciler)),
        Loop("tell", TELL_EVERY, calls.tell),
        Loop("close", CLOSE_EVERY, lambda: expire_requests(ports=ports)),
        Loop("sweep", calls.sweep_every, lambda: sweep_all(ports, calls)),
        Loop("forget", FORGET_EVERY, calls.forget),
    )


def _run_due(ports: AccessPorts, reconciler: Reconciler) -> None:
    """End leases first, so that all that are over are known to be before any is worked on."""
    try:
        expire_leases(ports=ports)
    finally:
        reconciler.run_due()


class KnownClusters:
    """Which clusters were seen to be themselves, and what is wrong with the others."""

    def __init__(self, ports: AccessPorts) -> None:
        self._ports = ports
        self.problems: dict[str, str] = {}

    def see_all(self) -> None:
        """Look at every cluster's identity; a failing one is told and does not stop the rest."""
        _each_cluster(self._ports, self._see)

    def _see(self, cluster: ClusterPort) -> None:
        try:
            see_cluster(cluster, ports=self._ports)
        except ValetkeyError as error:
            self.problems[cluster.alias] = error.code
            log.warning("a cluster is not as it should be", extra=error.facts())
        else:
            self.problems.pop(cluster.alias, None)


def sweep_all(ports: AccessPorts, calls: LoopCalls) -> None:
    """Sweep every cluster whose turn is this worker's, and tell what was found in each.

    A failing one is logged and does not stop the rest.
    """

    def sweep(cluster: ClusterPort) -> None:
        alias = cluster.alias
        try:
            mine = calls.my_turn(f"sweep:{alias}", calls.sweep_every * TURN_SHARE)
            calls.swept(alias, sweep_cluster(cluster, ports=ports) if mine else None)
        except ValetkeyError as error:
            log.warning("a cluster could not be swept", extra=error.facts())
        except Exception:
            log.exception("the sweep of a cluster broke", extra={"cluster": alias})

    _each_cluster(ports, sweep)


def _each_cluster(ports: AccessPorts, call: Callable[[ClusterPort], None]) -> None:
    """Call for every cluster at once: those that hang take their time-outs beside the others."""
    found = [c for alias in ports.clusters.aliases() if (c := ports.clusters.get(alias))]
    with ThreadPoolExecutor(max(1, len(found)), "each-cluster") as threads:
        list(threads.map(call, found))
