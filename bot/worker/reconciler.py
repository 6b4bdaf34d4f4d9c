"""Claims grants that are due and walks each on a thread of its own."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from grants.access.ports import AccessStore, Claimed
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.worker.reconciler")

HUNG_AFTER: Final = timedelta(seconds=60)
"""Longer than all calls of a walk with their time-outs: a walk that takes as long never ends."""


@dataclass(frozen=True)
class _Walk:
    """A walk under way, and when it began or was last told to hang (monotonic, in seconds)."""

    cluster: str
    since: float


class Reconciler:
    """Brings due grants forward, in each cluster at most `threads` at a time.

    Each cluster has threads of its own: one that hangs must not keep another's grants from ending
    on time. A claim only keeps replicas from doing the same work twice; what keeps them from harm
    is the fence. So a claim that lapses while its holder is slow is no danger. `hung` is called
    every minute about a walk that does not end (a credential plugin has no time-out), so that its
    grant is shown as failing like any other.
    """

    def __init__(
        self,
        store: AccessStore,
        reconcile: Callable[[str], object],
        hung: Callable[[str], object],
        *,
        worker: str,
        threads: int,
        hold: timedelta,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._reconcile = reconcile
        self._hung = hung
        self._worker = worker
        self._threads = threads
        self._hold = hold
        self._ticks = ticks
        self._lock = threading.Lock()
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._busy: dict[str, _Walk] = {}
        self._claiming = threading.Lock()
        self._backlog = False
        self._stopped = False

    def run_due(self) -> int:
        """Claim what is due, as far as there are free threads, and start it; tells how many.

        While more is due than there are threads, each that comes free goes on by itself.
        """
        started = self._claim()
        for grant in self._newly_hung():
            log.error("a walk hangs", extra={"grant": grant})
            self._hung(grant)
        return started

    def _claim(self) -> int:
        if self._stopped or not self._claiming.acquire(blocking=False):
            return 0  # whoever is at it takes what this thread would
        try:
            with self._lock:
                at_work = Counter(walk.cluster for walk in self._busy.values())
            full = [cluster for cluster, count in at_work.items() if count >= self._threads]
            # Whichever cluster the claimed grants lie in, there must be a thread for each of them.
            most = max((count for count in at_work.values() if count < self._threads), default=0)
            free = self._threads - most
            claimed = self._store.claim_grants(self._worker, free, self._hold, full)
            self._backlog = bool(full) or len(claimed) == free
            for one in claimed:
                self._start(one)
        finally:
            self._claiming.release()
        return len(claimed)

    def stop(self) -> None:
        """Finish the walks under way and take no more."""
        with self._lock:
            self._stopped = True
            pools = list(self._pools.values())
        for pool in pools:
            pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, claimed: Claimed) -> None:
        with self._lock:
            # After the stop the claim lapses, and another worker goes on.
            if self._stopped or claimed.grant in self._busy:
                return
            self._busy[claimed.grant] = _Walk(claimed.cluster, self._ticks())
            pool = self._pools.get(claimed.cluster)
            if pool is None:
                name = f"reconcile-{claimed.cluster}"
                pool = self._pools[claimed.cluster] = ThreadPoolExecutor(self._threads, name)
            done = pool.submit(self._one, claimed.grant)
        done.add_done_callback(self._note)

    def _one(self, grant: str) -> None:
        try:
            self._walk(grant)
        finally:
            with self._lock:
                self._busy.pop(grant, None)
        if self._backlog:
            self._claim()

    def _walk(self, grant: str) -> None:
        try:
            self._reconcile(grant)
            self._store.release_grant(grant, self._worker)
        except ValetkeyError as error:
            log.warning("a walk ended early", extra={"grant": grant, "code": error.code})

    def _newly_hung(self) -> list[str]:
        now = self._ticks()
        with self._lock:
            late = {
                grant: walk
                for grant, walk in self._busy.items()
                if now - walk.since >= HUNG_AFTER.total_seconds()
            }
            self._busy.update({grant: _Walk(walk.cluster, now) for grant, walk in late.items()})
        return list(late)

    @staticmethod
    def _note(done: "Future[None]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            log.error("a walk failed; the grant is taken up again", exc_info=error)
