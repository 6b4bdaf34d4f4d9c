"""One process of Valetkey: its parts put together, started, watched and stopped."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from bot.metrics import ClockGauges, Metrics, SlackMetrics
from bot.secret_metrics import SecretCounter
from bot.serving.checks import clock_check, core_checks
from bot.serving.draining import Drain, drained
from bot.serving.parts import ALL_PARTS, Part
from bot.serving.surfaces import Surfaces
from bot.serving.worker import Worker
from bot.settings import Settings
from bot.slack.app import make_surface
from bot.slack.waking import Due
from bot.web.app import App, create_app, create_probes
from bot.web.ports import Check
from bot.web.server import Server
from bot.wiring import (
    Core,
    clock_watch,
    cluster_gauges,
    known_clusters,
    live_grants,
    outbox_gauges,
    slack_ports,
)
from bot.worker.clockwork import Clockwork
from bot.worker.loops import process_loops, secrets_loop
from grants.access.ports import Hold
from grants.garbage import leave_what_stands

log = logging.getLogger("valetkey.serving")

LOOK_SECONDS: Final = 1.0
TELL_AFTER: Final = timedelta(milliseconds=150)
"""How long what a click changed waits to be told while its access is being made."""
LOOKS_LEFT: Final = timedelta(seconds=1)
STOP_WITHIN: Final = timedelta(seconds=20)
"""Less than the shipped `terminationGracePeriodSeconds`, with the time before SIGTERM taken off."""
DRAIN_SHARE: Final = 0.75
"""The share of it for loops, walks and sockets; requests by HTTP have what is left."""


@dataclass
class Serving:
    """The parts of one process. `start` returns at once; `run` stays until it is to stop."""

    core: Core
    settings: Settings
    registry: CollectorRegistry
    metrics: Metrics
    parts: frozenset[Part] = ALL_PARTS
    server: Server = field(init=False)
    clockwork: Clockwork = field(init=False)
    worker: Worker | None = field(init=False, default=None)
    surfaces: Surfaces | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self.known = known_clusters(self.core)
        cluster_gauges(self.core, self.known, self.registry)
        secrets = SecretCounter(self.registry)
        ports = slack_ports(self.core, self.settings, self._wake, secrets, self._hold_for)
        surface, self.tokens = make_surface(ports), ports.tokens
        if Part.WORKER in self.parts:
            self.worker = Worker(self.core, self.settings, self.metrics, surface, self.known)
        if Part.SURFACES in self.parts:
            watch = SlackMetrics(self.registry)
            self.surfaces = Surfaces(self.core, self.settings, surface, self._wake, watch)
        self.clocks = clock_watch(self.core)
        self.registry.register(ClockGauges(self.clocks))
        loops = process_loops(self._reload_policy, self.known, self.clocks.look)
        if self.tokens is not None:
            loops = (*loops, secrets_loop(self._look_at_secrets))
        if self.worker is not None:
            loops = (*self.worker.loops(), *loops)
        self.clockwork = Clockwork(loops, self.metrics)
        threads = self.settings.web_threads
        self.server = Server(
            self._make_app(threads),
            host=self.settings.listen_host,
            port=self.settings.listen_port,
            threads=threads,
        )
        live_grants(self.core, self.registry)
        outbox_gauges(self.core, self.registry)

    def _make_app(self, threads: int) -> App:
        """Make the pages and probes; of a process without surfaces the probes alone."""
        checks = self._checks()
        if self.surfaces is not None:
            return create_app(self.surfaces.web(checks, self.registry), threads=threads)
        token = self.settings.metrics_token
        secret = token.get_secret_value() if token else None
        return create_probes(checks, self.registry, secret, threads=threads)

    def _checks(self) -> tuple[Check, ...]:
        stopping = Check("process", lambda: "stopping" if self._stopping.is_set() else None)
        checks = (stopping, *core_checks(self.core, self.known, self.clocks))
        if self.tokens is not None:
            checks = (*checks, Check("secrets", self.tokens.problem, vital=False))
        if self.worker is not None:
            checks = (*checks, clock_check(self.clockwork, "due", "worker"))
            checks = (*checks, *self.worker.checks())
        if self.surfaces is not None:
            checks = (*checks, *self.surfaces.checks())
        return checks

    def _look_at_secrets(self) -> None:
        if self.tokens is not None:
            self.tokens.look()
        if self.surfaces is not None and self.surfaces.audit_tokens is not None:
            self.surfaces.audit_tokens.look()

    def _reload_policy(self) -> None:
        if self.core.policy.poll(self.core.clock.now()):
            log.info("another version of policy is in force")

    def _hold_for(self, cluster: str) -> Hold | None:
        return None if self.worker is None else self.worker.hold_for(cluster)

    def _wake(self, due: Sequence[Due]) -> None:
        if self.worker is None:
            return
        # Looking for what is due takes a commit and two reads more than beginning it.
        begun = [self.worker.begin(*one) for one in due]
        if begun and all(begun):
            # It takes less than that, and what it changes is told with what the click changed.
            self.clockwork.wake("tell", after=TELL_AFTER)
            return
        self.clockwork.wake("due")
        self.clockwork.wake("tell")

    def start(self) -> None:
        """Start everything.

        What ends access starts first, and the probes are answered next: a cluster that hangs must
        delay neither. Clusters are seen before Slack's socket stands, because asking needs their
        uids.
        """
        self.clockwork.start()
        self.server.start()
        self.known.see_all()
        if self.surfaces is not None:
            self.surfaces.start()
        leave_what_stands()

    def run(self) -> None:
        """Stay, looking after the clock, until somebody asks to stop."""
        while not self._stopping.wait(LOOK_SECONDS):
            self.clockwork.check()
            if self.surfaces is not None:
                self.surfaces.check()

    @property
    def is_stopping(self) -> bool:
        """Tell whether somebody asked to stop."""
        return self._stopping.is_set()

    def ask_to_stop(self) -> None:
        """Have `run` return; safe from a signal handler."""
        self._stopping.set()

    def stop(self, within: timedelta = STOP_WITHIN) -> bool:
        """Take no more, finish what was begun, close; False when something had to be cut off.

        Readiness says so first, and pages and probes are answered until all else is done: whoever
        shares out requests has that long to hear of it. What is cut off is taken up by another
        replica, or at the next start: rows are the truth.
        """
        self._stopping.set()
        deadline = time.monotonic() + within.total_seconds()
        clean = drained(self._drains(), within * DRAIN_SHARE)
        left = timedelta(seconds=max(0.0, deadline - time.monotonic()))
        if self.surfaces is not None:
            self.surfaces.refuse()
        clean &= self.server.stop(left)
        self.core.close()
        log.info("stopped", extra={"clean": clean})
        return clean

    def _drains(self) -> tuple[Drain, ...]:
        calls: tuple[Drain, ...] = (self.clockwork.stop, self._stop_looking)
        if self.worker is not None:
            calls = (*calls, *self.worker.drains())
        if self.surfaces is not None:
            calls = (*calls, self.surfaces.stop)
        return calls

    def _stop_looking(self, within: timedelta) -> bool:
        """Look at clusters no more. A look changes nothing, so one cut off is no loss."""
        self.known.stop(min(within, LOOKS_LEFT))
        return True
