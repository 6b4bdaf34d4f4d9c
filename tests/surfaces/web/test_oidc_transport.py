"""A provider that is slow, broken or hostile costs a sign-in, never the bot."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.web.oidc import ProviderSettings
from bot.web.oidc.transport import LARGEST_ANSWER_BYTES, Transport
from grants.errors import LoginRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.playground.certs import Authority

pytestmark = pytest.mark.security("P3")

Act = "Callable[[BaseHTTPRequestHandler], None]"
PROMPT = timedelta(seconds=5)
IMPATIENT = timedelta(milliseconds=300)


@dataclass
class Server:
    """One https server whose next answer a test writes itself; `seen` are the paths asked."""

    url: str
    ca_file: Path
    act: Act = None
    seen: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def settings(self, timeout: timedelta = PROMPT) -> ProviderSettings:
        return ProviderSettings(
            name="company",
            issuer=self.url,
            client_id="valetkey",
            client_secret="s3cret",
            redirect_uri="https://valetkey.example.com/callback",
            ca_file=self.ca_file,
            timeout=timeout,
        )

    def say(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        def act(handler):
            handler.send_response(status)
            for name, value in headers:
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        self.act = act


@pytest.fixture
def server(authority: Authority) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            here.seen.append(self.path)
            here.headers.append(dict(self.headers))
            length = int(self.headers.get("Content-Length") or 0)
            here.bodies.append(self.rfile.read(length).decode())
            # Whoever asks may hang up in the middle: that is what some tests are about.
            try:
                here.act(self)
            except OSError:
                self.close_connection = True

        do_POST = do_GET  # noqa: N815 # http.server's name

        def log_message(self, *args):
            """Say nothing."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.handle_error = lambda request, address: None
    context = authority.leaf("oidc-server").server_context()
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    here = Server(f"https://localhost:{httpd.server_port}", authority.ca_file)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield here
    here.released.set()
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def _why(server: Server, timeout: timedelta = PROMPT) -> str:
    with pytest.raises(LoginRefused) as refused:
        Transport(server.settings(timeout)).get_json(f"{server.url}/x", malformed="malformed")
    assert refused.value.__cause__ is None
    return refused.value.why


def test_a_json_object_is_read(server):
    server.say(200, b'{"a": 1}')
    assert Transport(server.settings()).get_json(f"{server.url}/x", malformed="m") == {"a": 1}
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (200, b"[]", "malformed"),
        (200, b"<html>", "malformed"),
        (200, b"[" * 100_000, "malformed"),
        (200, b"\xff\xfe", "malformed"),
        (404, b"{}", "malformed"),
        (204, b"", "malformed"),
        (500, b"{}", "unavailable"),
        (503, b"{}", "unavailable"),
    ],
)
def test_what_is_no_good_answer_is_refused(server, status, body, why):
    server.say(status, body)
    assert _why(server) == why


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/elsewhere", "https://localhost:1/", "http://localhost:1/"])
def test_no_redirect_is_followed(server, status, target):
    server.say(status, b"", ("Location", target))
    assert _why(server) == "redirected"
    assert server.seen == ["/x"]


def test_an_answer_without_end_is_cut_off(server):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while not server.released.is_set():
            handler.wfile.write(b" " * 65536)

    server.act = endless
    assert _why(server) == "too-large"


def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off(server):
    bomb = gzip.compress(b" " * (LARGEST_ANSWER_BYTES * 40))
    assert len(bomb) < LARGEST_ANSWER_BYTES
    server.say(200, bomb, ("Content-Encoding", "gzip"))
    assert _why(server) == "too-large"


def test_an_answer_of_the_largest_size_is_read(server):
    server.say(200, b"{}" + b" " * (LARGEST_ANSWER_BYTES - 2))
    assert Transport(server.settings()).get_json(f"{server.url}/x", malformed="m") == {}


def test_a_provider_that_never_answers_is_left_in_time(server):
    server.act = lambda handler: server.released.wait()
    started = time.monotonic()
    assert _why(server, IMPATIENT) == "unavailable"
    assert time.monotonic() - started < 3


def test_a_provider_that_drips_is_left_in_time(server):
    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        while not server.released.wait(0.02):
            handler.wfile.write(b" ")

    server.act = drip
    started = time.monotonic()
    assert _why(server, IMPATIENT) == "unavailable"
    assert time.monotonic() - started < 3


