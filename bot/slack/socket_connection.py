"""One Socket Mode connection: read to its end, and why it ended."""

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import websocket
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.logs import get_logger
from bot.slack.proxied import socket_options
from bot.slack.reading_json import Malformed, read_json

log = get_logger("slack.socket-connection")

FAILS: Final = (SlackApiError, SlackClientError, websocket.WebSocketException, OSError)
_CLOSE_SECONDS: Final = 2.0


class Ended(StrEnum):
    """Why a connection ended; each is a label of a metric."""

    CLOSED = "closed"
    LOST = "lost"
    SILENT = "silent"
    NO_HELLO = "no-hello"
    REFRESHED = "refreshed"
    DISABLED = "link-disabled"
    TOO_MANY = "too-many"
    BROKEN = "broken"
    STOPPED = "stopped"


_ASKED: Final = {"link_disabled": Ended.DISABLED, "too_many_websockets": Ended.TOO_MANY}
"""What Slack says when it closes for good; every other reason asks for another connection."""


@dataclass(frozen=True)
class Pace:
    """How a connection is watched.

    A connection on which nothing is heard for `silent_after_seconds`, not even an answer to the
    pings sent every `ping_seconds`, is given up; so is one without Slack's hello within
    `hello_seconds`. One that is replaced is read for `linger_seconds` more, unless Slack closes it.
    """

    ping_seconds: float = 2.5
    silent_after_seconds: float = 10.0
    hello_seconds: float = 10.0
    linger_seconds: float = 30.0


class Connection:
    """An open WebSocket. `hear` is given each envelope, `changed` is called when it stands or goes.

    `is_standing`: Slack said hello and has not asked us to go. `is_leaving`: it has.
    """

    def __init__(
        self,
        opened: websocket.WebSocket,
        pace: Pace,
        hear: Callable[["Connection", dict[str, Any]], None],
        changed: Callable[[], None],
    ) -> None:
        self._socket = opened
        self._pace = pace
        self._hear = hear
        self._changed = changed
        self._under_way = 0
        self._counting = threading.Lock()
        self._replaced_at: float | None = None
        self._closing: Ended | None = None
        self._closing_at = 0.0
        self.began_at = time.monotonic()
        self.stood_at: float | None = None
        self.asked_to_leave = ""

    @property
    def is_standing(self) -> bool:
        """Tell whether Slack has said hello, and not asked us to go since."""
        return self.stood_at is not None and not self.is_leaving

    @property
    def is_leaving(self) -> bool:
        """Tell whether this connection is on its way out, and another has to take its place."""
        return bool(self.asked_to_leave) or self._closing is not None

    def took(self, change: int) -> None:
        """Count what was taken from it and is not acked yet."""
        with self._counting:
            self._under_way += change

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing that was taken from it is under way."""
        return self._under_way == 0

    def was_replaced(self) -> None:
        """Hear that another connection stands in its place; it is read a while longer."""
        if self._replaced_at is None:
            self._replaced_at = time.monotonic()

    def begin_to_close(self, why: Ended) -> None:
        """Say goodbye. What Slack had sent by then is still read, until it says goodbye, too."""
        if self._closing is None:
            self._closing_at, self._closing = time.monotonic(), why
            with suppress(*FAILS):
                self._socket.send_close()

    def hang_up(self) -> None:
        """Shut the socket down, so that whoever reads from it wakes at once."""
        raw = self._socket.sock
        if raw is not None:
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    def send(self, text: str) -> None:
        """Send a frame from any thread; one that was sent in part costs the connection."""
        if self._closing is not None:
            raise websocket.WebSocketConnectionClosedException("it is being closed")
        try:
            self._socket.send(text)
        except FAILS:
            self.hang_up()
            raise

    def read(self) -> Ended:
        """Read until the connection ends; never raises."""
        try:
            return self._read()
        except Exception:
            # Nobody else reads here: what escaped would leave us deaf and saying that we hear.
            log.exception("reading from a Socket Mode connection broke")
            return Ended.BROKEN
        finally:
            self._socket.shutdown()  # type: ignore[no-untyped-call]  # the package's own lack

    def _read(self) -> Ended:
        heard = pinged = time.monotonic()
        self._socket.settimeout(self._pace.ping_seconds / 2)
        while True:
            try:
                opcode, data = self._socket.recv_data(control_frame=True)
            except websocket.WebSocketTimeoutException:
                opcode = None  # nothing came in time; half a frame is kept for the next look
            except FAILS:
                return self._closing or Ended.LOST
            now = time.monotonic()
            if opcode is not None:
                heard = now
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return self._closing or self._asked() or Ended.CLOSED
            if opcode == websocket.ABNF.OPCODE_TEXT:
                self._take(data)
            if over := self._why_over(now, heard):
                return over
            if now - pinged >= self._pace.ping_seconds:
                pinged = now
                with suppress(*FAILS):
                    self._socket.ping()

    def _why_over(self, now: float, heard: float) -> Ended | None:
        pace = self._pace
        if self._closing is not None:
            return self._closing if now - self._closing_at > _CLOSE_SECONDS else None
        if self.stood_at is None and now - self.began_at > pace.hello_seconds:
            return Ended.NO_HELLO
        if now - heard > pace.silent_after_seconds:
            return Ended.SILENT
        if self._replaced_at is not None and now - self._replaced_at > pace.linger_seconds:
            if not self.is_idle:
                return None
            self.begin_to_close(self._asked() or Ended.REFRESHED)
        return None

    def _asked(self) -> Ended | None:
        if not self.asked_to_leave:
            return None
        return _ASKED.get(self.asked_to_leave, Ended.REFRESHED)

    def _take(self, data: bytes) -> None:
        """Take one frame: an envelope, or what Slack says about the connection itself."""
        try:
            frame = read_json(data)
        except Malformed as error:
            log.warning("a frame that can't be read came by the socket: %s", error)
            return
        kind = frame.get("type")
        if kind == "hello":
            if self.stood_at is None:
                self.stood_at = time.monotonic()
                self._changed()
        elif kind == "disconnect":
            self.asked_to_leave = str(frame.get("reason") or "unknown")[:80]
            log.info("Slack asks for another connection: %s", self.asked_to_leave)
            self._changed()
        else:
            self._hear(self, frame)


def open_socket(
    url: str, context: Any, timeout_seconds: float, proxy: str | None = None
) -> websocket.WebSocket:
    """Connect; raises one of FAILS. `context` is the TLS context, None for the usual one; `proxy`
    the one that the Web API is reached through.
    """
    opened: websocket.WebSocket = websocket.create_connection(
        url,
        timeout=timeout_seconds,
        sslopt={"context": context} if context else None,
        enable_multithread=True,
        # Whoever reads a frame refuses what is no UTF-8. The package looks at each byte in Python,
        # which is a millisecond or two before every click is heard.
        skip_utf8_validation=True,
        **socket_options(proxy),
    )
    return opened


def ack_text(envelope: str, payload: dict[str, Any] | None) -> str:
    """Write an ack."""
    return json.dumps({"envelope_id": envelope} | ({"payload": payload} if payload else {}))
