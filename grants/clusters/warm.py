"""One call over a connection that stands already, in a tenth of what the library takes for it.

Connections are opened, verified and tunnelled by urllib3, and whatever an answer has beyond a
status, headers and a counted body is read by http.client. What is left is most calls of most days:
a request of one piece, an answer of a few hundred bytes. A thousand grants that end in the same
second make seven thousand of them, and urllib3 takes about as long for each as the API server.

An answer is taken only if nothing follows it: what is read past its end would be taken for the
answer to the next question, and "not there" believed of another binding.
"""

import http.client
import io
import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Protocol, cast

import urllib3
from urllib3.exceptions import ProtocolError

from grants.clusters.reply import BODY_MOST_BYTES, BodyTooLarge, Deadline, Reply, read_body

_CHUNK_BYTES: Final = 64 * 1024
_HEAD_MOST_BYTES: Final = 64 * 1024
_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEAD: Final = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [^\r\n\0]*)?\r\n((?:" + _TOKEN + rb":[^\r\n\0]*\r\n)*)\r\n"
)
_HEADER: Final = re.compile(rb"(" + _TOKEN + rb"):[ \t]*([^\r\n]*?)[ \t]*\r\n")
_LENGTH: Final = re.compile(rb"[0-9]{1,12}")
_TARGET: Final = re.compile(r"/[!-~]*")
_VALUE: Final = re.compile(r"[\t -~\x80-\xff]*")
# What says that there is more to an answer than so many bytes.
_OTHERWISE: Final = frozenset(
    {b"transfer-encoding", b"content-encoding", b"connection", b"upgrade"}
)
_NO_BODY: Final = frozenset({b"204", b"304"})


class Socket(Protocol):
    """What is needed of a socket, or of TLS within TLS."""

    def settimeout(self, value: float | None, /) -> None:
        """Set how long one wait may take."""
        ...

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""
        ...

    def recv(self, size: int, /) -> bytes:
        """Give what came, at most so many bytes; none at the end."""
        ...


class WarmPool(urllib3.HTTPConnectionPool):
    """urllib3's pool of connections to one server, with a short way over those that stand."""

    def exchange(
        self, method: str, request: bytes, deadline: Deadline, wait_seconds: float
    ) -> Reply | None:
        """Send a whole request and read its answer whole; None: no connection stands.

        Nothing was sent then. One wait may take `wait_seconds`. Errors are urllib3's, or a
        TimeoutError; a connection on which anything went wrong is closed.
        """
        if wait_seconds <= 0:
            raise TimeoutError
        connection: Any = self._get_conn()
        sock: Socket | None = connection.sock
        if sock is None:
            self._put_conn(connection)
            return None
        keep = False
        try:
            sock.settimeout(wait_seconds)
            reply, keep = _exchange(sock, method, request, deadline)
        except TimeoutError:
            raise
        except ssl.SSLError as error:
            raise urllib3.exceptions.SSLError(error) from error
        except (http.client.HTTPException, OSError) as error:
            raise ProtocolError("Connection aborted.", error) from error
        finally:
            if not keep:
                connection.close()
            self._put_conn(connection)
        return reply


class WarmTlsPool(WarmPool, urllib3.HTTPSConnectionPool):
    """The same over TLS."""


def request_of(method: str, target: str, host: bytes, headers: bytes, body: bytes | None) -> bytes:
    """Write a request; ValueError when the target would not be one word."""
    if _TARGET.fullmatch(target) is None:
        raise ValueError("not one line")
    counted = b"" if body is None else b"Content-Length: %d\r\n" % len(body)
    line = b"%s %s HTTP/1.1\r\n" % (method.encode("ascii"), target.encode("ascii"))
    return b"%sHost: %s\r\n%s%s\r\n%s" % (line, host, headers, counted, body or b"")


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Write headers; ValueError when one would be more than a line."""
    if not all(_VALUE.fullmatch(value) for value in headers.values()):
        raise ValueError("not one line")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")


def host_of(pool: urllib3.HTTPConnectionPool) -> bytes:
    """Write whom a request to a pool's server is for; the usual port is left out."""
    name = f"[{pool.host}]" if ":" in pool.host else pool.host
    usual = pool.ConnectionCls.default_port
    return (name if pool.port in {None, usual} else f"{name}:{pool.port}").encode("ascii")


