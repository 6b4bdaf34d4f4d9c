"""A relay before PostgreSQL that knows its messages: it loses a COMMIT, or the answer to one.

It also plays a pooler that refuses what poolers refuse at a connection's start.
"""

import socket
import struct
import threading
from contextlib import suppress
from enum import StrEnum
from typing import Self

from sqlalchemy import make_url

_COMMIT = b"COMMIT\x00"
_HEAD_BYTES = 5
_ERROR = b"SFATAL\x00VFATAL\x00C08P01\x00Munsupported startup parameter: options\x00\x00"


class Cut(StrEnum):
    """What happens to the next COMMIT."""

    BEFORE = "before"
    """It never gets to the server; both sides are cut."""
    AFTER = "after"
    """The server does it, and its answer is lost; both sides are cut."""
    HALF = "half"
    """It never gets to the server, which does not learn that the client is gone."""
    STALL = "stall"
    """It never gets to the server, and everything stays open."""


class CommitRelay:
    """Listens on 127.0.0.1 and passes each connection on to PostgreSQL's port.

    `cut` says what happens to one COMMIT: the next, after as many as `spared`.
    """

    def __init__(self, backend_port: int, *, refuse_options: bool = False) -> None:
        self._backend_port = backend_port
        self._refuse_options = refuse_options
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut: Cut | None = None
        self.spared = 0
        self.cuts = 0
        self.refuses = False
        self.startups: list[bytes] = []
        self._losing: set[socket.socket] = set()
        self._over = threading.Event()
        self._flows = threading.Event()
        self._flows.set()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._spawn(self._listen)
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._flows.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            _end(each)
        for thread in list(self._threads):
            thread.join(timeout=10)

    def url(self, direct: str) -> str:
        """Give the URL that leads to the same database by this relay."""
        bare = make_url(direct).difference_update_query(["host", "port"])
        url = bare.set(username="postgres", host="127.0.0.1", port=self.port)
        plain = url.update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
        return plain.render_as_string(hide_password=False)

    def pause(self) -> None:
        """Keep every connection open, take new ones, and pass nothing on to the server."""
        self._flows.clear()

    def resume(self) -> None:
        """Pass everything on again, what was held back first."""
        self._flows.set()

    def _spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refuses:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._backend_port))
            for one in (client, server):
                # Messages go out one by one; held together they would cost 40 ms each.
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._open += [client, server]
            self._spawn(self._forward, client, server)
            self._spawn(self._back, server, client)

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        try:
            if self._startup(client, server):
                while self._pass_on(client, server):
                    pass
        except OSError:
            pass
        _end(client)
        _end(server)

    def _startup(self, client: socket.socket, server: socket.socket) -> bool:
        head = _exactly(client, 4)
        body = _exactly(client, struct.unpack("!I", head)[0] - 4)
        self._flows.wait()
        self.startups.append(body)
        if self._refuse_options and b"\x00options\x00" in body:
            client.sendall(b"E" + struct.pack("!I", len(_ERROR) + 4) + _ERROR)
            return False
        server.sendall(head + body)
        return True

    def _pass_on(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass one message on; False when this connection is over."""
        head = _exactly(client, _HEAD_BYTES)
        body = _exactly(client, struct.unpack("!I", head[1:])[0] - 4)
        self._flows.wait()
        cut = self.cut if head[:1] == b"Q" and body == _COMMIT else None
        if cut is None or self.spared > 0:
            self.spared -= cut is not None
            server.sendall(head + body)
            return True
        self.cut = None
        self.cuts += 1
        if cut is Cut.AFTER:
            self._losing.add(server)
            server.sendall(head + body)
            return True
        if cut is Cut.BEFORE:
            return False
        if cut is Cut.HALF:
            _end(client)
        self._over.wait(timeout=60)
        return False

    def _back(self, server: socket.socket, client: socket.socket) -> None:
        try:
            while chunk := server.recv(65536):
                if server in self._losing:
                    break
                client.sendall(chunk)
        except OSError:
            pass
        _end(client)
        _end(server)


def _exactly(source: socket.socket, count: int) -> bytes:
    """Read so many bytes; OSError when the connection ends before."""
    found = b""
    while len(found) < count:
        chunk = source.recv(count - len(found))
        if not chunk:
            raise ConnectionResetError
        found += chunk
    return found


def _end(one: socket.socket) -> None:
    with suppress(OSError):  # the other side was faster
        one.shutdown(socket.SHUT_RDWR)
    one.close()
