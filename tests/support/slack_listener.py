"""An app made of one function, reached by signed HTTP or by Socket Mode, for tests of delivery."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs

import requests
import websocket

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.playground.slack import SlackDouble

Json = dict[str, Any]
Answer = tuple[int, Json | None]


class HttpListener:
    """Answers each request by `answer(payload)`, and keeps headers and raw bodies."""

    def __init__(
        self, answer: Callable[[Json], Answer], headers: dict[str, str] | None = None
    ) -> None:
        listener = self
        self.requests: list[tuple[dict[str, str], bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.requests.append((dict(self.headers), body))
                status, said = answer(_payload(self.headers["Content-Type"], body))
                content = b"" if said is None else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/slack"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _payload(mime: str, body: bytes) -> Json:
    if mime.startswith("application/json"):
        parsed: Json = json.loads(body)
        return parsed
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    inner: Json = json.loads(form["payload"]) if "payload" in form else form
    return inner


def connect(double: SlackDouble) -> websocket.WebSocket:
    """Open one Socket Mode connection as an app would, and read its hello."""
    socket = websocket.create_connection(new_url(double), timeout=5)
    hello = json.loads(socket.recv())
    assert hello["type"] == "hello"
    return socket


def new_url(double: SlackDouble) -> str:
    """Ask apps.connections.open."""
    headers = {"Authorization": f"Bearer {double.app.app_token}"}
    answer = requests.post(f"{double.api_url}apps.connections.open", headers=headers, timeout=5)
    body: Json = answer.json()
    if not body["ok"]:
        raise PermissionError(body["error"])
    return str(body["url"])
