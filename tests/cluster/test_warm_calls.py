"""Calls over a connection that stands: the same answers as urllib3's, and none of another call."""

import gzip
import http.client
import io
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.playground.certs import Authority
from grants.authz.model import Question
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from grants.clusters.reply import Deadline
from grants.clusters.warm import (
    WarmPool,
    _exchange,
    header_lines,
    host_of,
    request_of,
    warm_up,
)
from grants.errors import ClusterUnavailable
from tests.support.scripted_server import Said, Script, ScriptedServer, write_kubeconfig

Serve = Callable[[Script], ScriptedServer]
At = Callable[..., KubernetesCluster]

UID = b'{"metadata": {"name": "kube-system", "uid": "u"}}'
QUESTION = Question("get", resource="pods", namespace="team")
ANOTHER = b'{"metadata": {"name": "kube-system", "uid": "another"}}'
SOON = timedelta(seconds=5)


def counted(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = b"".join(b"%s\r\n" % one for one in headers)
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, lines, len(body), body)


def chunked(*parts: bytes, headers: Sequence[bytes] = (), status: bytes = b"200 OK") -> bytes:
    lines = b"".join(b"%s\r\n" % one for one in (*headers, b"Transfer-Encoding: chunked"))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))
    return b"HTTP/1.1 %s\r\n%s\r\n%s" % (status, lines, chunks)


class RawServer:
    """Answers the first request of each connection well, and the others with raw bytes in turn.

    None in `raw` closes the connection instead. `asked` is each request as it came.
    """

    def __init__(self, raw: Sequence[bytes | None], context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self.asked: list[bytes] = []
        self.connections = 0
        self._raw = iter(raw)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        said: bytes | None = counted(UID)
        if self._context is not None:
            sock = self._context.wrap_socket(sock, server_side=True)
        try:
            while request := _request(sock):
                self.asked.append(request)
                if said is None:
                    break
                sock.sendall(said)
                said = next(self._raw, counted(UID))
        except OSError:
            pass  # the client has had enough
        sock.close()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for sock in self._open:
            sock.close()
        for thread in self._threads:
            thread.join(5)


def _request(sock: socket.socket) -> bytes:
    """Read one request; nothing at the end."""
    read = b""
    while b"\r\n\r\n" not in read:
        part = sock.recv(65536)
        if not part:
            return b""
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0
    )
    while len(body) < length:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def raw() -> Iterator[Callable[..., RawServer]]:
    started: list[RawServer] = []

    def start(*answers: bytes | None) -> RawServer:
        started.append(RawServer(answers))
        return started[-1]

    yield start
    for one in started:
        one.close()


Raw = Callable[..., RawServer]


def test_a_call_over_a_connection_that_stands_says_what_the_first_did(
    raw: Raw, cluster_at: At
) -> None:
    there = raw()
    cluster = cluster_at(there.url)
    assert [cluster.uid() for _ in range(3)] == ["u", "u", "u"]
    assert there.connections == 1
    said = [sorted(one.splitlines()) for one in there.asked]
    assert [line.lower() for line in said[0]] == [line.lower() for line in said[1]]
    assert said[1] == said[2]
    assert b"authorization: Bearer a-token" in said[1]


def test_a_path_in_the_address_goes_before_each_call(raw: Raw, cluster_at: At) -> None:
    there = raw()
    cluster = cluster_at(f"{there.url}/k8s/cl\xfcster one/%7E/")
    assert [cluster.uid(), cluster.uid()] == ["u", "u"]
    lines = {one.split(b"\r\n")[0] for one in there.asked}
    path = b"/k8s/cl%C3%BCster%20one/%7E/api/v1/namespaces/kube-system"
    assert lines == {b"GET " + path + b" HTTP/1.1"}


def test_a_body_is_sent_with_its_length(server: Serve, cluster_at: At) -> None:
    there = server(lambda asked: Said(201, {"status": {"allowed": len(asked.body) > 9}}))
    cluster = cluster_at(there.url)
    cluster.ready(there.url)
    assert cluster._reviews.ask("oidc:ada", (), (QUESTION, QUESTION), there.url)[1].allowed
    assert len(there.clients) == 1
    assert {one.headers["content-type"] for one in there.asked[1:]} == {"application/json"}
    assert there.asked[1].body == there.asked[2].body


