"""One Socket Mode connection of the app, and what waits on it."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.playground.slack.records import ACK_SECONDS

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

    from bot.playground.slack.records import Json
    from bot.playground.slack.wire import Wire

HOST = "applink-playground"


@dataclass(slots=True)
class Pending:
    """An envelope that waits for its ack; `lost` when its connection ended before."""

    done: threading.Event = field(default_factory=threading.Event)
    answer: Json | None = None
    lost: bool = False
    connection: Connection | None = None


@dataclass(eq=False, slots=True)
class Connection:
    """One open WebSocket; `number` counts from 1 over the life of the double.

    `closing`: Slack has said that it will close it, and sends nothing more over it.
    """

    number: int
    socket: WebSocket
    wire: Wire
    loop: asyncio.AbstractEventLoop
    closing: bool = False
    life: asyncio.Task[None] | None = None

    def send(self, frame: Json) -> None:
        """Send from any thread. On a silent connection it is lost, as Slack would not know."""
        self.send_text(json.dumps(frame))

    def send_text(self, text: str) -> None:
        """Send a frame that is JSON already: see `send`."""
        if self.wire.is_silent:
            return
        sending = self.socket.send_text(text)
        asyncio.run_coroutine_threadsafe(sending, self.loop).result(timeout=ACK_SECONDS)

    def close(self) -> None:
        """Close from any thread, with a close frame."""
        asyncio.run_coroutine_threadsafe(self.socket.close(), self.loop).result(ACK_SECONDS)

    def cut_frame(self, frame: Json) -> None:
        """Send half of a frame and end the connection."""
        self.loop.call_soon_threadsafe(self.wire.cut_frame, json.dumps(frame))

    def reset(self) -> None:
        """End it by RST."""
        self.loop.call_soon_threadsafe(self.wire.reset)

    def silence(self) -> None:
        """Have it go silent: see `Wire.silence`."""
        self.wire.is_silent = True  # at once, so that nothing that follows this call is sent
        self.loop.call_soon_threadsafe(self.wire.silence)

    def half_close(self) -> None:
        """Half-close it: see `Wire.half_close`."""

        async def closing() -> None:
            self.wire.half_close()

        asyncio.run_coroutine_threadsafe(closing(), self.loop).result(ACK_SECONDS)


def hello(app_id: str, count: int, life_seconds: float) -> str:
    """Return the first frame of a connection that is one of `count`."""
    return json.dumps(
        {
            "type": "hello",
            "num_connections": count,
            "connection_info": {"app_id": app_id},
            "debug_info": {
                "host": HOST,
                "build_number": 1,
                "approximate_connection_time": max(1, int(life_seconds)),
            },
        }
    )


def disconnect(reason: str) -> str:
    """Return the frame that says that a connection ends, and why."""
    frame = {"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}
    return json.dumps(frame)