def test_a_provider_that_hangs_up_is_unavailable(server):
    def hang_up(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()

    server.act = hang_up
    assert _why(server) == "unavailable"


def test_nobody_there_is_unavailable(server):
    gone = replace(server.settings(), issuer="https://localhost:9")
    with pytest.raises(LoginRefused) as refused:
        Transport(gone).get_json("https://localhost:9/", malformed="m")
    assert refused.value.why == "unavailable"


def test_a_certificate_of_another_authority_is_refused(server, tmp_path):
    server.say(200, b"{}")
    foreign = replace(server.settings(), ca_file=None)
    with pytest.raises(LoginRefused) as refused:
        Transport(foreign).get_json(f"{server.url}/x", malformed="m")
    assert refused.value.why == "unavailable"
    assert server.seen == []


def test_the_environment_can_not_name_another_authority(server, monkeypatch, tmp_path):
    (tmp_path / "empty.pem").touch()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    server.say(200, b"{}")
    assert Transport(server.settings()).get_json(f"{server.url}/x", malformed="m") == {}


def test_passwords_of_the_home_folder_are_not_sent(server, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine localhost login me password canary\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server.say(200, b"{}")
    Transport(server.settings()).get_json(f"{server.url}/x", malformed="m")
    assert "Authorization" not in server.headers[0]


def test_plain_http_is_never_spoken(server):
    with socket.create_server(("127.0.0.1", 0)) as plain:
        address = f"http://127.0.0.1:{plain.getsockname()[1]}/"
        with pytest.raises(LoginRefused) as refused:
            Transport(server.settings(IMPATIENT)).get_json(address, malformed="m")
        plain.setblocking(False)
        with pytest.raises(BlockingIOError):
            plain.accept()
    assert refused.value.why == "unavailable"


def test_a_code_is_redeemed_with_its_verifier_and_the_client_s_secret(server):
    server.say(200, b'{"id_token": "t", "access_token": "a", "token_type": "Bearer"}')
    said = Transport(server.settings()).redeem(f"{server.url}/token", "the code", "the verifier")
    assert said["id_token"] == "t"
    form = {name: values[0] for name, values in parse_qs(server.bodies[0]).items()}
    assert form == {
        "grant_type": "authorization_code",
        "code": "the code",
        "code_verifier": "the verifier",
        "redirect_uri": "https://valetkey.example.com/callback",
    }
    assert server.headers[0]["Authorization"].startswith("Basic ")


def test_slack_s_way_puts_the_secret_in_the_form_and_knows_no_verifier(server):
    server.say(200, b'{"ok": true, "id_token": "t", "access_token": "a"}')
    settings = replace(server.settings(), token_auth="client_secret_post", pkce=False)
    Transport(settings).redeem(f"{server.url}/token", "the code", "")
    form = parse_qs(server.bodies[0])
    assert form["client_secret"] == ["s3cret"]
    assert "code_verifier" not in form
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (400, b'{"error": "invalid_grant", "error_description": "canary"}', "code-refused"),
        (401, b'{"error": "invalid_client"}', "code-refused"),
        (200, b'{"ok": false, "error": "invalid_code"}', "code-refused"),
        (200, b'{"error": 7}', "code-refused"),
        (200, b"canary", "token-malformed"),
        (200, b"[]", "token-malformed"),
        (200, b'{"expires_in": "soon"}', "token-malformed"),
        (200, b'{"expires_in": [1]}', "token-malformed"),
        (429, b"slow down", "unavailable"),
        (500, b"{}", "unavailable"),
    ],
)
def test_a_token_endpoint_that_gives_no_token_is_refused(server, status, body, why):
    server.say(status, body)
    with pytest.raises(LoginRefused) as refused:
        Transport(server.settings()).redeem(f"{server.url}/token", "the code", "v")
    assert refused.value.why == why
    assert "canary" not in repr(refused.value)
    assert refused.value.__suppress_context__


def test_the_browser_is_sent_with_everything_that_is_demanded(server):
    url = Transport(server.settings()).authorization_url(
        f"{server.url}/auth?tenant=one", {"state": "s", "nonce": "n", "max_age": "60"}, "v" * 43
    )
    said = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    challenge = said.pop("code_challenge")
    assert len(challenge) == 43
    assert "v" * 43 not in url
    assert said == {
        "tenant": "one",
        "response_type": "code",
        "client_id": "valetkey",
        "redirect_uri": "https://valetkey.example.com/callback",
        "scope": "openid email profile groups",
        "state": "s",
        "nonce": "n",
        "max_age": "60",
        "code_challenge_method": "S256",
    }


def test_without_pkce_no_challenge_is_sent(server):
    settings = replace(server.settings(), pkce=False)
    url = Transport(settings).authorization_url(f"{server.url}/auth", {"state": "s"}, "")
    assert "code_challenge" not in url
