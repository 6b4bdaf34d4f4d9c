"""The Bolt app: who may use it, which handler answers what, and that every ack leaves."""

import re
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.middleware import Middleware
from slack_sdk import WebClient

from bot.logs import get_logger
from bot.slack import actions, answering, ask, home, review
from bot.slack.cards.findings import FINDING, FINDINGS, KEEP, NOT_MINE
from bot.slack.commands import command
from bot.slack.delivery import Courier
from bot.slack.guard import guarded
from bot.slack.inbound import Inbound, Kind, read_inbound
from bot.slack.looking import SlackLooks
from bot.slack.members import Members, is_organisation
from bot.slack.ports import Answer, SlackPorts, SlackSettings
from bot.slack.proxied import through_proxy
from bot.slack.sdk_log import sdk_logger
from bot.slack.socket_mode import SocketMode, SocketOptions
from bot.slack.standing import at_home, refusal_of, store_refusal
from bot.slack.surface import Handler, Surface
from bot.slack.views import DENY, REVOKE
from bot.slack.watching import SlackWatch
from grants.errors import StrangerRefused

log = get_logger("slack.app")

INBOUND: Final = "valetkey_inbound"
HOME_OPENED: Final = "app_home_opened"
_ANYTHING: Final = re.compile(r"(?s).*")

ACTIONS: Final[Mapping[str, Handler]] = {
    "approve": home.then_publish(actions.approve),
    "deny": actions.open_deny,
    "look": actions.look,
    "cancel": home.then_publish(actions.cancel),
    "give-back": home.then_publish(actions.give_back),
    "revoke": actions.open_revoke,
    "ask": ask.open_ask,
    FINDING: review.open_finding,
    FINDINGS: review.open_findings,
    KEEP: answering.open_keep,
    NOT_MINE: answering.not_mine,
    "sign-in": actions.nothing,
    "sign-in-offer": home.offer_link,
    "cluster": ask.refresh_ask,
    "namespace": ask.refresh_ask,
    "entitlement": ask.refresh_ask,
    "duration": ask.refresh_ask,
    "length": ask.refresh_ask,
}
OPTIONS: Final[Mapping[str, Handler]] = {
    "cluster": ask.cluster_options,
    "namespace": ask.namespace_options,
    "entitlement": ask.entitlement_options,
}
SUBMISSIONS: Final[Mapping[str, Handler]] = {
    "ask": ask.submit_ask,
    DENY: actions.submit_deny,
    REVOKE: actions.submit_revoke,
    KEEP: answering.submit_keep,
}
EVENTS: Final[Mapping[str, Handler]] = {HOME_OPENED: home.opened}
TABLES: Final[Mapping[Kind, Mapping[str, Handler]]] = {
    Kind.ACTION: ACTIONS,
    Kind.SUGGESTION: OPTIONS,
    Kind.SUBMISSION: SUBMISSIONS,
    Kind.EVENT: EVENTS,
}


def make_client(settings: SlackSettings, timeout_seconds: int, *, token: str = "") -> WebClient:
    """Make a client of the Web API that never repeats a call by itself.

    The SDK's own retry after a lost connection may post a message twice; the outbox looks first.
    """
    client = WebClient(
        token=token or None,
        base_url=settings.api_url,
        timeout=timeout_seconds,
        ssl=ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else None,
        retry_handlers=[],
        logger=sdk_logger("web"),
    )
    return through_proxy(client, settings.proxies)


def make_surface(ports: SlackPorts) -> Surface:
    """Put the surface together."""
    settings = ports.settings
    client = _followed(ports, make_client(settings, settings.call_timeout_seconds))
    members = Members(client, ports.clock, settings.team, settings.member_cache)
    return Surface(ports, client, members)


def make_courier(surface: Surface, makes_way: Callable[[], bool] = lambda: False) -> Courier:
    """Make what brings the outbox to Slack, with time-outs of its own."""
    settings = surface.ports.settings
    client = _followed(surface.ports, make_client(settings, settings.delivery_timeout_seconds))
    tokens = surface.ports.tokens
    refused = tokens.refused if tokens else lambda: None
    return Courier(surface.ports, client, surface.members, refused, makes_way)


def make_looks(surface: Surface) -> SlackLooks:
    """Make what looks at channels and people now and then."""
    settings = surface.ports.settings
    client = _followed(surface.ports, make_client(settings, settings.delivery_timeout_seconds))
    return SlackLooks(surface.ports, client, surface.members)


