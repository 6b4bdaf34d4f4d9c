"""The bytes below HTTP and WebSocket: resets, half-closed and silent connections, cut frames."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

if TYPE_CHECKING:
    import asyncio

    from starlette.requests import HTTPConnection

WIRE = "wire"
_TEXT_FRAME = 0x81
_LENGTH_IN_2_BYTES = 126
_LENGTH_IN_8_BYTES = 127
_MAX_IN_2_BYTES = 0xFFFF


class Wire:
    """One TCP connection of the app. All of it belongs to the server's thread."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.protocol: SocketProtocol | None = None
        self.is_silent = False

    def reset(self) -> None:
        """End the connection by RST: what was not sent yet is lost."""
        raw = self._transport.get_extra_info("socket")
        if raw is not None and raw.fileno() >= 0:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def hang_up(self) -> None:
        """End the connection without a word, after what was written."""
        self._transport.close()

    def silence(self) -> None:
        """Say nothing more and hear nothing more, while the connection stays open."""
        self.is_silent = True
        if self.protocol is not None:
            self.protocol.stop_keepalive()

    def half_close(self) -> None:
        """Say nothing more, but go on hearing. Raises RuntimeError over TLS, which cannot."""
        if not self._transport.can_write_eof():
            raise RuntimeError("a TLS connection cannot be half-closed")
        if self.protocol is not None:
            self.protocol.stop_keepalive()
        self._transport.write_eof()

    def cut_frame(self, text: str) -> None:
        """Send the first half of a text frame, and end the connection there."""
        data = text.encode()
        if len(data) <= _MAX_IN_2_BYTES:
            head = struct.pack("!BBH", _TEXT_FRAME, _LENGTH_IN_2_BYTES, len(data))
        else:
            head = struct.pack("!BBQ", _TEXT_FRAME, _LENGTH_IN_8_BYTES, len(data))
        self._transport.write(head + data[: len(data) // 2])
        self._transport.close()


class HttpProtocol(H11Protocol):
    """uvicorn's, that hands its connection's wire to the application."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in its base
        """Keep the wire where a request finds it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, WIRE: Wire(transport)}


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, that can be deaf and mute."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the wire know who speaks WebSocket on it."""
        super().connection_made(transport)
        self._wire: Wire = self.app_state[WIRE]
        self._wire.protocol = self

    def data_received(self, data: bytes) -> None:
        """Drop what comes while silent, pings too."""
        if not self._wire.is_silent:
            super().data_received(data)


def wire_of(connection: HTTPConnection) -> Wire:
    """Return the wire of a request or WebSocket."""
    state: dict[str, Any] = connection.scope["state"]
    wire: Wire = state[WIRE]
    return wire
