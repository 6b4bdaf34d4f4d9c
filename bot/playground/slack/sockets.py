"""Socket Mode: tickets, connections, envelopes out and acks in.

Slack allows ten connections and sends each envelope over any one of them. What was not acked
when its connection ended goes to another one, as long as Slack waits.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.playground.slack.connection import Connection, Pending, disconnect, hello
from bot.playground.slack.kept import Kept
from bot.playground.slack.records import ACK_SECONDS, Json
from bot.playground.slack.wire import wire_of

if TYPE_CHECKING:
    from bot.playground.slack.workspace import Workspace

MAX_CONNECTIONS = 10
LIFE_SECONDS = 3600.0
POLICY_VIOLATION = 1008
GONE = (RuntimeError, TimeoutError, WebSocketDisconnect)
"""What sending over a connection raises that ended meanwhile, or whose app does not read."""


class Sockets:
    """The open connections of the app, and what waits for an ack."""

    def __init__(self, workspace: Workspace, ack_seconds: float = ACK_SECONDS) -> None:
        self._workspace = workspace
        self._ack_seconds = ack_seconds
        self._lock = threading.Lock()
        self._tickets: dict[str, None] = {}
        self._connections: list[Connection] = []
        self._pending: dict[str, list[Pending]] = {}
        self._turn = 0
        self._opened = 0
        self.is_enabled = True
        self.life_seconds: float | None = None
        self._warning_seconds = 0.0
        self.frames: Kept[Json] = Kept()

    @property
    def count(self) -> int:
        """How many connections are open, silent ones too."""
        with self._lock:
            return len(self._connections)

    @property
    def open(self) -> list[Connection]:
        """The open connections, oldest first."""
        with self._lock:
            return list(self._connections)

    def new_ticket(self) -> str:
        """Return a ticket for one connection."""
        # Not under our lock: the workspace's is taken first wherever both are.
        ticket = self._workspace.new_id("K")
        with self._lock:
            self._tickets[ticket] = None
            if len(self._tickets) > 1000:  # noqa: PLR2004 - unused ones must not pile up
                self._tickets.pop(next(iter(self._tickets)))
            return ticket

    async def serve(self, socket: WebSocket) -> None:
        """Serve one WebSocket until it closes."""
        ticket = socket.query_params.get("ticket", "")
        with self._lock:
            known = ticket in self._tickets
            self._tickets.pop(ticket, None)
            full = len(self._connections) >= MAX_CONNECTIONS
        if not known:
            await socket.close(code=POLICY_VIOLATION)
            return
        await socket.accept()
        if full or not self.is_enabled:
            await self._turn_away(socket, "too_many_websockets" if full else "link_disabled")
            return
        connection = self._admitted(socket)
        try:
            await self._greet(connection)
            while True:
                self._received(await socket.receive_text(), connection)
        except (WebSocketDisconnect, RuntimeError):
            # RuntimeError: this side closed it while a receive was pending.
            pass
        finally:
            self._ended(connection)

    async def _turn_away(self, socket: WebSocket, reason: str) -> None:
        """Slack takes the connection, says why not in place of a hello, and closes."""
        self._workspace.log.add("socket", f"disconnect {reason}", connection=None)
        await socket.send_text(disconnect(reason))
        await socket.close()

    def _admitted(self, socket: WebSocket) -> Connection:
        with self._lock:
            self._opened += 1
            connection = Connection(
                self._opened, socket, wire_of(socket), asyncio.get_running_loop()
            )
            self._connections.append(connection)
        return connection

    async def _greet(self, connection: Connection) -> None:
        """Send the hello. Envelopes go through this loop, so in this turn of it it goes first."""
        life = self.life_seconds or LIFE_SECONDS
        await connection.socket.send_text(hello(self._workspace.app_id, self.count, life))
        self._workspace.log.add("socket", "opened", connection=connection.number)
        self._begin_life(connection)
        self._workspace.touch()

    def _ended(self, connection: Connection) -> None:
        if connection.life is not None:
            connection.life.cancel()
        with self._lock:
            self._connections.remove(connection)
            waiting = [pending for found in self._pending.values() for pending in found]
            for pending in waiting:
                if pending.connection is connection:
                    pending.lost = True
                    pending.done.set()
        self._workspace.log.add("socket", "closed", connection=connection.number)
        self._workspace.touch()

    def live(self, life_seconds: float | None, warning_seconds: float = 0.0) -> None:
        """Refresh each connection when it is `life_seconds` old, those that are open too.

        `warning_seconds` before that Slack sends a `warning`. None: connections live on.
        """
        self.life_seconds, self._warning_seconds = life_seconds, warning_seconds
        for connection in self.open:
            connection.loop.call_soon_threadsafe(self._begin_life, connection)

    def _begin_life(self, connection: Connection) -> None:
        """In the server's thread."""
        if connection.life is not None:
            connection.life.cancel()
            connection.life = None
        if self.life_seconds is not None and connection in self.open:
            connection.life = connection.loop.create_task(self._until_its_end(connection))

    async def _until_its_end(self, connection: Connection) -> None:
        life, warning = self.life_seconds or 0.0, self._warning_seconds
        await asyncio.sleep(max(0.0, life - warning))
        with suppress(*GONE):  # it may end by itself at any moment
            if warning and not connection.wire.is_silent:
                await connection.socket.send_text(self._disconnect_frame(connection, "warning"))
            await asyncio.sleep(warning)
            connection.closing = True
            if not connection.wire.is_silent:
                frame = self._disconnect_frame(connection, "refresh_requested")
                await connection.socket.send_text(frame)
                await connection.socket.close()

    def _received(self, text: str, connection: Connection) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            self._workspace.refuse("socket", "not JSON", text[:80])
            return
        self.frames.keep(frame)
        envelope_id = frame.get("envelope_id", "") if isinstance(frame, dict) else ""
        with self._lock:
            # Several when one envelope was sent more than once: the first ack is for all.
            waiting = list(self._pending.get(envelope_id, ()))
            for pending in waiting:
                pending.answer = pending.answer or frame
                pending.done.set()
        name = "ack" if waiting else "ack for nothing"
        facts = {"connection": connection.number, "envelope": envelope_id}
        self._workspace.log.add("socket", name, **facts)

    def send(self, envelope: Json) -> tuple[bool, Json | None, float]:
        """Send an envelope and wait for its ack: (acked, its payload, milliseconds).

        When its connection ends first, another one gets it; not one that had it.
        Raises ConnectionError when the app has no connection to begin with.
        """
        started, envelope_id = time.monotonic(), envelope["envelope_id"]
        pending = Pending()
        with self._lock:
            self._pending.setdefault(envelope_id, []).append(pending)
        had: set[int] = set()
        try:
            while True:
                left = started + self._ack_seconds - time.monotonic()
                if not self._hand_over(envelope, pending, had, left):
                    break
                left = started + self._ack_seconds - time.monotonic()
                if not pending.done.wait(max(left, 0)) or pending.answer is not None:
                    break
        finally:
            with self._lock:
                self._pending[envelope_id].remove(pending)
                if not self._pending[envelope_id]:
                    del self._pending[envelope_id]
        after_ms = (time.monotonic() - started) * 1000
        return pending.answer is not None, (pending.answer or {}).get("payload"), after_ms

    def _hand_over(
        self, envelope: Json, pending: Pending, had: set[int], left_seconds: float
    ) -> bool:
        """Send over a connection that did not have it; wait for one once it was sent before."""
        while True:
            connection = self._next(had, left_seconds if had else 0.0)
            if connection is None:
                return False
            had.add(connection.number)
            with self._lock:
                if pending.answer is not None:
                    return True  # acked on the connection that ended, a moment ago
                pending.connection, pending.lost = connection, False
                pending.done.clear()
            try:
                connection.send(envelope)
            except GONE:
                continue
            facts = {"connection": connection.number, "envelope": envelope["envelope_id"]}
            self._workspace.log.add("socket", "envelope", **facts)
            if connection in self.open:
                return True

    def _next(self, had: set[int], within_seconds: float) -> Connection | None:
        """Return the next connection in turn, None if none comes in time.

        Raises ConnectionError when there is none and nothing was sent yet.
        """

        def find() -> Connection | None:
            with self._lock:
                free = [c for c in self._connections if c.number not in had]
                # One that Slack is about to close is better than none.
                free = [c for c in free if not c.closing] or free
                if not free:
                    return None
                self._turn += 1
                return free[self._turn % len(free)]

        found = find()
        if found is None and not had:
            raise ConnectionError("the app has no Socket Mode connection")
        if found is None and within_seconds > 0:
            found = self._workspace.come(find, within_seconds)
        return found

    def _disconnect_frame(self, connection: Connection, reason: str) -> str:
        self._workspace.log.add("socket", f"disconnect {reason}", connection=connection.number)
        return disconnect(reason)

    def warn(self, connection: Connection) -> None:
        """Say that this connection will be refreshed soon; it goes on until then."""
        connection.send_text(self._disconnect_frame(connection, "warning"))

    def refresh(self, connection: Connection | None = None) -> None:
        """Ask the app to reconnect, as Slack does every few hours, and close the old sockets."""
        self._end(connection, "refresh_requested")

    def disable(self) -> None:
        """Turn Socket Mode off in the app's settings: every connection ends, none begins."""
        self.is_enabled = False
        self._end(None, "link_disabled")

    def _end(self, connection: Connection | None, reason: str) -> None:
        ending = self.open if connection is None else [connection]
        for one in ending:
            one.closing = True
        for one in ending:
            if one.wire.is_silent:
                continue
            with suppress(*GONE):  # it may end by itself meanwhile
                one.send_text(self._disconnect_frame(one, reason))
                one.close()

    def drop(self) -> None:
        """Close every connection with nothing but a close frame."""
        for connection in self.open:
            with suppress(*GONE):
                connection.close()
