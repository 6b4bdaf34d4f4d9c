"""What machines ask: is it alive, is it ready, and how much of what."""

import hmac
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import falcon
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bot.logs import get_logger
from bot.web.ports import Check
from grants.errors import ValetkeyError

_KEEP_SECONDS: Final = 1.0
_KEEP_FAILED_SECONDS: Final = 0.1
"""What is not well may be so in a moment, at a start above all."""

_log = get_logger("web.health")


class Live:
    """Answers as long as requests are answered at all; looks at nothing else.

    A restart would not bring back a database: that is readiness's to say.
    """

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Say that this process answers."""
        resp.media = {"status": "alive"}


class Ready:
    """Runs the checks, one run at a time, its outcome kept for a second; a tenth if one failed."""

    def __init__(
        self,
        checks: Sequence[Check],
        registry: CollectorRegistry,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._checks = tuple(checks)
        self._ticks = ticks
        self._lock = threading.Lock()
        self._found: dict[str, str | None] = {}
        self._found_at: float | None = None
        self._gauge = Gauge(
            "valetkey_check_ok",
            "Whether a readiness check passed when it was last run (1) or not (0).",
            ("check",),
            registry=registry,
        )

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """Say what is well and what is not; 503 when something vital is not."""
        found = self._look()
        failed = {check.name for check in self._checks if found[check.name] is not None}
        vital = {check.name for check in self._checks if check.vital}
        resp.status = falcon.HTTP_503 if failed & vital else falcon.HTTP_200
        status = "not ready" if failed & vital else "degraded" if failed else "ready"
        checks = {name: "ok" if word is None else word for name, word in found.items()}
        resp.data = json.dumps({"status": status, "checks": checks}).encode()
        resp.content_type = falcon.MEDIA_JSON

    def _look(self) -> dict[str, str | None]:
        with self._lock:
            failed = any(word is not None for word in self._found.values())
            keep = _KEEP_FAILED_SECONDS if failed else _KEEP_SECONDS
            if self._found_at is None or self._ticks() - self._found_at >= keep:
                self._found = {check.name: self._ask(check) for check in self._checks}
                self._found_at = self._ticks()
            return self._found

    def _ask(self, check: Check) -> str | None:
        try:
            word = check.ask()
        except ValetkeyError as error:
            word = error.code
        except Exception:  # noqa: BLE001 - a check that breaks must be told like one that fails
            _log.exception("a readiness check broke", extra={"check": check.name})
            word = "broken"
        self._gauge.labels(check.name).set(0 if word else 1)
        return word


class Metrics:
    """Figures for Prometheus; they name nobody, so a bearer token is asked for only where set."""

    def __init__(self, registry: CollectorRegistry, token: str | None) -> None:
        self._registry = registry
        self._token = token

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Give every figure in Prometheus' text format."""
        if self._token is not None:
            given = (req.get_header("Authorization") or "").encode()
            if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
                raise falcon.HTTPUnauthorized(challenges=["Bearer"])
        resp.data = generate_latest(self._registry)
        resp.content_type = CONTENT_TYPE_LATEST
