"""Takes audit events: from Kubernetes' own webhook, and from log shippers as lines of JSON.

Neither can be asked anything, and both send again what was not answered in time. So each batch is
kept in one transaction before it is answered, under a key of its bytes: sent again, it does
nothing, and one that fails has done nothing.
"""

import hashlib
import threading
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final, Protocol

import falcon

from bot.logs import get_logger
from bot.web.audit_tokens import Digests, may_send
from grants.usage.blocks import Inflating
from grants.usage.folded import BROKEN, CUT_OFF, TOO_LONG, Folded, Part
from grants.usage.ports import UsagePorts
from grants.usage.reading import Reader
from grants.usage.take_in import TakeIn, take_in
from grants.usage.times import as_text
from grants.usage.window import Window

LARGEST_INFLATED_BYTES: Final = 16 * 1024 * 1024
"""A body may be so large once it is unpacked; the server's own limit is for what is sent."""
_PACKED: Final = frozenset({"gzip", "x-gzip"})
_PLAIN: Final = frozenset({"", "identity"})
_GZIP: Final = b"\x1f\x8b"
_UNREADABLE: Final = (BROKEN, CUT_OFF, TOO_LONG)
_PIECE_BYTES: Final = 64 * 1024

_log = get_logger("web.audit")


class IntakeMeter(Protocol):
    """Is told what came in."""

    def batch(self, cluster: str, outcome: str) -> None:
        """Hear of a batch: `taken`, `known`, or the word for why it was refused."""
        ...

    def events(self, cluster: str, folded: Folded) -> None:
        """Hear what became of a batch's events."""
        ...


class AuditIntake:
    """One address for each cluster that has a token."""

    def __init__(
        self, ports: UsagePorts, digests: Callable[[], Digests], meter: IntakeMeter
    ) -> None:
        self._ports = ports
        self._digests = digests
        self._meter = meter
        self._lock = threading.Lock()
        self._windows: dict[str, Window] = {}

    def on_post(self, req: falcon.Request, resp: falcon.Response, cluster: str) -> None:
        """Take a batch in. Nothing of it is looked at before it is known who sends it."""
        self._check(req, cluster)
        body: bytes = req.bounded_stream.read()
        data = self._inflated(req, cluster, body)
        command, folded, batch = self._read(cluster, body, data)
        if not take_in(command, ports=self._ports):
            self._meter.batch(cluster, "known")
            resp.media = {"events": 0, "known": True}
            return
        with self._lock:
            self._window(cluster).add(batch)
        self._meter.batch(cluster, "taken")
        self._meter.events(cluster, folded)
        resp.media = _answer(folded)

    def _check(self, req: falcon.Request, cluster: str) -> None:
        scheme, _, token = (req.get_header("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not may_send(self._digests(), cluster, token.strip()):
            # The name came from outside: as a label it would be a new series for each guess.
            self._meter.batch("", "unknown")
            raise falcon.HTTPUnauthorized(challenges=["Bearer"])

    def _inflated(self, req: falcon.Request, cluster: str, body: bytes) -> bytes:
        packing = (req.get_header("Content-Encoding") or "").strip().lower()
        if packing not in _PACKED | _PLAIN:
            self._meter.batch(cluster, "packing")
            raise falcon.HTTPUnsupportedMediaType
        inflating = Inflating(BytesIO(body))
        data = bytearray()
        while piece := inflating.read(_PIECE_BYTES):
            data += piece
            if len(data) > LARGEST_INFLATED_BYTES:
                self._lose(cluster, TOO_LONG, "too-large")
                raise falcon.HTTPContentTooLarge
        if inflating.is_broken or data.startswith(_GZIP):
            raise self._unreadable(cluster)
        return bytes(data)

    def _read(self, cluster: str, body: bytes, data: bytes) -> tuple[TakeIn, Folded, Window]:
        batch = self._window(cluster).behind()
        reader = Reader(self._ports.clock.now(), cluster, {cluster: batch})
        reader.read(BytesIO(data))
        folded = reader.folded
        if not folded.events and any(folded.words[word] for word in _UNREADABLE):
            raise self._unreadable(cluster)
        digest = hashlib.sha256(body).hexdigest()
        return TakeIn(f"batch:{cluster}:{digest}", folded.parts), folded, batch

    def _unreadable(self, cluster: str) -> falcon.HTTPError:
        self._lose(cluster, BROKEN, "unreadable")
        return falcon.HTTPBadRequest()

    def _lose(self, cluster: str, word: str, outcome: str) -> None:
        """Keep that something was lost: nobody sends again what was refused for good."""
        _log.warning("audit events were lost", extra={"cluster": cluster, "outcome": outcome})
        self._meter.batch(cluster, outcome)
        part = Part()
        part.losses[as_text(self._ports.clock.now())[:13], word] = 1
        with self._ports.store.write() as tx:
            tx.add_usage(cluster, part)

    def _window(self, cluster: str) -> Window:
        return self._windows.setdefault(cluster, Window())


def _answer(folded: Folded) -> dict[str, Any]:
    not_used = {word: count for word, count in sorted(folded.words.items()) if count}
    return {"events": folded.events, "not_used": not_used}
