"""The half that brings grants forward, ends them on time, and delivers what is to be told."""

import logging
from datetime import timedelta
from typing import Final

from bot.metrics import Metrics
from bot.settings import Settings
from bot.slack.app import make_courier
from bot.slack.surface import Surface
from bot.wiring import Core, note_hung, reconcile, worker_name
from bot.worker.clockwork import Loop
from bot.worker.loops import LoopCalls, worker_loops
from bot.worker.reconciler import Reconciler

log = logging.getLogger("valetkey.serving")

KEPT: Final = timedelta(days=30)
"""How long keys of inbound things, sign-in attempts, sessions and told notices are kept."""


class Worker:
    """Reconciler and courier of one process; its loops are woken by the process's clock.

    The outbox is delivered here and not by the surfaces: people must be told how access ended
    also while nothing comes in.
    """

    def __init__(self, core: Core, settings: Settings, metrics: Metrics, surface: Surface) -> None:
        self._core = core
        self._metrics = metrics
        self._reconciler = Reconciler(
            core.store,
            reconcile(core),
            note_hung(core),
            worker=worker_name(),
            threads=settings.worker_count,
            hold=core.times.claim_hold,
        )
        self._courier = make_courier(surface)
        self._sweep_every = settings.sweep_interval

    def loops(self) -> tuple[Loop, ...]:
        """Give the loops that only a worker runs."""
        calls = LoopCalls(
            tell=self._tell,
            forget=self._forget,
            swept=lambda cluster, found: self._metrics.swept(
                cluster, None if found is None else found.unknown
            ),
            my_turn=self._core.store.turns.take,
            sweep_every=self._sweep_every,
        )
        return worker_loops(self._core, self._reconciler, calls)

    def stop(self, within: timedelta) -> bool:
        """Take no more; finish the walks under way, or give their grants back."""
        return self._reconciler.stop(within)

    def _tell(self) -> None:
        counts = self._courier.deliver_once()
        for outcome in ("sent", "retried", "dropped"):
            self._metrics.delivered(outcome, getattr(counts, outcome))

    def _forget(self) -> None:
        count = self._core.store.upkeep.forget(self._core.clock.now() - KEPT)
        log.info("forgot what only served a moment", extra={"rows": count})