def _followed(ports: SlackPorts, client: WebClient) -> WebClient:
    """Have a client use the bot token in force."""
    if ports.tokens is not None:
        return ports.tokens.follow(client)
    client.token = ports.settings.bot_token
    return client


def make_socket(
    surface: Surface,
    app: App,
    app_token: str | Callable[[], str],
    options: SocketOptions | None = None,
    watch: SlackWatch | None = None,
) -> SocketMode:
    """Make the Socket Mode connections of an app; they are not started yet."""
    client = make_client(surface.ports.settings, surface.ports.settings.delivery_timeout_seconds)
    source = (lambda: app_token) if isinstance(app_token, str) else app_token
    return SocketMode(app, source, client, options, watch)


def build_app(surface: Surface, *, threads: int = 16) -> App:
    """Build the app; it makes no call to Slack, so that it starts while Slack is down.

    Signatures are checked by `SlackEndpoint` on the raw bytes before Bolt sees a request.
    """
    settings = surface.ports.settings
    whole = is_organisation(settings.team)
    result = AuthorizeResult(
        enterprise_id=settings.team if whole else None,
        team_id=None if whole else settings.team,
        bot_token=settings.bot_token,
    )
    app = App(
        # Bolt gives the logger of this very name its own level: not `valetkey`, which is all of us.
        name="valetkey.slack.bolt",
        logger=sdk_logger("bolt"),
        client=make_client(settings, settings.call_timeout_seconds),
        authorize=lambda: result,
        process_before_response=True,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        signing_secret="",
        listener_executor=ThreadPoolExecutor(threads, "slack-listener"),
    )
    app.use(Standing(surface))
    listener = _listener(surface)
    app.command(_ANYTHING)(listener)
    app.action(_ANYTHING)(listener)
    app.options(_ANYTHING)(listener)
    app.view(_ANYTHING)(listener)
    app.event(HOME_OPENED)(listener)
    return app


class Standing(Middleware):
    """Lets nobody by who is not a full member of our workspace.

    A class rather than a function: to give a function its arguments Bolt reads all of a payload,
    and trips over one that is oddly made before anything has judged it.
    """

    def __init__(self, surface: Surface) -> None:
        self._surface = surface

    def process(
        self,
        *,
        req: BoltRequest,
        resp: BoltResponse,  # noqa: ARG002  # Bolt hands it over by name
        next: Callable[[], BoltResponse],  # noqa: A002  # as above
    ) -> BoltResponse:
        """Judge who acts; a refusal is answered and recorded here."""
        inbound = at_home(read_inbound(req.body), self._surface.ports.settings.team)
        if not _is_handled(inbound):
            log.info("nothing is done about %s %s", inbound.kind, inbound.name[:80])
            return respond(None)
        why = refusal_of(self._surface, inbound)
        if why:
            store_refusal(self._surface.ports, inbound, why)
            return respond(guarded(self._surface, inbound, _refuse(why)))
        req.context[INBOUND] = inbound
        return next()


def _is_handled(inbound: Inbound) -> bool:
    """Tell what is answered at all: closed views and other events only need their ack."""
    if inbound.kind is Kind.EVENT:
        return inbound.name in EVENTS
    return inbound.kind is not Kind.OTHER


def _refuse(why: str) -> Handler:
    def refuse(_: Surface, __: Inbound) -> Answer:
        raise StrangerRefused(why)

    return refuse


def _listener(surface: Surface) -> Callable[..., BoltResponse]:
    def on_inbound(req: BoltRequest) -> BoltResponse:
        inbound: Inbound = req.context[INBOUND]
        return respond(guarded(surface, inbound, handler_of(inbound)))

    return on_inbound


def handler_of(inbound: Inbound) -> Handler:
    """Find what answers; an id that nobody knows is answered, too."""
    if inbound.kind is Kind.COMMAND:
        return command
    return TABLES[inbound.kind].get(inbound.name, _unknown)


def _unknown(surface: Surface, inbound: Inbound) -> Answer:
    log.warning("unknown %s id %r", inbound.kind, inbound.name[:80])
    return surface.say(
        inbound, "This button or form is not known (any more). Use /access to start anew."
    )


def respond(answer: Answer) -> BoltResponse:
    """Make the ack; an empty one closes a modal and says nothing else."""
    if answer is None:
        return BoltResponse(status=200, body="")
    return BoltResponse(status=200, body=dict(answer))
