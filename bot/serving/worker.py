"""The half that brings grants forward, ends them on time, and delivers what is to be told."""

import logging
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from bot.metrics import Metrics
from bot.settings import Settings
from bot.slack.app import make_courier
from bot.slack.surface import Surface
from bot.wiring import Core, former_installations, note_hung, reconcile, worker_name
from bot.worker.clockwork import Loop
from bot.worker.known_clusters import KnownClusters
from bot.worker.loops import LoopCalls, worker_loops
from bot.worker.reconciler import Reconciler
from bot.worker.sweeps import SweepCalls, Sweeps
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.serving")

KEPT: Final = timedelta(days=30)
"""How long keys of inbound things, sign-in attempts, sessions and told notices are kept."""


class Worker:
    """Reconciler and courier of one process; its loops are woken by the process's clock.

    The outbox is delivered here and not by the surfaces: people must be told how access ended
    also while nothing comes in.
    """

    def __init__(
        self,
        core: Core,
        settings: Settings,
        metrics: Metrics,
        surface: Surface,
        known: KnownClusters,
    ) -> None:
        self._core = core
        self._metrics = metrics
        self._known = known
        self._reconciler = Reconciler(
            core.store,
            reconcile(core, known.suspect),
            note_hung(core, known.suspect),
            worker=worker_name(),
            threads=settings.worker_count,
            hold=core.times.claim_hold,
            threads_in=core.clusters.threads(),
            shut=known.shut,
        )
        known.when_open(self._go_on)
        self._sweeps = Sweeps(
            core,
            SweepCalls(
                my_turn=core.store.turns.take,
                swept=metrics.swept,
                former=former_installations(core, settings),
                every=settings.sweep_interval,
                shut=known.shut,
            ),
        )
        self._courier = make_courier(surface)
        self._sweep_every = settings.sweep_interval

    def loops(self) -> tuple[Loop, ...]:
        """Give the loops that only a worker runs."""
        calls = LoopCalls(
            tell=self._tell,
            forget=self._forget,
            note_waiting=self._known.note_waiting,
            sweep=self._sweeps.begin,
            sweep_every=self._sweep_every,
        )
        return worker_loops(self._core, self._reconciler, calls)

    def stop(self, within: timedelta) -> bool:
        """Take no more; finish the walks under way, or give their grants back."""
        deadline = time.monotonic() + within.total_seconds()
        self._sweeps.stop(timedelta(0))
        clean = self._reconciler.stop(within)
        left = timedelta(seconds=max(0.0, deadline - time.monotonic()))
        return self._sweeps.wait(left) and clean

    def _go_on(self, clusters: Collection[str]) -> None:
        """Take up all that waited for a cluster, and at once."""
        try:
            with self._core.store.write() as tx:
                tx.wake_grants(clusters, self._core.clock.now())
            self._reconciler.run_due()
        except ValetkeyError as error:
            log.warning("what waited goes on when it is next due", extra={"code": error.code})

    def _tell(self) -> None:
        counts = self._courier.deliver_once()
        for outcome in ("sent", "retried", "dropped"):
            self._metrics.delivered(outcome, getattr(counts, outcome))

    def _forget(self) -> None:
        count = self._core.store.upkeep.forget(self._core.clock.now() - KEPT)
        log.info("forgot what only served a moment", extra={"rows": count})
