"""A Socket Mode server that does what a test tells it to: silence, half frames, late hellos."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.sync.server import Server, ServerConnection, serve

DEADLINE_SECONDS = 10.0


@dataclass(eq=False)
class Link:
    """One connection, as the server has it."""

    socket: ServerConnection
    acks: list[dict[str, Any]] = field(default_factory=list)
    pinged: int = 0
    closed: threading.Event = field(default_factory=threading.Event)

    def tell(self, frame: dict[str, Any] | str) -> None:
        self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    def envelope(self, envelope: str, **payload: Any) -> None:
        self.tell({"envelope_id": envelope, "payload": payload})

    def disconnect(self, reason: str) -> None:
        self.tell({"type": "disconnect", "reason": reason, "debug_info": {"host": "here"}})

    def half(self, text: str) -> Callable[[], None]:
        """Send the first half of a frame; gives the call that sends the rest."""
        with self.socket.protocol_mutex:
            self.socket.protocol.send_text(text.encode())
            data = b"".join(self.socket.protocol.data_to_send())
            self.socket.socket.sendall(data[: len(data) // 2])
        return lambda: self.socket.socket.sendall(data[len(data) // 2 :])

    def cut(self) -> None:
        """End the connection without a word."""
        self.socket.close_socket()

    def acked(self, envelope: str) -> list[dict[str, Any]]:
        return [ack for ack in self.acks if ack["envelope_id"] == envelope]


class SocketServer:
    """Every connection that was made, in order; `hello`, `silent` and `fails` say how it acts."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.hello = True
        self.silent: set[int] = set()
        self.fails: list[Exception] = []
        self.opened: list[float] = []
        self.ssl = None
        self.proxy = None
        self._changed = threading.Condition()
        self._server: Server | None = None

    # What the app's client is to it.

    def apps_connections_open(self, *, app_token: str) -> dict[str, Any]:
        self.opened.append(time.monotonic())
        if self.fails:
            raise self.fails.pop(0)
        assert self._server is not None
        port = self._server.socket.getsockname()[1]
        return {"ok": True, "url": f"ws://127.0.0.1:{port}/link?ticket={len(self.opened)}"}

    # The server.

    @contextmanager
    def running(self) -> Iterator["SocketServer"]:
        with serve(self._serve, "127.0.0.1", 0, ping_interval=None) as server:
            self._server = server
            thread = threading.Thread(target=server.serve_forever, name="socket-server")
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                for link in self.links:
                    with suppress(OSError):
                        link.cut()
                thread.join()

    def _serve(self, socket: ServerConnection) -> None:
        link = Link(socket)
        number = len(self.links)
        with self._changed:
            self.links.append(link)
            self._changed.notify_all()
        if self.hello:
            link.tell({"type": "hello", "num_connections": 1, "connection_info": {}})
        answer = socket.protocol.receive_data

        def receive(data: bytes) -> None:
            # A silent socket: TCP stands, and nothing that comes is read, pings neither.
            if number not in self.silent:
                answer(data)

        socket.protocol.receive_data = receive  # type: ignore[method-assign]
        try:
            for text in socket:
                with self._changed:
                    link.acks.append(json.loads(text))
                    self._changed.notify_all()
        except ConnectionClosed:
            pass
        finally:
            link.closed.set()
            with self._changed:
                self._changed.notify_all()

    def wait(self, is_so: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> None:
        """Wait until it is so; what others change is looked for every 10 ms."""
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, "it did not come to be so in time"
            with self._changed:
                self._changed.wait(0.01)

    def acked(self, envelope: str) -> int:
        """How many acks of an envelope came, over any connection."""
        return sum(len(link.acked(envelope)) for link in self.links)


def refused(error: str, status: int = 200, **headers: str) -> SlackApiError:
    """What the client raises when Slack refuses a call."""
    answer = SlackResponse(
        client=None,
        http_verb="POST",
        api_url="https://slack.com/api/apps.connections.open",
        req_args={},
        data={"ok": False, "error": error},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        status_code=status,
    )
    return SlackApiError(error, answer)


__all__ = ["Link", "Opcode", "SocketServer", "refused"]
