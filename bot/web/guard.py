"""What stands before every request: its host, room for it, an id, and headers on every answer."""

import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import falcon
from prometheus_client import CollectorRegistry, Counter, Histogram

from bot.logs import bind_log_ids, get_logger, unbind_log_ids
from grants.ids import Prefix, new_id

PAGES: Final = "pages"
SLACK: Final = "slack"
HEALTH: Final = "health"
METRICS: Final = "metrics"
AUDIT: Final = "audit"

_SURFACES: Final = (
    ("/slack/", SLACK),
    ("/audit/", AUDIT),
    ("/livez", HEALTH),
    ("/readyz", HEALTH),
    ("/metrics", METRICS),
)
# Asked by machines inside, by address: kubelet, Prometheus and API servers know no public name.
_ANY_HOST: Final = frozenset({AUDIT, HEALTH, METRICS})
# An audit log may be a flood, and nobody waits for it: senders keep what is answered by 503.
_AUDIT_THREADS: Final = 3

_log = get_logger("web")


def shares(threads: int, *, audit: bool = False) -> Mapping[str, int]:
    """Share out threads, so that no surface can use up another's.

    One thread is nobody's: it says 503 at once to whom there is no room for.
    """
    own = {HEALTH: 3, METRICS: 1} | ({AUDIT: _AUDIT_THREADS} if audit else {})
    rest = threads - sum(own.values()) - 1
    slack = rest * 2 // 3
    return {SLACK: slack, PAGES: rest - slack, **own}


def surface_of(path: str) -> str:
    """Tell which surface a path belongs to."""
    return next((name for start, name in _SURFACES if path.startswith(start)), PAGES)


class HostCheck:
    """Refuses requests for other hosts: what we say of ourselves must not come from a header."""

    def __init__(self, public_url: str) -> None:
        parts = urlsplit(public_url)
        netloc = parts.netloc.lower()
        self._hosts = {netloc} if parts.port else {netloc, f"{netloc}:443"}

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Look at the host that was asked for."""
        if surface_of(req.path) in _ANY_HOST:
            return
        if req.env.get("HTTP_HOST", "").lower() not in self._hosts:
            raise falcon.HTTPError(falcon.HTTP_421)


class Room:
    """Counts what runs on each surface; when one is full, the next is told so at once."""

    def __init__(self, threads: int, *, audit: bool = False) -> None:
        room = shares(threads, audit=audit)
        self._room = {name: threading.Semaphore(n) for name, n in room.items()}

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Take a place."""
        place = self._room.get(surface_of(req.path), self._room[PAGES])
        if not place.acquire(blocking=False):
            raise falcon.HTTPServiceUnavailable(retry_after=1)
        req.context.place = place

    def process_response(self, req: falcon.Request, _resp: falcon.Response, *_rest: object) -> None:
        """Give the place back. Answers are whole by now; sending them takes no thread's place."""
        place = getattr(req.context, "place", None)
        if place is not None:
            place.release()


class Headers:
    """Puts what browsers must know on every answer."""

    # No script, no frame, no other host. Forms go here alone: the way to a login leads over a page
    # of its own, because browsers hold redirects after a form to this list, too, and nobody knows
    # all hosts that a company's login leads over.
    _POLICY = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    _ALL: Final = {
        "Content-Security-Policy": _POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        # Not `no-referrer`: with it browsers send `Origin: null` with our own forms.
        "Referrer-Policy": "same-origin",
        "Strict-Transport-Security": "max-age=31536000",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }

    def process_response(self, _req: falcon.Request, resp: falcon.Response, *_rest: object) -> None:
        """Set the headers."""
        resp.set_headers(self._ALL)
        if resp.get_header("Cache-Control") is None:
            resp.set_header("Cache-Control", "no-store")


class RequestLog:
    """Gives each request an id, and counts, times and logs it: by its route, never by its path."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._count = Counter(
            "valetkey_http_requests",
            "Requests answered, by surface, method and status.",
            ("surface", "method", "status"),
            registry=registry,
        )
        self._time = Histogram(
            "valetkey_http_request_duration_seconds",
            "How long requests took, by surface.",
            ("surface",),
            registry=registry,
        )

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Give the request its id and look at the clock."""
        req.context.number = new_id(Prefix.WEB_REQUEST)
        req.context.began_at = time.monotonic()
        req.context.log_ids = bind_log_ids(request_id=req.context.number)

    def process_response(self, req: falcon.Request, resp: falcon.Response, *_rest: object) -> None:
        """Count and log the answer."""
        took_seconds = time.monotonic() - req.context.began_at
        surface, status = surface_of(req.path), str(falcon.code_to_http_status(resp.status))[:3]
        method = req.method if req.method in falcon.HTTP_METHODS else "other"
        self._count.labels(surface, method, status).inc()
        self._time.labels(surface).observe(took_seconds)
        extra: dict[str, Any] = {
            "method": method,
            # A path may hold a sign-in link's secret; the route that it matched does not.
            "route": req.uri_template or "none",
            "status": int(status),
            "took_seconds": round(took_seconds, 4),
        }
        level = "debug" if surface in _ANY_HOST else "info"
        getattr(_log, level)("request", extra=extra)
        unbind_log_ids(req.context.log_ids)
