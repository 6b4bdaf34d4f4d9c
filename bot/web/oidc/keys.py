"""A provider's published keys: kept for a while, and read again when a token names one unknown."""

from __future__ import annotations

import threading
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.web.oidc.transport import Transport

KEEP_SECONDS: Final = 600.0
REFETCH_GAP_SECONDS: Final = 30.0
MOST_KEYS: Final = 100
_SMALLEST_RSA_BITS: Final = 2048

Key = RSAKey | ECKey


@dataclass(frozen=True)
class _Published:
    key: Key
    kid: str | None
    alg: str


@dataclass(frozen=True)
class _Fetched:
    keys: tuple[_Published, ...]
    at: float


class KeyStore:
    """The keys of one provider; `ticks` is a monotonic clock in seconds."""

    def __init__(self, transport: Transport, ticks: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._ticks = ticks
        self._lock = threading.Lock()
        self._fetched: _Fetched | None = None
        self._refetched_at: float | None = None

    def find(self, jwks_uri: str, kid: str | None, alg: str) -> Key:
        """Find the key for a token's header; LoginRefused `kid` when none is published.

        An unknown name asks the provider again: it may have new keys. Made-up names must not make
        us ask at every turn, so that happens at most every 30 s; whoever comes meanwhile waits
        for that answer.
        """
        if not self._lock.acquire(timeout=self._transport.timeout_seconds):
            raise self._transport.refused("unavailable")
        try:
            found = _pick(self._recent(jwks_uri), kid, alg)
            if found is None and self._may_refetch():
                found = _pick(self._fetch(jwks_uri), kid, alg)
        finally:
            self._lock.release()
        if found is None:
            raise self._transport.refused("kid")
        return found

    def _recent(self, jwks_uri: str) -> tuple[_Published, ...]:
        # A key that the provider withdrew is believed for no longer than this.
        if self._fetched is None or self._ticks() - self._fetched.at > KEEP_SECONDS:
            return self._fetch(jwks_uri)
        return self._fetched.keys

    def _may_refetch(self) -> bool:
        now = self._ticks()
        if self._refetched_at is not None and now - self._refetched_at < REFETCH_GAP_SECONDS:
            return False
        self._refetched_at = now
        return True

    def _fetch(self, jwks_uri: str) -> tuple[_Published, ...]:
        said = self._transport.get_json(jwks_uri, malformed="keys-malformed")
        entries = said.get("keys")
        if not isinstance(entries, list):
            raise self._transport.refused("keys-malformed")
        usable = tuple(key for entry in entries[:MOST_KEYS] if (key := _usable(entry)))
        self._fetched = _Fetched(usable, self._ticks())
        return usable


def _pick(keys: tuple[_Published, ...], kid: str | None, alg: str) -> Key | None:
    """Pick by name and algorithm; a token without a name fits only where one key is in question."""
    fitting = [k for k in keys if k.alg == alg and (kid is None or k.kid == kid)]
    return fitting[0].key if len(fitting) == 1 else None


def _usable(entry: Any) -> _Published | None:
    """Read one entry; None for what we could not use: other kinds, too weak, broken."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kid = entry.get("kid")
    if kid is not None and not isinstance(kid, str):
        return None
    try:
        with warnings.catch_warnings():
            # A small key is refused below, in our own words.
            warnings.simplefilter("ignore", SecurityWarning)
            key, alg = _import(entry)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return _Published(key, kid, alg) if entry.get("alg", alg) == alg else None


def _import(entry: Mapping[str, Any]) -> tuple[Key, str]:
    # Only what a public key consists of: no private part, and nothing that points elsewhere.
    if entry.get("kty") == "RSA":
        rsa = RSAKey.import_key({"kty": "RSA", "n": entry["n"], "e": entry["e"]})
        if rsa.public_key.key_size < _SMALLEST_RSA_BITS:
            raise ValueError("the key is too small")
        return rsa, "RS256"
    if entry.get("kty") == "EC" and entry.get("crv") == "P-256":
        facts = {"kty": "EC", "crv": "P-256", "x": entry["x"], "y": entry["y"]}
        return ECKey.import_key(facts), "ES256"
    raise ValueError("another kind of key")
