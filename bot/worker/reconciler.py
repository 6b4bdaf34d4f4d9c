"""Claims grants that are due and walks each on a thread of its own."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from grants.access.ports import AccessStore
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.worker.reconciler")


class Reconciler:
    """Brings due grants forward, at most `threads` at a time.

    A claim only keeps replicas from doing the same work twice; what keeps them from harm is the
    fence. So a claim that lapses while its holder is slow is no danger.
    """

    def __init__(
        self,
        store: AccessStore,
        reconcile: Callable[[str], object],
        *,
        worker: str,
        threads: int,
        hold: timedelta,
    ) -> None:
        self._store = store
        self._reconcile = reconcile
        self._worker = worker
        self._threads = threads
        self._hold = hold
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reconcile")
        self._lock = threading.Lock()
        self._busy: set[str] = set()

    def run_due(self) -> int:
        """Claim what is due, as much as there are free threads, and start it; tells how many."""
        with self._lock:
            free = self._threads - len(self._busy)
        if free <= 0:
            return 0
        claimed = self._store.claim_grants(self._worker, free, self._hold)
        for grant in claimed:
            self._start(grant)
        return len(claimed)

    def wake(self, grant: str) -> None:
        """Start on one grant now, if nobody has it; what is missed here is due in the rows."""
        if self._store.claim_grant(grant, self._worker, self._hold):
            self._start(grant)

    def stop(self) -> None:
        """Finish the walks under way and take no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, grant: str) -> None:
        with self._lock:
            if grant in self._busy:
                return
            self._busy.add(grant)
        try:
            self._pool.submit(self._one, grant).add_done_callback(self._note)
        except RuntimeError:  # shutting down: the claim lapses and another worker goes on
            self._forget(grant)

    def _one(self, grant: str) -> None:
        try:
            self._reconcile(grant)
            self._store.release_grant(grant, self._worker)
        except ValetkeyError as error:
            log.warning("a walk ended early", extra={"grant": grant, "code": error.code})
        finally:
            self._forget(grant)

    def _forget(self, grant: str) -> None:
        with self._lock:
            self._busy.discard(grant)

    @staticmethod
    def _note(done: "Future[None]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            log.error("a walk failed; the grant is taken up again", exc_info=error)
