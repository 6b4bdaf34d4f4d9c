"""The half that people reach: Slack by socket or by HTTP, and the pages of the sign-in."""

from datetime import timedelta

from prometheus_client import CollectorRegistry
from slack_bolt import App

from bot.settings import Settings
from bot.slack.app import build_app, make_socket
from bot.slack.endpoint import SlackEndpoint
from bot.slack.socket_mode import SocketMode, SocketOptions
from bot.slack.surface import Surface
from bot.slack.waking import Wake
from bot.slack.watching import SlackWatch
from bot.usage_metrics import UsageMetrics
from bot.web.audit import AuditIntake
from bot.web.audit_tokens import read_tokens
from bot.web.ports import Check, WebPorts
from bot.wiring import Core, audit_tokens, company_login, go_on_with_draft, slack_login
from grants.people.model import Account


class Surfaces:
    """What one process lets people reach. `wake` has a worker look at once, where one is near."""

    def __init__(
        self,
        core: Core,
        settings: Settings,
        surface: Surface,
        wake: Wake,
        watch: SlackWatch,
    ) -> None:
        self._core = core
        self._settings = settings
        self._surface = surface
        self._wake = wake
        self._watch = watch
        self._app = build_app(surface)
        self.socket = self._make_socket(self._app)
        self._endpoint = self._make_endpoint(self._app)
        self.audit_tokens = audit_tokens(settings)

    def _make_socket(self, app: App) -> SocketMode | None:
        tokens = self._surface.ports.tokens
        secret = tokens.app if tokens else None
        if secret is None:
            return None
        options = SocketOptions(connections=self._settings.slack_connections)
        return make_socket(self._surface, app, lambda: secret.value, options, self._watch)

    def web(self, checks: tuple[Check, ...], registry: CollectorRegistry) -> WebPorts:
        """Give what the web server's pages and Slack's endpoint need."""
        settings = self._settings
        metrics_token = settings.metrics_token
        return WebPorts(
            public_url=settings.public_url or "",
            people=self._core,
            slack_login=slack_login(settings),
            company_login=company_login(settings),
            account_label=self._label_of,
            submit_draft=go_on_with_draft(self._core, self._wake),
            checks=checks,
            registry=registry,
            metrics_token=metrics_token.get_secret_value() if metrics_token else None,
            slack_events=self._endpoint,
            audit_intake=self._make_intake(registry),
            slack_team=settings.slack_team_id or "",
        )

    def _make_intake(self, registry: CollectorRegistry) -> AuditIntake | None:
        tokens = self.audit_tokens
        if tokens is None:
            return None
        meter = UsageMetrics(registry)
        return AuditIntake(self._core, lambda: read_tokens(tokens.value), meter)

    def _make_endpoint(self, app: App) -> SlackEndpoint | None:
        tokens = self._surface.ports.tokens
        if tokens is None or tokens.signing is None:
            return None
        return SlackEndpoint(app, tokens.signing, self._core.clock, self._watch)

    def checks(self) -> tuple[Check, ...]:
        """Give what readiness says of this half."""
        return (Check("slack", self._slack, vital=False),)

    def start(self) -> None:
        """Begin to connect to Slack, where it is spoken to by Socket Mode."""
        if self.socket is not None:
            self.socket.start()

    def stop(self, within: timedelta) -> bool:
        """Take no more from Slack's socket, finish what was begun, hang up."""
        return self.socket is None or self.socket.stop(within.total_seconds())

    def check(self) -> None:
        """Look after what connects to Slack; called once a second."""
        if self.socket is not None:
            self.socket.check()

    def refuse(self) -> None:
        """Send what still comes from Slack by HTTP to another replica; what is under way goes on.

        The last thing before the server closes: a click that is refused is shown as failed.
        """
        if self._endpoint is not None:
            self._endpoint.stop(0)

    def _slack(self) -> str | None:
        return self.socket.problem if self.socket is not None else None

    def _label_of(self, account: Account) -> str:
        """Call an account by the name that Slack shows for it; by its id while Slack is silent."""
        return self._surface.members.look(account.user).name or account.user
