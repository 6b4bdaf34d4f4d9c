"""The server: one workspace on one loopback port, and the people in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from starlette.applications import Starlette

from bot.playground.slack.control import Control
from bot.playground.slack.control_http import ControlServer
from bot.playground.slack.courier import Courier, Retry
from bot.playground.slack.drawing import Drawing
from bot.playground.slack.listening import Listening
from bot.playground.slack.page import Page
from bot.playground.slack.payloads import Payloads
from bot.playground.slack.person import Person
from bot.playground.slack.records import ACK_SECONDS
from bot.playground.slack.routes import Api
from bot.playground.slack.signin import SignIn
from bot.playground.slack.sockets import Sockets
from bot.playground.slack.webapi import Call

if TYPE_CHECKING:
    from types import TracebackType

    from bot.playground.slack.app import SlackApp
    from bot.playground.slack.records import Delivery, Json, Kind, User
    from bot.playground.slack.workspace import Workspace


class SlackDouble:
    """A strict double of Slack for one workspace and one app.

    `hostname` is what URLs name (a certificate must cover it); it always listens on 127.0.0.1.
    `request_url` set means signed HTTP, else Socket Mode; it can be changed while running.
    `issuer` of id_tokens is the double's own URL unless given. Slack waits 3 s for an ack:
    shorten `ack_seconds` only to see quickly what a missing one does. `socket_port` and
    `hooks_port` are what the URLs of connections and of responses name, where something stands
    between. `control` makes it misbehave; `control_port` (0: any free one) offers the same by
    HTTP, at `control_url`.
    """

    def __init__(
        self,
        workspace: Workspace,
        app: SlackApp,
        *,
        port: int = 0,
        hostname: str = "127.0.0.1",
        ssl_certfile: str | None = None,
        ssl_keyfile: str | None = None,
        request_url: str | None = None,
        request_ca: str | None = None,
        issuer: str | None = None,
        ack_seconds: float = ACK_SECONDS,
        control_port: int | None = None,
        socket_port: int | None = None,
        hooks_port: int | None = None,
    ) -> None:
        self.workspace = workspace
        self.app = app
        self.listening = Listening(port, ssl_certfile, ssl_keyfile)
        secure = "s" if ssl_certfile else ""
        place = f"{hostname}:{self.listening.port}"
        self.url = f"http{secure}://{place}"
        self._socket_url = f"ws{secure}://{hostname}:{socket_port or self.listening.port}/link"
        self.sign_in = SignIn(workspace, app, issuer or self.url)
        self.sockets = Sockets(workspace, ack_seconds)
        self.courier = Courier(
            workspace,
            self.sockets,
            lambda: self.app.signing_secret,
            request_url,
            request_ca,
            ack_seconds,
        )
        hooks = f"http{secure}://{hostname}:{hooks_port or self.listening.port}/hooks"
        self._payloads = Payloads(workspace, hooks)
        self.control = Control(self)
        self._control_server = (
            None if control_port is None else ControlServer(self.control, control_port)
        )

    def _application(self) -> Starlette:
        api = Api(self._call, self.sockets, self._is_closing)
        drawing = Drawing(self.workspace, self.app, self._transport)
        page = Page(self.workspace, drawing, self.as_user, self.sign_in, self._is_closing)
        return Starlette(routes=[*api.routes(), *page.routes()])

    def _call(self) -> Call:
        """Return a call's surroundings, with the credentials in force."""
        return Call(self.workspace, self.app, {}, self._new_socket_url, self.sign_in)

    def _transport(self) -> str:
        return "signed HTTP" if self.courier.request_url else "Socket Mode"

    def _is_closing(self) -> bool:
        return self.listening.should_exit

    def _new_socket_url(self) -> str:
        return f"{self._socket_url}?ticket={self.sockets.new_ticket()}"

    @property
    def control_url(self) -> str:
        """Where the control API is. Raises RuntimeError without a `control_port`."""
        if self._control_server is None:
            raise RuntimeError("this double has no control_port")
        return self._control_server.url

    @property
    def api_url(self) -> str:
        """Where the Web API's methods begin, with the slash at the end that slack_sdk wants."""
        return f"{self.url}/api/"

    @property
    def base_url(self) -> str:
        """The same as `api_url`."""
        return self.api_url

    @property
    def deliveries(self) -> list[Delivery]:
        """What was sent to the app, oldest first; copies and retries stand in the log alone."""
        return self.courier.deliveries

    def start(self) -> Self:
        """Serve in a thread; returns when it takes connections."""
        self.listening.start(self._application())
        if self._control_server is not None:
            self._control_server.start()
        return self

    def stop(self) -> None:
        """Close every connection and end the threads."""
        self.control.close()
        if self._control_server is not None:
            self._control_server.stop()
        self.courier.hindrances.release(gap_seconds=0)
        self.listening.stop()
        self.courier.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def as_user(self, user: User | str) -> Person:
        """Return that person at their client."""
        user_id = user if isinstance(user, str) else user.id
        return Person(user_id, self.workspace, self.courier, self._payloads, self.app.commands)

    def wait_connected(self, timeout_seconds: float = 10.0) -> None:
        """Wait until the app has a Socket Mode connection."""
        self.workspace.wait_for(lambda: self.sockets.count > 0, timeout_seconds)

    def redeliver(self, delivery: Delivery, *, num: int = 1) -> Delivery:
        """Send the same payload once more, as a retry: events say so, others look the same."""
        retry = Retry(num) if delivery.kind == "events_api" else None
        return self.courier.deliver(delivery.kind, delivery.payload, retry=retry)

    def deliver_raw(
        self, payload: Json, kind: Kind = "interactive", *, envelope_id: str | None = None
    ) -> Delivery:
        """Send any payload, forged or old. The answer is recorded but not acted on."""
        return self.courier.deliver(kind, payload, envelope_id=envelope_id)

    def forge(self, delivery: Delivery, **changes: object) -> Delivery:
        """Send a delivery's payload again with top-level fields changed."""
        return self.deliver_raw({**delivery.payload, **changes}, delivery.kind)