@pytest.mark.parametrize(
    "answer",
    [
        counted(UID),
        counted(UID, b"Date: Mon, 30 Nov 2026 04:00:00 GMT", b"content-type:application/json"),
        counted(UID, b"Connection: keep-alive"),
        chunked(UID[:7], UID[7:]),
        b"HTTP/1.1 100 Continue\r\n\r\n" + counted(UID),
        counted(gzip.compress(UID), b"Content-Encoding: gzip"),
    ],
    ids=["counted", "headers", "keep-alive", "chunked", "continue", "gzip"],
)
def test_an_answer_of_any_form_is_read_and_the_connection_kept(
    raw: Raw, cluster_at: At, answer: bytes
) -> None:
    there = raw(answer, answer, answer)
    cluster = cluster_at(there.url)
    assert [cluster.uid() for _ in range(4)] == ["u"] * 4
    assert there.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        counted(UID, b"Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(UID), UID),
        chunked(UID) + counted(ANOTHER),
    ],
    ids=["close", "old", "chunked-and-more"],
)
def test_a_connection_that_is_not_as_it_was_serves_no_other_call(
    raw: Raw, cluster_at: At, answer: bytes
) -> None:
    there = raw(answer)
    cluster = cluster_at(there.url)
    assert [cluster.uid() for _ in range(3)] == ["u"] * 3
    assert there.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        counted(UID) + counted(ANOTHER),
        counted(UID) + b"\n",
        counted(UID)[:-1],
        None,
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n{}",
        counted(b"{}", b"Content-Encoding: gzip"),
    ],
    ids=[
        "two-answers",
        "a-byte-more",
        "a-byte-less",
        "closed",
        "silent",
        "nothing",
        "no-http",
        "two-lengths",
        "no-chunk",
        "many-headers",
        "long-header",
        "huge",
        "no-gzip",
    ],
)
def test_an_answer_that_is_none_is_not_believed_and_its_connection_closed(
    raw: Raw, cluster_at: At, answer: bytes | None
) -> None:
    there = raw(answer)
    cluster = cluster_at(there.url)
    assert cluster.uid() == "u"
    with pytest.raises(ClusterUnavailable):
        cluster.uid()
    assert cluster.uid() == "u"
    assert there.connections == 2


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next(
    raw: Raw, cluster_at: At
) -> None:
    """It comes while the connection rests: believed, it would be the answer to another question."""
    there = raw()
    cluster = cluster_at(there.url)
    assert [cluster.uid(), cluster.uid()] == ["u", "u"]
    there._open[0].sendall(counted(ANOTHER))
    (door,) = cluster._connections._doors.values()
    assert door._pool is not None
    resting = [one.sock for one in door._pool.pool.queue if one is not None]
    assert select.select(resting, [], [], 5)[0] == resting
    assert cluster.uid() == "u"
    assert there.connections == 2


def test_a_server_that_hangs_or_drips_is_given_up_and_its_connection_closed(
    raw: Raw, cluster_at: At
) -> None:
    there = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    cluster = cluster_at(there.url)
    assert cluster.uid() == "u"
    with pytest.raises(ClusterUnavailable, match="no answer in time"):
        cluster.uid()
    assert cluster.uid() == "u"
    assert there.connections == 2


def test_what_goes_wrong_is_said_in_the_systems_words(raw: Raw, cluster_at: At) -> None:
    there = raw(None)
    cluster = cluster_at(there.url)
    cluster.uid()
    with pytest.raises(ClusterUnavailable) as caught:
        cluster.uid()
    assert caught.value.detail == "ProtocolError"


def test_over_tls_the_connection_stands_as_well(tmp_path: Path) -> None:
    authority = Authority.in_folder(tmp_path / "authority")
    there = RawServer((chunked(UID),), authority.leaf("server").server_context())
    path = write_kubeconfig(tmp_path / "kubeconfig", there.url.replace("http:", "https:"))
    content = yaml.safe_load(path.read_text())
    content["clusters"][0]["cluster"]["certificate-authority"] = str(authority.ca_file)
    path.write_text(yaml.safe_dump(content))
    cluster = KubernetesCluster(ClusterConfig("prod", "inst-x", kubeconfig=path), SystemClock())
    assert [cluster.uid() for _ in range(3)] == ["u"] * 3
    assert there.connections == 1
    cluster.close()
    there.close()


