"""Control of Socket Mode: silence, refreshes, and connections that end badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.playground.slack.control_base import ControlBase

if TYPE_CHECKING:
    from bot.playground.slack.connection import Connection


class ControlSockets(ControlBase):
    """Connections are named by their number (see `connections`); left out, the oldest is meant."""

    def connections(self) -> list[int]:
        """Return the numbers of the open connections, oldest first."""
        return [connection.number for connection in self._double.sockets.open]

    def _connection(self, number: int | None) -> Connection:
        for connection in self._double.sockets.open:
            if number in (None, connection.number):
                return connection
        raise LookupError(f"there is no open connection {number or ''}")

    def silence(self, connection: int | None = None) -> int:
        """Have a connection go silent: no frames, no pongs, TCP stays open."""
        return self._each("silence", self._connection(connection))

    def half_close(self, connection: int | None = None) -> int:
        """Have Slack say nothing more on a connection but go on reading (plain TCP only)."""
        return self._each("half-close", self._connection(connection))

    def reset_socket(self, connection: int | None = None) -> int:
        """Reset a connection (RST)."""
        return self._each("reset", self._connection(connection))

    def cut_frame(self, connection: int | None = None) -> int:
        """Send half of an envelope's frame, and end the connection there."""
        return self._each("cut frame", self._connection(connection))

    def warn(self, connection: int | None = None) -> int:
        """Send `disconnect` of type `warning`; the connection goes on until it is refreshed."""
        return self._each("warn", self._connection(connection))

    def refresh(self, connection: int | None = None) -> int:
        """Send `disconnect` with `refresh_requested`, and close the connection."""
        return self._each("refresh", self._connection(connection))

    def _each(self, what: str, one: Connection) -> int:
        self._say(what, connection=one.number)
        sockets = self._double.sockets
        match what:
            case "silence":
                one.silence()
            case "half-close":
                one.half_close()
            case "reset":
                one.reset()
            case "cut frame":
                one.cut_frame({"envelope_id": "cut", "type": "events_api", "payload": "x" * 400})
            case "warn":
                sockets.warn(one)
            case "refresh":
                sockets.refresh(one)
        return one.number

    def refresh_every(self, seconds: float | None, *, warning_seconds: float = 0.0) -> None:
        """Refresh each connection when it is that old, and warn before if told so; None ends it."""
        self._double.sockets.live(seconds, warning_seconds)

    def disable_link(self) -> None:
        """Turn Socket Mode off: `link_disabled`, and no new connections until `enable_link`."""
        self._say("disable link")
        self._double.sockets.disable()

    def enable_link(self) -> None:
        """Turn Socket Mode on again."""
        self._double.sockets.is_enabled = True
