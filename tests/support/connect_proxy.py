"""An HTTP proxy on 127.0.0.1 that only knows CONNECT: it routes made-up names, counts what went
through, and may ask for a user and a password.
"""

import base64
import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 64 * 1024


class ConnectProxy:
    """Tunnels to `routes` (name and port to a port of this machine) and nowhere else.

    `tunnels` are the targets that were let through, `refused` those that were not, `unasked` counts
    what was no CONNECT at all.
    """

    def __init__(self, routes: dict[tuple[str, int], int], login: str = "") -> None:
        self.routes = routes
        self.tunnels: list[tuple[str, int]] = []
        self.refused: list[tuple[str, int]] = []
        self.unasked = 0
        self._login = login
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="connect-proxy")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url_for(self, login: str) -> str:
        return f"http://{login}@127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        with self._lock:
            left = list(self._open)
        for one in left:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with self._held(client), contextlib.suppress(OSError):
            target, headers = _read_head(client)
            if target is None:
                self.unasked += 1
                client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n")
                return
            port = self.routes.get(target)
            if port is None or not self._may_pass(headers):
                self.refused.append(target)
                code = b"502 Bad Gateway" if port is None else b"407 Proxy Authentication Required"
                asks = b"Proxy-Authenticate: Basic realm=x\r\n" if port is not None else b""
                client.sendall(b"HTTP/1.1 " + code + b"\r\n" + asks + b"Content-Length: 0\r\n\r\n")
                return
            self.tunnels.append(target)
            with self._held(socket.create_connection(("127.0.0.1", port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pump, args=(server, client))
                back.start()
                _pump(client, server)
                back.join()

    def _may_pass(self, headers: dict[str, str]) -> bool:
        expected = "Basic " + base64.b64encode(self._login.encode()).decode()
        return not self._login or headers.get("proxy-authorization") == expected

    @contextlib.contextmanager
    def _held(self, one: socket.socket):
        with self._lock:
            self._open.add(one)
        try:
            yield one
        finally:
            with self._lock:
                self._open.discard(one)
            one.close()


def _read_head(client: socket.socket) -> tuple[tuple[str, int] | None, dict[str, str]]:
    head = b""
    while b"\r\n\r\n" not in head:
        part = client.recv(1)  # not a byte of what comes after it
        if not part:
            return None, {}
        head += part
    first, *rest = head.decode().split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)
    }
    method, _, target = first.partition(" ")
    host, _, port = target.split(" ")[0].rpartition(":")
    return ((host, int(port)) if method == "CONNECT" else None), headers


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
