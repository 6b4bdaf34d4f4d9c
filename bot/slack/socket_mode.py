"""Slack by Socket Mode: connects and reconnects by itself, notices silence, drains at its end.

Of slack_sdk only the call that opens a connection is used. Its own clients reconnect from three
threads that take each other's half-made connections for dead, go on with a used-up ticket, and
never notice a socket that went silent.
"""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

import websocket
from slack_bolt import App, BoltRequest, BoltResponse
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.logs import get_logger

log = get_logger("slack.socket-mode")

_OK: Final = 200
_CONNECT_SECONDS: Final = 10.0
_FAILS: Final = (SlackApiError, SlackClientError, websocket.WebSocketException, OSError)


class SocketMode:
    """One Socket Mode connection for a Bolt app.

    `workers` is how many envelopes are worked on at once. A connection on which nothing is heard
    for `silent_after_seconds`, not even an answer to our pings, is replaced.
    """

    def __init__(
        self,
        app: App,
        app_token: str,
        client: WebClient,
        *,
        workers: int = 16,
        ping_seconds: float = 5.0,
        silent_after_seconds: float = 15.0,
        retry_most_seconds: float = 30.0,
    ) -> None:
        self._app = app
        self._token = app_token
        self._client = client
        self._ping = ping_seconds
        self._silent_after = silent_after_seconds
        self._retry_most = retry_most_seconds
        self._changed = threading.Condition()
        self._busy = 0
        self._draining = False
        self._stop = threading.Event()
        self._socket: websocket.WebSocket | None = None
        self._workers = ThreadPoolExecutor(workers, "slack-socket-worker")
        self._thread = threading.Thread(target=self._run, name="slack-socket", daemon=True)

    def start(self) -> None:
        """Begin to connect, in the background: Slack may be down and come later."""
        self._thread.start()

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a connection on which something was heard of late."""
        return self._socket is not None

    def stop(self, drain_seconds: float = 5.0) -> bool:
        """Finish what is being worked on, take no more, and hang up; False when time ran out.

        What comes meanwhile stays without ack, so that Slack sends it to another connection.
        """
        with self._changed:
            self._draining = True
            drained = self._changed.wait_for(lambda: self._busy == 0, drain_seconds)
        self._stop.set()
        _hang_up(self._socket)
        if self._thread.is_alive():
            self._thread.join(timeout=_CONNECT_SECONDS * 2)
        self._workers.shutdown(wait=drained, cancel_futures=True)
        return drained

    def _run(self) -> None:
        """Keep one connection for as long as we run."""
        wait, old = 0.25, None
        while not self._stop.is_set():
            try:
                self._socket = self._open()
            except Exception as error:  # noqa: BLE001 - whatever it is: nobody else begins again
                log.warning("no Socket Mode connection: %s", _code(error))
                self._stop.wait(wait)
                wait = min(wait * 2, self._retry_most)
                continue
            finally:
                _close(old)
            wait = 0.25
            log.info("a Socket Mode connection stands")
            old, served = self._socket, time.monotonic()
            try:
                self._serve(self._socket)
            except Exception:
                # This thread's end would be ours in Slack, while we say that we are connected.
                log.exception("the Socket Mode connection broke and is replaced")
            self._socket = None
            if time.monotonic() - served < wait:
                self._stop.wait(wait)  # one that ends at once is not begun anew without a breath
        _close(old)

    def _open(self) -> websocket.WebSocket:
        answer = self._client.apps_connections_open(app_token=self._token)
        context = self._client.ssl
        opened: websocket.WebSocket = websocket.create_connection(
            str(answer["url"]),
            timeout=_CONNECT_SECONDS,
            sslopt={"context": context} if context else None,
            enable_multithread=True,
        )
        opened.settimeout(self._ping / 2)
        return opened

    def _serve(self, connection: websocket.WebSocket) -> None:
        """Read until the connection ends, goes silent, or Slack asks for another one."""
        heard = pinged = time.monotonic()
        while not self._stop.is_set():
            try:
                opcode, data = connection.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                opcode = None  # nothing came in time; half a frame is kept for the next look
            except _FAILS:
                return
            now = time.monotonic()
            if opcode is not None:
                heard = now
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return
            if opcode == websocket.ABNF.OPCODE_TEXT and not self._take(connection, data):
                return
            if now - heard > self._silent_after:
                log.warning("the Socket Mode connection went silent and is replaced")
                return
            if now - pinged >= self._ping:
                pinged = now
                with suppress(*_FAILS):
                    connection.ping()

    def _take(self, connection: websocket.WebSocket, data: bytes) -> bool:
        """Hand an envelope over to a worker; False when Slack asks us to connect anew."""
        try:
            frame = json.loads(data)
        except (ValueError, RecursionError):
            log.warning("a frame that is not JSON came by the socket")
            return True
        if not isinstance(frame, dict) or frame.get("type") == "disconnect":
            return not isinstance(frame, dict)
        envelope = frame.get("envelope_id")
        if isinstance(envelope, str):
            with self._changed:
                if self._draining:
                    return True
                self._busy += 1
            self._workers.submit(self._work, connection, envelope, frame)
        return True

    def _work(self, connection: websocket.WebSocket, envelope: str, frame: dict[str, Any]) -> None:
        try:
            sent = frame.get("payload")
            payload = sent if isinstance(sent, dict) else {}
            answer = self._app.dispatch(BoltRequest(mode="socket_mode", body=payload))
            if answer.status != _OK:
                # Without an ack Slack would say that it failed, and send it again to fail again.
                log.error("an envelope was not handled: status %s", answer.status)
            self._ack(connection, envelope, _payload_of(answer))
        except Exception:
            log.exception("an envelope was not answered")
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _ack(
        self, connection: websocket.WebSocket, envelope: str, payload: dict[str, Any] | None
    ) -> None:
        """Acknowledge on the envelope's own connection, or on the one that took its place."""
        text = json.dumps({"envelope_id": envelope} | ({"payload": payload} if payload else {}))
        try:
            connection.send(text)
        except _FAILS:
            present = self._socket
            if present is None or present is connection:
                raise
            present.send(text)


def _hang_up(connection: websocket.WebSocket | None) -> None:
    """Shut the socket down, so that whoever reads from it wakes at once."""
    raw = connection.sock if connection is not None else None
    if raw is not None:
        with suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)


def _close(connection: websocket.WebSocket | None) -> None:
    if connection is not None:
        with suppress(*_FAILS):
            connection.close(timeout=1)
        connection.shutdown()  # type: ignore[no-untyped-call]  # the package's own lack


def _payload_of(answer: BoltResponse) -> dict[str, Any] | None:
    if answer.status != _OK or not answer.body:
        return None
    if answer.headers.get("content-type", [""])[0].startswith("application/json"):
        payload: dict[str, Any] = json.loads(answer.body)
        return payload
    return {"text": answer.body}


def _code(error: Exception) -> str:
    """Name an error without its message: an address in it carries a ticket."""
    if isinstance(error, SlackApiError):
        return str(error.response.get("error"))
    return type(error).__name__
