"""The web server on a real socket: it starts, bounds what it takes, and stops cleanly."""

import http.client
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bot.web.server import LARGEST_BODY_BYTES, Server
from tests.support.web import Rig


class Slow:
    """A WSGI application that answers when it is let."""

    def __init__(self) -> None:
        self.busy = threading.Semaphore(0)
        self.go = threading.Event()

    def __call__(self, _environ, start_response):
        self.busy.release()
        assert self.go.wait(30)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"done " * 50_000]


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def server(slow: Slow) -> Iterator[Server]:
    server = Server(slow, port=0, threads=16)
    server.start()
    yield server
    slow.go.set()
    if server.is_alive():
        server.stop()


def ask(server: Server, answers: list[bytes]) -> threading.Thread:
    def run() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("GET", "/")
        answers.append(connection.getresponse().read())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_stopping_finishes_what_was_begun_and_takes_no_more(server, slow):
    answers: list[bytes] = []
    asking = [ask(server, answers) for _ in range(4)]
    for _ in asking:
        assert slow.busy.acquire(timeout=30)
    outcome: list[bool] = []
    stopping = threading.Thread(target=lambda: outcome.append(server.stop(timedelta(seconds=20))))
    stopping.start()
    slow.go.set()
    stopping.join(30)
    for thread in asking:
        thread.join(30)
    assert outcome == [True]
    assert answers == [b"done " * 50_000] * 4
    assert not server.is_alive()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_stopping_does_not_wait_for_ever(server, slow):
    answers: list[bytes] = []

    def run() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("GET", "/")
        with pytest.raises((http.client.HTTPException, OSError)):
            answers.append(connection.getresponse().read())
        connection.close()

    asking = threading.Thread(target=run)
    asking.start()
    assert slow.busy.acquire(timeout=30)
    assert server.stop(timedelta(milliseconds=300)) is False
    assert not server.is_alive()
    slow.go.set()
    asking.join(30)
    assert answers == []


def test_an_idle_connection_does_not_hold_up_the_stop(server, slow):
    with socket.create_connection(("127.0.0.1", server.port), timeout=30):
        assert server.stop(timedelta(seconds=20)) is True
        assert not server.is_alive()


@pytest.fixture
def app_server() -> Iterator[Server]:
    server = Server(Rig().app, port=0, threads=16)
    server.start()
    yield server
    server.stop()


def test_a_body_that_is_too_large_is_refused_unread(app_server):
    connection = http.client.HTTPConnection("127.0.0.1", app_server.port, timeout=30)
    connection.putrequest("POST", "/slack/events")
    connection.putheader("Content-Length", str(LARGEST_BODY_BYTES + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_headers_that_are_too_large_are_refused(app_server):
    connection = http.client.HTTPConnection("127.0.0.1", app_server.port, timeout=30)
    connection.request("GET", "/", headers={"X-Long": "x" * 40_000})
    assert connection.getresponse().status == 431
    connection.close()


def test_the_server_says_nothing_of_itself_and_believes_no_proxy_header(app_server):
    connection = http.client.HTTPConnection("127.0.0.1", app_server.port, timeout=30)
    headers = {"Host": "evil.example", "X-Forwarded-Host": "valetkey.acme.example"}
    connection.request("GET", "/", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 421
    assert answer.getheader("Server") is None
    connection.close()


def test_machines_ask_it_by_address(app_server):
    connection = http.client.HTTPConnection("127.0.0.1", app_server.port, timeout=30)
    connection.request("GET", "/livez")
    assert connection.getresponse().read() == b'{"status": "alive"}'
    connection.close()
