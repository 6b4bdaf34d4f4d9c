"""A link fails as it is told, says so on both sides, and is well again afterwards."""

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bot.playground.certs import Authority
from tests.support.faulty_link import Fault, FaultyLink, Slowness

WELL = b'{"kind": "Well"}' * 20


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def backend(asked: list[str]) -> Iterator[ThreadingHTTPServer]:
    """A server that says it is well, and remembers what it was asked."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(WELL)))
            self.end_headers()
            self.wfile.write(WELL)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def ask(port: int, path: str = "/", seconds: float = 5.0) -> bytes:
    """Ask once, on a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)) as connection:
        connection.request("POST", path, b"x" * 10)
        return connection.getresponse().read()


def said(port: int) -> bytes | type[Exception]:
    """Ask; gives the kind of failure where there was one."""
    try:
        return ask(port)
    except (OSError, http.client.HTTPException) as error:
        return type(error)


def test_a_stall_holds_everything_back_and_what_was_sent_arrives_late(
    backend: ThreadingHTTPServer, asked: list[str]
) -> None:
    with FaultyLink(backend.server_port, "seed") as link:
        link.begin(Fault.STALL)
        with pytest.raises(TimeoutError):
            ask(link.port, "/late", seconds=0.2)
        assert asked == []
        link.end()
        assert ask(link.port, "/now") == WELL
    assert sorted(asked) == ["/late", "/now"], "whoever gave up was heard all the same"
    assert link.done["held back"] > 0


def test_a_reset_ends_what_is_open_and_what_is_opened_until_it_is_over(
    backend: ThreadingHTTPServer,
) -> None:
    with (
        FaultyLink(backend.server_port, "seed") as link,
        socket.create_connection(("127.0.0.1", link.port), timeout=5) as idle,
    ):
        assert ask(link.port) == WELL
        link.begin(Fault.RESET)
        with pytest.raises(ConnectionResetError):
            idle.recv(1)
        answers = {said(link.port) for _ in range(30)}
        link.end()
        assert ConnectionResetError in answers
        assert ask(link.port) == WELL


def test_what_is_gone_refuses_and_comes_back_at_the_same_port_again_and_again(
    backend: ThreadingHTTPServer,
) -> None:
    with FaultyLink(backend.server_port, "seed") as link:
        for _round in range(3):
            assert ask(link.port) == WELL
            link.begin(Fault.GONE)
            with pytest.raises(ConnectionRefusedError):
                ask(link.port)
            link.end()


def test_what_is_slow_takes_its_time_and_says_all_of_it(backend: ThreadingHTTPServer) -> None:
    pace = Slowness(late_seconds=0.1, bytes_a_second=2000)
    with FaultyLink(backend.server_port, "seed", slowness=pace) as link:
        link.begin(Fault.SLOW)
        began = time.monotonic()
        assert ask(link.port) == WELL
        assert time.monotonic() - began > 0.3
        link.end()


def test_garbage_is_of_every_kind_and_what_was_asked_may_have_been_done(
    backend: ThreadingHTTPServer, asked: list[str]
) -> None:
    with FaultyLink(backend.server_port, "seed") as link:
        link.begin(Fault.GARBAGE)
        answers = [said(link.port) for _ in range(60)]
        link.end()
        assert ask(link.port) == WELL
    texts = [answer for answer in answers if isinstance(answer, bytes)]
    assert any(b"<html>" in text for text in texts)
    assert any(_is_half(text) for text in texts)
    assert any(not isinstance(answer, bytes) for answer in answers)
    assert set(link.done) >= {"answered for it", "made noise of it", "cut it"}
    assert len(asked) > texts.count(WELL) + 1, "some were carried out, and the answer was spoilt"


def _is_half(text: bytes) -> bool:
    with suppress(ValueError):
        json.loads(text)
        return False
    return text.startswith(b"{") and not text.endswith(WELL)


def test_where_tls_runs_through_it_answers_with_a_certificate_that_is_trusted(
    authority: Authority, backend: ThreadingHTTPServer
) -> None:
    context = authority.leaf("impostor").server_context()
    trusted = authority.client_context()
    with FaultyLink(backend.server_port, "seed", impostor=context) as link:
        link.begin(Fault.GARBAGE)
        statuses = {_status(link.port, trusted) for _ in range(40)}
        link.end()
    assert {200, 502} <= statuses


def _status(port: int, trusted: ssl.SSLContext) -> int | None:
    with closing(
        http.client.HTTPSConnection("localhost", port, timeout=5, context=trusted)
    ) as connection:
        try:
            connection.request("POST", "/", b"x")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None


def test_the_same_seed_answers_for_the_same_connections(backend: ThreadingHTTPServer) -> None:
    heard = []
    for _time in range(2):
        with FaultyLink(backend.server_port, "again") as link:
            link.begin(Fault.GARBAGE)
            answers = [said(link.port) for _ in range(20)]
            link.end()
        heard.append([a if isinstance(a, bytes) and _is_its_own(a) else b"" for a in answers])
    assert heard[0] == heard[1]
    assert len(set(heard[0])) == 3


def _is_its_own(text: bytes) -> bool:
    return b"<html>" in text or text.endswith(b'"na')