def test_a_request_is_one_request() -> None:
    for target in ("/a b", "/a\r\nX: y", "/a\x00", "a", "/\xe4"):
        with pytest.raises(ValueError, match="not one"):
            request_of("GET", target, b"h", b"", None)
    for value in ("a\r\nX: y", "a\nb", "a\x00", "\u20ac"):
        with pytest.raises(ValueError, match="not one"):
            header_lines({"Authorization": value})


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.example.com", b"api.example.com"),
        ("https://api.example.com:443", b"api.example.com"),
        ("https://api.example.com:6443", b"api.example.com:6443"),
        ("https://[::1]:6443", b"[::1]:6443"),
        ("http://127.0.0.1", b"127.0.0.1"),
    ],
)
def test_whom_a_request_is_for_is_said_as_http_client_says_it(url: str, host: bytes) -> None:
    manager = urllib3.PoolManager()
    warm_up(manager)
    pool = manager.connection_from_url(url)
    assert isinstance(pool, WarmPool)
    assert host_of(pool) == host


class Parts:
    """A socket whose bytes come in these parts."""

    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = list(parts)

    def settimeout(self, value: float | None) -> None:
        pass

    def sendall(self, data: bytes) -> None:
        pass

    def recv(self, size: int) -> bytes:
        if not self._parts:
            return b""
        part, self._parts[0] = self._parts[0][:size], self._parts[0][size:]
        if not self._parts[0]:
            self._parts.pop(0)
        return part

    def makefile(self, _mode: str) -> Any:
        return io.BytesIO(b"".join(self._parts))


def by_http_client(answer: bytes) -> tuple[int, bytes]:
    raw = http.client.HTTPResponse(Parts([answer]), method="GET")  # type: ignore[arg-type] # what it needs of a socket
    raw.begin()
    return raw.status, raw.read()


def cut(answer: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(answer)) for place in places} | {len(answer)})
    parts = [answer[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    return [part for part in parts if part]


NAMES = st.sampled_from([b"Date", b"X-One", b"audit-id", b"Content-Type", b"Connection"])
VALUES = st.binary(max_size=20).filter(lambda v: not set(v) & {0, 10, 13})
BODIES = st.binary(max_size=200)
CUTS = st.lists(st.integers(1, 400), max_size=6)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Well-formed answers, with or without a length, in chunks or in one piece."""
    status = draw(st.sampled_from([b"200 OK", b"201 Created", b"404", b"409 Conflict", b"503 x y"]))
    names = draw(st.lists(NAMES, unique=True, max_size=3))
    headers = [b"%s: %s" % (name, draw(VALUES)) for name in names]
    if draw(st.booleans()):
        return counted(draw(BODIES), *headers, status=status)
    chunks = draw(st.lists(BODIES.filter(bool), max_size=4))
    return chunked(*chunks, headers=headers, status=status)


@given(answers(), CUTS)
def test_an_answer_is_what_http_client_reads_however_it_is_cut(
    answer: bytes, places: list[int]
) -> None:
    reply, _ = _exchange(Parts(cut(answer, places)), "GET", b"", Deadline(SOON))
    assert (reply.status, reply.body) == by_http_client(answer)


@given(answers(), st.binary(min_size=1, max_size=50), CUTS)
def test_with_more_behind_it_no_answer_keeps_its_connection(
    answer: bytes, more: bytes, places: list[int]
) -> None:
    """Where the cut falls between them, the pool's look at the socket finds the rest."""
    sock = Parts(cut(answer + more, places))
    try:
        _, keep = _exchange(sock, "GET", b"", Deadline(SOON))
    except (http.client.HTTPException, OSError):
        return
    assert not keep or b"".join(sock._parts) == more


@given(answers(), st.integers(0, 400), CUTS)
def test_an_answer_that_breaks_off_is_an_error(answer: bytes, end: int, places: list[int]) -> None:
    """But for the empty line behind the last chunk: all was said before it."""
    sock = Parts(cut(answer[: min(end, len(answer) - 1)], places))
    try:
        reply, _ = _exchange(sock, "GET", b"", Deadline(SOON))
    except (http.client.HTTPException, urllib3.exceptions.HTTPError, OSError):
        return
    assert b"chunked" in answer
    assert (reply.status, reply.body) == by_http_client(answer)
