"""The byte relay: https taken off, a stall that loses nothing, and an end that frees the port."""

from __future__ import annotations

import contextlib
import socket
import threading
from datetime import timedelta

import pytest

from bot.playground.certs import Authority
from bot.playground.processes import free_port, wait_until
from bot.playground.relay import Relay
from bot.playground.tls_front import tls_front

SOON = timedelta(seconds=10)


@pytest.fixture
def echo():
    """A plain server that answers every byte and closes when its client is done."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            with connection:
                while chunk := connection.recv(65536):
                    connection.sendall(chunk)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def read_all(connection: socket.socket) -> bytes:
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def test_bytes_pass_both_ways_and_a_half_close_too(echo):
    sent = bytes(range(256)) * 4096
    with Relay(echo) as relay, socket.create_connection(("127.0.0.1", relay.port)) as client:
        writer = threading.Thread(
            target=lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR))
        )
        writer.start()
        assert read_all(client) == sent
        writer.join()


def test_a_pause_stalls_open_and_new_connections_and_loses_nothing(echo):
    with Relay(echo) as relay, socket.create_connection(("127.0.0.1", relay.port)) as client:
        client.sendall(b"a")
        assert client.recv(1) == b"a"
        relay.pause()
        client.sendall(b"b")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        with socket.create_connection(("127.0.0.1", relay.port)) as late:
            late.sendall(b"c")
            late.settimeout(0.2)
            with pytest.raises(TimeoutError):
                late.recv(1)
            relay.resume()
            client.settimeout(10)
            assert client.recv(1) == b"b"
            client.close()
            late.settimeout(10)
            assert late.recv(1) == b"c"


def test_a_backend_that_is_away_closes_the_connection():
    with (
        Relay(free_port()) as relay,
        socket.create_connection(("127.0.0.1", relay.port)) as client,
    ):
        client.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(1) == b""


def test_stop_frees_the_port_with_connections_open(echo):
    relay = Relay(echo)
    relay.start()
    with socket.create_connection(("127.0.0.1", relay.port)):
        relay.stop()
    with socket.create_server(("127.0.0.1", relay.port)):
        pass


def test_a_taken_port_is_an_error_and_leaves_no_thread(echo):
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Relay(echo, port=taken.getsockname()[1]).start()
    wait_until(lambda: threading.active_count() <= before, within=SOON, what="the thread gone")


def test_https_is_taken_off_for_those_who_trust_the_authority(echo, tmp_path):
    ours, foreign = Authority.in_folder(tmp_path / "a"), Authority.in_folder(tmp_path / "b")
    with tls_front(echo, ours.leaf("front")) as front:
        for name in ("localhost", "127.0.0.1"):
            plain = socket.create_connection(("127.0.0.1", front.port))
            with ours.client_context().wrap_socket(plain, server_hostname=name) as client:
                client.sendall(b"hello")
                assert client.recv(5) == b"hello"
        plain = socket.create_connection(("127.0.0.1", front.port))
        with plain, pytest.raises(OSError, match="certificate verify failed"):
            foreign.client_context().wrap_socket(plain, server_hostname="localhost")


def test_the_authority_is_kept_and_its_keys_are_private(tmp_path):
    first = Authority.in_folder(tmp_path / "ca")
    leaf = first.leaf("x")
    again = Authority.in_folder(tmp_path / "ca")
    assert again.ca_pem == first.ca_pem
    assert (tmp_path / "ca").stat().st_mode & 0o777 == 0o700
    for secret in (leaf.key_file, tmp_path / "ca" / "ca.key"):
        assert secret.stat().st_mode & 0o777 == 0o600
