"""The half that brings grants forward, ends them on time, and delivers what is to be told."""

import logging
from collections.abc import Collection
from datetime import timedelta
from functools import partial
from typing import Final

from bot.metrics import Metrics
from bot.review_metrics import ReviewMetrics
from bot.serving.draining import Drain
from bot.settings import Settings
from bot.slack.app import make_courier, make_looks
from bot.slack.outbox_watch import OutboxWatch
from bot.slack.surface import Surface
from bot.watch_metrics import WatchMetrics
from bot.web.ports import Check
from bot.wiring import (
    Core,
    finding_gauges,
    former_installations,
    note_hung,
    reconcile,
    worker_name,
)
from bot.worker.clockwork import Loop
from bot.worker.known_clusters import KnownClusters
from bot.worker.loops import (
    SLACK_EVERY,
    LoopCalls,
    review_loop,
    roles_loop,
    slack_loop,
    worker_loops,
)
from bot.worker.reconciler import Reconciler
from bot.worker.reviews import ReviewCalls, Reviews
from bot.worker.rights_watches import RightsCalls, RightsWatches
from bot.worker.role_risks import RoleRisks
from bot.worker.sweeps import SweepCalls, Sweeps
from bot.worker.watches import WatchCalls, Watches
from grants.access.fresh import Fresh, read_ends
from grants.access.ports import Hold
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.serving")

KEPT: Final = timedelta(days=30)
"""How long keys of inbound things, sign-in attempts, sessions and told notices are kept."""

BATCHES_KEPT: Final = timedelta(days=2)
"""How long keys of batches of audit events are kept."""


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
        self._usage_kept = settings.usage_kept
        self._known = known
        self._reconciler = Reconciler(
            core.store,
            reconcile(core, known.suspect),
            note_hung(core, known.suspect),
            partial(read_ends, ports=core),
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
        self._watches = self._make_watches(settings)
        self._reviews = self._make_reviews(settings)
        self._rights = self._make_rights_watches(settings, self._reviews)
        self._courier = make_courier(surface)
        self._courier = make_courier(surface, self._reconciler.is_behind)
        self._looks = make_looks(surface)
        self._outbox = OutboxWatch(surface.ports, self._courier.breaker)
        self._sweep_every = settings.sweep_interval
        self._roles = RoleRisks(lambda: core.policy.in_force, core.clusters, known.shut)

    def _make_watches(self, settings: Settings) -> Watches | None:
        if not settings.watch_clusters:
            return None
        calls = WatchCalls(
            wake=self._run_due,
            sweep=self._sweeps.begin_now,
            my_turn=self._core.store.turns.take,
            meter=WatchMetrics(self._metrics.registry),
        )
        return Watches(self._core, self._core.clusters, calls)

    def _make_reviews(self, settings: Settings) -> Reviews | None:
        if not settings.review_every:
            return None
        finding_gauges(self._core, self._metrics.registry)
        self._review_metrics = ReviewMetrics(self._metrics.registry)
        calls = ReviewCalls(
            aliases=self._core.clusters.aliases,
            read=self._core.clusters.inventory,
            every=settings.review_every,
            my_turn=self._core.store.turns.take,
            heard=self._review_metrics.reviewed,
            shut=self._known.shut,
        )
        return Reviews(self._core, self._core, self._core.clock, calls)

    def _make_rights_watches(
        self, settings: Settings, reviews: Reviews | None
    ) -> RightsWatches | None:
        if reviews is None or not settings.watch_clusters:
            return None
        calls = RightsCalls(reviews.hear, self._review_metrics.watch_restarted)
        return RightsWatches(self._core.clusters, calls)

    def _begin_reviews(self) -> None:
        if self._rights is not None:
            self._rights.tend()
        if self._reviews is not None:
            self._reviews.begin()

    def checks(self) -> tuple[Check, ...]:
        """Give what readiness says of this half."""
        found: tuple[Check, ...] = (
            Check("outbox", self._outbox.problem, vital=False),
            Check("roles", lambda: self._roles.problem, vital=False),
        )
        # Codes alone: whoever reaches the probe need not learn what clusters there are.
        if self._watches is not None:
            found += (Check("watches", partial(_codes, self._watches), vital=False),)
        if self._rights is not None:
            found += (Check("rights", partial(_codes, self._rights), vital=False),)
        return found

    def loops(self) -> tuple[Loop, ...]:
        """Give the loops that only a worker runs."""
        calls = LoopCalls(
            tell=self._tell,
            forget=self._forget,
            note_waiting=self._known.note_waiting,
            watch=self._watches.tend if self._watches else _nothing,
            sweep=self._sweeps.begin,
            sweep_every=self._sweep_every,
        )
        loops = worker_loops(self._core, self._reconciler, calls)
        reviews = () if self._reviews is None else (review_loop(self._begin_reviews),)
        return (*loops, roles_loop(self._roles.look), slack_loop(self._look_at_slack), *reviews)

    def hold_for(self, cluster: str) -> Hold | None:
        """Give the claim that a grant is born with that is begun here; None: there is no room."""
        return self._reconciler.hold_for(cluster)

    def begin(self, cluster: str, grant: str, fresh: Fresh | None = None) -> bool:
        """Bring one grant forward now; False when that must wait for the next look."""
        return self._reconciler.begin(cluster, grant, fresh)

    def drains(self) -> tuple[Drain, ...]:
        """Give what brings this half to rest; all of it may be called at once."""
        watches = () if self._watches is None else (self._watches.stop,)
        reviews = () if self._reviews is None else (self._reviews.stop,)
        rights = () if self._rights is None else (self._rights.stop,)
        own = (self._reconciler.stop, self._sweeps.stop, self._stop_telling)
        return (*own, *watches, *reviews, *rights)

    def _stop_telling(self, within: timedelta) -> bool:
        """Finish the messages in hand. One cut off is found again by its metadata."""
        self._courier.stop(within)
        return True

    def _go_on(self, clusters: Collection[str]) -> None:
        """Take up all that waited for a cluster, and at once."""
        try:
            if clusters:
                with self._core.store.write() as tx:
                    tx.wake_grants(clusters, self._core.clock.now())
        except ValetkeyError as error:
            log.warning("what waited goes on when it is next due", extra={"code": error.code})
            return
        self._run_due()
        for alias in clusters:
            self._sweeps.begin_now(alias)

    def _run_due(self) -> None:
        """Look for what is due now, on the thread of whoever knows that something is."""
        try:
            self._reconciler.run_due()
        except ValetkeyError as error:
            log.warning("what is due is looked for again soon", extra={"code": error.code})

    def _look_at_slack(self) -> None:
        """One worker's look is enough for all."""
        if self._core.store.turns.take("slack", SLACK_EVERY * 0.9):
            self._looks.look()

    def _tell(self) -> None:
        counts = self._courier.deliver_once()
        for outcome in ("sent", "retried", "dropped"):
            self._metrics.delivered(outcome, getattr(counts, outcome))

    def _forget(self) -> None:
        now = self._core.clock.now()
        upkeep = self._core.store.upkeep
        count = upkeep.forget(now - KEPT, batches_before=now - BATCHES_KEPT)
        log.info("forgot what only served a moment", extra={"rows": count})
        count = upkeep.forget_usage(now - self._usage_kept)
        log.info("forgot use that was not seen again", extra={"rows": count})


def _codes(watches: Watches | RightsWatches) -> str | None:
    return ", ".join(watches.problems()) or None


def _nothing() -> None:
    """Stand for watches where settings turn them off."""
