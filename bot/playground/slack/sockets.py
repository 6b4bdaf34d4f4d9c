"""Socket Mode: tickets, connections, envelopes out and acks in.

Slack allows ten connections and sends each envelope over any one of them.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.playground.slack.records import ACK_SECONDS, Json
from bot.playground.slack.webapi import ApiError

if TYPE_CHECKING:
    from bot.playground.slack.workspace import Workspace

MAX_CONNECTIONS = 10
LIFE_SECONDS = 3600


@dataclass(slots=True)
class _Pending:
    done: threading.Event = field(default_factory=threading.Event)
    answer: Json | None = None


@dataclass(eq=False, slots=True)
class Connection:
    """One open WebSocket of the app."""

    socket: WebSocket
    loop: asyncio.AbstractEventLoop

    def send(self, frame: Json) -> None:
        """Send from any thread."""
        sending = self.socket.send_text(json.dumps(frame))
        asyncio.run_coroutine_threadsafe(sending, self.loop).result(timeout=ACK_SECONDS)

    def close(self) -> None:
        """Close from any thread."""
        asyncio.run_coroutine_threadsafe(self.socket.close(), self.loop).result(ACK_SECONDS)


class Sockets:
    """The open connections of the app, and what waits for an ack."""

    def __init__(self, workspace: Workspace, ack_seconds: float = ACK_SECONDS) -> None:
        self._workspace = workspace
        self._ack_seconds = ack_seconds
        self._lock = threading.Lock()
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._pending: dict[str, _Pending] = {}
        self._turn = 0
        self.frames: list[Json] = []

    @property
    def count(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._connections)

    def new_ticket(self) -> str:
        """Return a ticket for one connection, or refuse the eleventh."""
        with self._lock:
            if len(self._connections) >= MAX_CONNECTIONS:
                raise ApiError("too_many_websockets")
            ticket = self._workspace.new_id("K")
            self._tickets.add(ticket)
            return ticket

    async def serve(self, socket: WebSocket) -> None:
        """Serve one WebSocket until it closes."""
        ticket = socket.query_params.get("ticket", "")
        with self._lock:
            known = ticket in self._tickets
            self._tickets.discard(ticket)
        if not known:
            await socket.close(code=1008)
            return
        await socket.accept()
        connection = Connection(socket, asyncio.get_running_loop())
        with self._lock:
            self._connections.append(connection)
            count = len(self._connections)
        await socket.send_text(json.dumps(self._hello(count)))
        self._workspace.touch()
        try:
            while True:
                self._received(await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            # RuntimeError: this side closed it while a receive was pending.
            pass
        finally:
            with self._lock:
                self._connections.remove(connection)
            self._workspace.touch()

    def _hello(self, count: int) -> Json:
        return {
            "type": "hello",
            "num_connections": count,
            "connection_info": {"app_id": self._workspace.app_id},
            "debug_info": {
                "host": "applink-playground",
                "build_number": 1,
                "approximate_connection_time": LIFE_SECONDS,
            },
        }

    def _received(self, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            self._workspace.refuse("socket", "not JSON", text[:80])
            return
        self.frames.append(frame)
        with self._lock:
            pending = self._pending.get(frame.get("envelope_id", ""))
        if pending is not None:
            pending.answer = frame
            pending.done.set()

    def send(self, envelope: Json) -> tuple[bool, Json | None, float]:
        """Send an envelope and wait for its ack: (acked, its payload, milliseconds).

        Raises ConnectionError when the app has no connection, or loses it while we send.
        """
        pending = _Pending()
        with self._lock:
            if not self._connections:
                raise ConnectionError("the app has no Socket Mode connection")
            self._turn += 1
            connection = self._connections[self._turn % len(self._connections)]
            self._pending[envelope["envelope_id"]] = pending
        started = time.monotonic()
        try:
            connection.send(envelope)
        except (RuntimeError, TimeoutError) as problem:
            raise ConnectionError("the connection went away") from problem
        acked = pending.done.wait(self._ack_seconds)
        after_ms = (time.monotonic() - started) * 1000
        with self._lock:
            del self._pending[envelope["envelope_id"]]
        return acked, (pending.answer or {}).get("payload"), after_ms

    def refresh(self) -> None:
        """Ask the app to reconnect, as Slack does every few hours, and close the old sockets."""
        for connection in self._all():
            frame = {
                "type": "disconnect",
                "reason": "refresh_requested",
                "debug_info": {"host": "applink-playground"},
            }
            connection.send(frame)
        self.drop()

    def drop(self) -> None:
        """Close every connection without a word."""
        for connection in self._all():
            connection.close()

    def _all(self) -> list[Connection]:
        with self._lock:
            return list(self._connections)
