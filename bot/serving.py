"""A running Valetkey: what is started in which order, watched, and stopped cleanly."""

import logging
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from prometheus_client import CollectorRegistry

from bot.metrics import Metrics
from bot.settings import Settings
from bot.slack.app import build_app, make_courier, make_socket, make_surface
from bot.slack.endpoint import SlackEndpoint
from bot.slack.socket_mode import SocketMode
from bot.slack.surface import Surface
from bot.web.app import create_app
from bot.web.ports import Check, WebPorts
from bot.web.server import Server
from bot.wiring import (
    Core,
    company_login,
    go_on_with_draft,
    live_grants,
    note_hung,
    reconcile,
    slack_login,
    slack_ports,
    worker_name,
)
from bot.worker.clockwork import Clockwork
from bot.worker.loops import KnownClusters, LoopCalls, make_loops
from bot.worker.reconciler import Reconciler
from grants.errors import ValetkeyError
from grants.people.model import Account

log = logging.getLogger("valetkey.serving")

LOOK_SECONDS: Final = 1.0
HUNG_AFTER: Final = timedelta(seconds=60)
KEPT: Final = timedelta(days=30)
"""How long keys of inbound things, sign-in attempts, sessions and told notices are kept."""


@dataclass
class Serving:
    """Surfaces and worker of one process. `start` returns at once; `run` stays until `stop`."""

    core: Core
    settings: Settings
    registry: CollectorRegistry
    metrics: Metrics
    server: Server = field(init=False)
    clockwork: Clockwork = field(init=False)
    socket: SocketMode | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._reconciler = Reconciler(
            self.core.store,
            reconcile(self.core),
            note_hung(self.core),
            worker=worker_name(),
            threads=self.settings.worker_count,
            hold=self.core.times.claim_hold,
        )
        self.known = KnownClusters(self.core)
        ports = slack_ports(self.core, self.settings, self._wake)
        surface = make_surface(ports)
        self._build_clockwork(surface)
        self._build_slack_and_web(surface)
        live_grants(self.core, self.registry)

    def _build_clockwork(self, surface: Surface) -> None:
        courier = make_courier(surface)

        def tell() -> None:
            counts = courier.deliver_once()
            for outcome in ("sent", "retried", "dropped"):
                self.metrics.delivered(outcome, getattr(counts, outcome))

        calls = LoopCalls(
            tell=tell,
            reload_policy=self._reload_policy,
            forget=self._forget,
            swept=lambda cluster, found: self.metrics.swept(cluster, found.unknown),
            sweep_every=self.settings.sweep_interval,
        )
        loops = make_loops(self.core, self._reconciler, calls, self.known)
        self.clockwork = Clockwork(loops, self.metrics)

    def _build_slack_and_web(self, surface: Surface) -> None:
        settings = self.settings
        app = build_app(surface)
        endpoint = None
        if settings.slack_signing_secret is not None:
            secret = settings.slack_signing_secret.get_secret_value()
            endpoint = SlackEndpoint(app, secret, self.core.clock)
        if settings.slack_app_token is not None:
            token = settings.slack_app_token.get_secret_value()
            self.socket = make_socket(surface, app, token)
        metrics_token = settings.metrics_token
        web = WebPorts(
            public_url=settings.public_url or "",
            people=self.core,
            slack_login=slack_login(settings),
            company_login=company_login(settings),
            account_label=lambda account: _label_of(surface, account),
            submit_draft=go_on_with_draft(self.core, self._wake),
            checks=self._checks(),
            registry=self.registry,
            metrics_token=metrics_token.get_secret_value() if metrics_token else None,
            slack_events=endpoint,
        )
        self.server = Server(
            create_app(web, threads=settings.web_threads),
            host=settings.listen_host,
            port=settings.listen_port,
            threads=settings.web_threads,
        )

    def _checks(self) -> tuple[Check, ...]:
        return (
            Check("database", self._database),
            Check("worker", self._worker),
            Check("policy", self._policy, vital=False),
            Check("slack", self._slack, vital=False),
            Check("clusters", self._clusters, vital=False),
        )

    def _database(self) -> str | None:
        try:
            self.core.store.installation()
        except ValetkeyError as error:
            return error.code
        return None

    def _worker(self) -> str | None:
        if not self.clockwork.is_alive():
            return "clock-dead"
        # Only the loop on which expiry depends: others may wait long for somebody else's server.
        return "loop-hung" if self.clockwork.is_late("due", HUNG_AFTER) else None

    def _policy(self) -> str | None:
        return "refused" if self.core.policy.problems else None

    def _slack(self) -> str | None:
        return "not-connected" if self.socket and not self.socket.is_connected else None

    def _clusters(self) -> str | None:
        """Give codes alone: whoever can reach the probe need not learn what clusters there are."""
        return ", ".join(sorted(set(self.known.problems.values()))) or None

    def _reload_policy(self) -> None:
        if self.core.policy.poll(self.core.clock.now()):
            log.info("another version of policy is in force")

    def _forget(self) -> None:
        count = self.core.store.upkeep.forget(self.core.clock.now() - KEPT)
        log.info("forgot what only served a moment", extra={"rows": count})

    def _wake(self) -> None:
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
        if self.socket is not None:
            self.socket.start()

    def run(self) -> None:
        """Stay, looking after the clock, until somebody calls `stop`."""
        while not self._stopping.wait(LOOK_SECONDS):
            self.clockwork.check()

    def ask_to_stop(self) -> None:
        """Have `run` return; safe from a signal handler."""
        self._stopping.set()

    def stop(self, within: timedelta = timedelta(seconds=10)) -> None:
        """Take no more, finish what was begun, close."""
        self._stopping.set()
        if self.socket is not None:
            self.socket.stop(within.total_seconds() / 2)
        self.server.stop(within)
        self.clockwork.stop()
        self._reconciler.stop()
        self.core.close()


def _label_of(surface: Surface, account: Account) -> str:
    """Call an account by the name that Slack shows for it; by its id while Slack is silent."""
    return surface.members.look(account.user).name or account.user