def warm_up(manager: urllib3.PoolManager) -> None:
    """Have a manager make such pools; one that speaks SOCKS has pools of its own."""
    plain = (urllib3.HTTPConnectionPool, urllib3.HTTPSConnectionPool)
    if tuple(manager.pool_classes_by_scheme.values()) == plain:
        manager.pool_classes_by_scheme = {"http": WarmPool, "https": WarmTlsPool}


def _exchange(sock: Socket, method: str, request: bytes, deadline: Deadline) -> tuple[Reply, bool]:
    """Send and read; tells, too, whether the connection may serve again."""
    # A server may answer what it has not read to its end, and close.
    with suppress(BrokenPipeError, ConnectionResetError):
        sock.sendall(request)
    begun = _head(sock, deadline)
    simple = _read_simply(sock, begun, deadline)
    return simple or _read_otherwise(sock, method, begun, deadline)


def _head(sock: Socket, deadline: Deadline) -> bytes:
    """Read until the headers are in; what comes with them is part of it."""
    begun = b""
    while b"\r\n\r\n" not in begun:
        if len(begun) > _HEAD_MOST_BYTES:
            raise http.client.LineTooLong("headers")
        part = sock.recv(_CHUNK_BYTES)
        if not part:
            # http.client would take half the headers for all of them, and a status for "ready".
            raise http.client.RemoteDisconnected("no whole answer")
        begun += part
        deadline.check()
    return begun


def _read_simply(sock: Socket, begun: bytes, deadline: Deadline) -> tuple[Reply, bool] | None:
    """Read an answer of a status, headers, and a body of so many bytes; None: it is another."""
    head = _HEAD.match(begun)
    if head is None or head[1] in _NO_BODY:
        return None
    found = _HEADER.findall(head[2])
    headers = {name.lower(): value for name, value in found}
    length = headers.get(b"content-length", b"")
    if len(headers) != len(found) or _LENGTH.fullmatch(length) is None:
        return None
    if not _OTHERWISE.isdisjoint(headers):
        return None
    body = _rest(sock, begun[head.end() :], int(length), deadline)
    date = headers.get(b"date")
    return Reply(int(head[1]), body, None if date is None else date.decode("latin-1")), True


def _rest(sock: Socket, body: bytes, length: int, deadline: Deadline) -> bytes:
    """Read a body to its end, and nothing past it."""
    if length > BODY_MOST_BYTES:
        raise BodyTooLarge
    parts, left = [body], length - len(body)
    while left > 0:
        part = sock.recv(_CHUNK_BYTES)
        if not part:
            raise http.client.IncompleteRead(b"", left)
        parts.append(part)
        left -= len(part)
        deadline.check()
    if left < 0:
        raise http.client.BadStatusLine("more than was asked for")
    return b"".join(parts) if len(parts) > 1 else body


class _Source(io.RawIOBase):
    """What was read already, and then what the socket has."""

    def __init__(self, begun: bytes, sock: Socket) -> None:
        super().__init__()
        self._begun = begun
        self._sock: Socket | None = sock

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there into a buffer; 0 at the end."""
        size = len(buffer)
        if self._begun:
            part, self._begun = self._begun[:size], self._begun[size:]
        else:
            part = b"" if self._sock is None else self._sock.recv(size)
        buffer[: len(part)] = part
        return len(part)

    def stop(self) -> None:
        """Read no more of the socket."""
        self._sock = None


class _Reader(io.BufferedReader):
    """What http.client reads an answer from; it closes it at the answer's end."""

    def __init__(self, source: _Source) -> None:
        super().__init__(source, _CHUNK_BYTES)
        self._source = source
        self.at_its_end = False

    def makefile(self, _mode: str) -> "_Reader":
        """Stand for the socket, too."""
        return self

    def close(self) -> None:
        """Note whether anything was read that is not of this answer."""
        if not self.closed:
            self._source.stop()
            self.at_its_end = not self.peek(1)
        super().close()


def _read_otherwise(
    sock: Socket, method: str, begun: bytes, deadline: Deadline
) -> tuple[Reply, bool]:
    """Read any other answer, as urllib3 would."""
    reader = _Reader(_Source(begun, sock))
    raw = http.client.HTTPResponse(cast("Any", reader), method=method)
    raw.begin()
    response = urllib3.HTTPResponse(
        body=cast("Any", raw),
        headers=urllib3.HTTPHeaderDict(raw.headers.items()),
        status=raw.status,
        preload_content=False,
        original_response=raw,
        request_method=method,
    )
    body = read_body(response, deadline)
    keep = reader.closed and reader.at_its_end and not raw.will_close
    return Reply(raw.status, body, raw.headers.get("Date")), keep
