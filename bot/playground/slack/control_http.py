"""The control API by HTTP: POST /<verb> with a JSON object of its arguments, loopback only."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, is_dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.playground.slack.control import Control

HOST = "127.0.0.1"


def _verbs(control: Control) -> dict[str, Callable[..., Any]]:
    """Return what may be asked for."""
    return {
        "inject": control.inject,
        "lift": control.lift,
        "reseed": control.reseed,
        "lift_rate_limits": control.lift_rate_limits,
        "outage": control.outage,
        "end_outage": control.end_outage,
        "plan_outages": control.plan_outages,
        "connections": control.connections,
        "silence": control.silence,
        "half_close": control.half_close,
        "reset_socket": control.reset_socket,
        "cut_frame": control.cut_frame,
        "warn": control.warn,
        "refresh": control.refresh,
        "refresh_every": control.refresh_every,
        "disable_link": control.disable_link,
        "enable_link": control.enable_link,
        "hinder": control.hinder,
        "hold": control.hold,
        "release": control.release,
        "redeliver": control.redeliver,
        "compress": control.compress,
        "retry_events": control.retry_events,
        "click": lambda user, channel, ts, action: control.click(user, (channel, ts), action),
        "slash": control.slash,
        "change_user": control.change_user,
        "change_channel": control.change_channel,
        "change_usergroup": control.change_usergroup,
        "delete_message": lambda channel, ts: control.delete_message((channel, ts)),
        "rotate_bot_token": control.rotate_bot_token,
        "rotate_app_token": control.rotate_app_token,
        "rotate_signing_secret": control.rotate_signing_secret,
        "log": control.log,
        "keep_log": control.keep_log,
    }


class ControlServer:
    """Serves the verbs on 127.0.0.1:`port`.

    It asks for JSON and for its own name as Host, so that no page in a browser can drive it.
    """

    def __init__(self, control: Control, port: int) -> None:
        verbs = _verbs(control)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                status, said = _answer(
                    verbs, urlsplit(self.path).path, dict(self.headers), self.rfile.read(size)
                )
                content = json.dumps(said, default=_plain).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Say nothing: the double has its own log."""

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="slack-control", daemon=True
        )

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


def _answer(
    verbs: dict[str, Callable[..., Any]], path: str, headers: dict[str, str], body: bytes
) -> tuple[int, Any]:
    host = headers.get("Host", "").rpartition(":")[0]
    if host not in (HOST, "localhost"):
        return 403, {"error": "this API is for this machine only"}
    if headers.get("Content-Type", "").partition(";")[0] != "application/json":
        return 415, {"error": "send application/json"}
    verb = verbs.get(path.strip("/"))
    if verb is None:
        return 404, {"error": f"no such verb; there are {sorted(verbs)}"}
    try:
        given = json.loads(body or b"{}")
        return 200, {"result": verb(**{name: _tuple(value) for name, value in given.items()})}
    except (TypeError, ValueError, LookupError, AttributeError, RuntimeError, AssertionError) as no:
        return 400, {"error": f"{type(no).__name__}: {no}"}


def _tuple(value: Any) -> Any:
    """Return a JSON list as the tuple that a range is."""
    return tuple(value) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {k: v for k, v in asdict(value).items() if not k.startswith("_") and k != "dice"}
    return str(value)
