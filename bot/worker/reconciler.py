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

GIVE_BACK_AFTER: Final = timedelta(seconds=1)
"""How long a stop waits for walks before others may have their grants; most take milliseconds."""


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
        self._changed = threading.Condition()
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
            with self._changed:
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

    def stop(self, within: timedelta = timedelta(seconds=10)) -> bool:
        """Take no more and finish the walks under way; False when one did not end in time.

        Claims on walks that have not begun, or are not soon done, are given back, so that another
        replica goes on at once and not when they lapse. A walk that is still at it meanwhile does
        no harm: that is what the fence is for.
        """
        with self._changed:
            self._stopped = True
            pools = list(self._pools.values())
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        if not self._ended(min(GIVE_BACK_AFTER, within)):
            with self._changed:
                slow = tuple(self._busy)
            for grant in slow:
                self._give_back(grant)
        return self._ended(within - GIVE_BACK_AFTER)

    def _start(self, claimed: Claimed) -> None:
        done = self._submit(claimed)
        if done is None:
            return
        done.add_done_callback(lambda ended: self._note(claimed.grant, ended))

    def _submit(self, claimed: Claimed) -> "Future[None] | None":
        with self._changed:
            if claimed.grant in self._busy:
                return None
            if not self._stopped:
                self._busy[claimed.grant] = _Walk(claimed.cluster, self._ticks())
                pool = self._pools.get(claimed.cluster)
                if pool is None:
                    name = f"reconcile-{claimed.cluster}"
                    pool = self._pools[claimed.cluster] = ThreadPoolExecutor(self._threads, name)
                return pool.submit(self._one, claimed.grant)
        self._give_back(claimed.grant)
        return None

    def _one(self, grant: str) -> None:
        try:
            self._walk(grant)
        finally:
            self._forget(grant)
        if self._backlog:
            self._claim()

    def _forget(self, grant: str) -> None:
        with self._changed:
            self._busy.pop(grant, None)
            self._changed.notify_all()

    def _ended(self, within: timedelta) -> bool:
        """Wait until no walk is under way; tells whether that came to be."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, max(0, within.total_seconds()))

    def _give_back(self, grant: str) -> None:
        try:
            self._store.release_grant(grant, self._worker)
        except ValetkeyError as error:
            log.warning("a claim lapses by itself", extra={"grant": grant, "code": error.code})

    def _walk(self, grant: str) -> None:
        try:
            self._reconcile(grant)
            self._store.release_grant(grant, self._worker)
        except ValetkeyError as error:
            log.warning("a walk ended early", extra={"grant": grant, "code": error.code})

    def _newly_hung(self) -> list[str]:
        now = self._ticks()
        with self._changed:
            late = {
                grant: walk
                for grant, walk in self._busy.items()
                if now - walk.since >= HUNG_AFTER.total_seconds()
            }
            self._busy.update({grant: _Walk(walk.cluster, now) for grant, walk in late.items()})
        return list(late)

    def _note(self, grant: str, done: "Future[None]") -> None:
        if done.cancelled():  # by a stop, before its turn came
            self._forget(grant)
            self._give_back(grant)
            return
        error = done.exception()
        if error is not None:
            log.error("a walk failed; the grant is taken up again", exc_info=error)
