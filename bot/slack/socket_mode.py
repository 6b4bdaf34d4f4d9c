"""Slack by Socket Mode: connects and reconnects by itself, notices silence, drains at its end."""

import json
import logging
import socket
import threading
import time
from contextlib import suppress
from typing import Any, Final

from slack_bolt import App, BoltRequest, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.socket_mode.websocket_client import SocketModeClient

from bot.slack.sdk_log import sdk_logger

log = logging.getLogger(__name__)

_MOST_WAIT_SECONDS: Final = 30.0


class SocketMode:
    """One Socket Mode connection for a Bolt app.

    `workers` is how many envelopes are worked on at once. A connection that leaves pings
    unanswered for `silent_after_seconds` is replaced: sockets can go silent after a reconnect,
    and the client alone never notices.
    """

    def __init__(
        self,
        app: App,
        app_token: str,
        api_url: str,
        *,
        workers: int = 16,
        ping_interval_seconds: float = 5.0,
        silent_after_seconds: float = 12.0,
        look_every_seconds: float = 0.5,
    ) -> None:
        self._app = app
        self._silent_after = silent_after_seconds
        self._look_every = look_every_seconds
        self._lock = threading.Condition()
        self._busy = 0
        self._draining = False
        self._stop = threading.Event()
        self._unanswered: tuple[object, float] | None = None
        self._client = SocketModeClient(
            app_token=app_token,
            logger=sdk_logger("socket"),
            web_client=WebClient(
                base_url=api_url, timeout=10, retry_handlers=[], logger=sdk_logger("socket")
            ),
            ping_interval=ping_interval_seconds,
            concurrency=workers,
        )
        self._client.socket_mode_request_listeners.append(self._on_request)
        self._watchdog = threading.Thread(target=self._watch, name="slack-socket", daemon=True)

    def start(self) -> None:
        """Begin to connect, in the background: Slack may be down and come later."""
        self._watchdog.start()

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a connection that answers, as far as is known."""
        return self._client.is_connected() and self._unanswered is None

    def stop(self, drain_seconds: float = 5.0) -> bool:
        """Finish what is being worked on, take no more, and hang up; False when time ran out.

        What comes meanwhile stays without ack, so that Slack sends it to another connection.
        """
        self._stop.set()
        with self._lock:
            self._draining = True
            drained = self._lock.wait_for(lambda: self._busy == 0, drain_seconds)
        self._client.auto_reconnect_enabled = False
        self._hang_up()
        if self._watchdog.is_alive():
            self._watchdog.join(timeout=_MOST_WAIT_SECONDS)
        self._client.close()
        return drained

    def _on_request(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        with self._lock:
            if self._draining:
                return
            self._busy += 1
        try:
            self._answer(client, request)
        finally:
            with self._lock:
                self._busy -= 1
                self._lock.notify_all()

    def _answer(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        payload: object = request.payload
        answer = self._app.dispatch(
            BoltRequest(mode="socket_mode", body=payload if isinstance(payload, dict) else {})
        )
        if answer.status != 200:  # noqa: PLR2004  # HTTP's word for done
            # Without an ack Slack would show a failure and send it again, to fail again.
            log.error("an envelope of type %s was not handled: %s", request.type, answer.status)
        ack = SocketModeResponse(request.envelope_id, _payload_of(answer))
        try:
            client.send_socket_mode_response(ack)
        except Exception:  # the socket went away; Slack sends the envelope again
            log.warning("an ack could not be sent", exc_info=True)

    def _watch(self) -> None:
        """Connect, and go on looking whether the connection lives, until stopped."""
        wait = self._look_every
        while not self._stop.wait(wait):
            try:
                wait = self._look(wait)
            except (SlackApiError, SlackClientError, OSError) as error:
                wait = min(max(wait, 0.5) * 2, _MOST_WAIT_SECONDS)
                log.warning("no Socket Mode connection: %s", _code(error))
            except Exception:
                wait = _MOST_WAIT_SECONDS
                log.exception("looking after the Socket Mode connection broke")

    def _look(self, _: float) -> float:
        if not self._client.is_connected():
            self._unanswered = None
            self._client.connect_to_new_endpoint()
        elif self._is_silent():
            log.warning("the Socket Mode connection went silent and is replaced")
            self._unanswered = None
            self._hang_up()
            self._client.connect_to_new_endpoint(force=True)
        return self._look_every

    def _is_silent(self) -> bool:
        session = self._client.current_session
        if session is None:
            return False
        if session.last_pong_tm >= session.last_ping_tm:
            self._unanswered = None
            return False
        if self._unanswered is None or self._unanswered[0] is not session:
            self._unanswered = (session, time.monotonic())
        return time.monotonic() - self._unanswered[1] > self._silent_after

    def _hang_up(self) -> None:
        """Shut the socket: the client otherwise waits for it for up to ten seconds."""
        session = self._client.current_session
        raw = session.sock.sock if session is not None and session.sock is not None else None
        if raw is not None:
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                raw.close()


def _payload_of(answer: BoltResponse) -> dict[str, Any] | None:
    if answer.status != 200 or not answer.body:  # noqa: PLR2004  # as above
        return None
    if answer.headers.get("content-type", [""])[0].startswith("application/json"):
        payload: dict[str, Any] = json.loads(answer.body)
        return payload
    return {"text": answer.body}


def _code(error: Exception) -> str:
    """Name an error without its message: the address in it carries a ticket."""
    if isinstance(error, SlackApiError):
        return str(error.response.get("error"))
    return type(error).__name__
