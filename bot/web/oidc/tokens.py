"""An ID token judged, claim by claim; the first thing wrong refuses it by name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError

from bot.web.oidc.settings import ALGORITHMS, ProviderSettings
from grants.errors import LoginRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.web.oidc.keys import Key

    FindKey = Callable[[str | None, str], Key]

LARGEST_TOKEN_BYTES: Final = 64 * 1024
_LARGEST_HEADER_BYTES: Final = 8 * 1024
_LONGEST_SUBJECT: Final = 255
_LARGEST_SECONDS: Final = 1 << 36
_PARTS: Final = 3


@dataclass(frozen=True)
class VerifiedLogin:
    """Who signed in, as a provider vouches for it.

    `groups` None is unknown: not sent, sent elsewhere (overage) or not a list of texts. `auth_time`
    None happens only where the settings don't demand it. `claims` are all of the token's, with a
    size bounded by the token's own.
    """

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str
    groups: frozenset[str] | None
    acr: str | None
    amr: tuple[str, ...]
    auth_time: datetime | None
    claims: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True)
class TokenAnswer:
    """What the token endpoint gave; the access token is used for `at_hash` alone."""

    id_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)


def verify_id_token(
    answer: TokenAnswer,
    *,
    settings: ProviderSettings,
    nonce: str,
    find_key: FindKey,
    now: datetime,
) -> VerifiedLogin:
    """Judge an ID token; LoginRefused with the name of the first thing wrong."""
    judge = _Judge(settings, now)
    alg, kid = judge.header(answer.id_token)
    claims = judge.signature(answer.id_token, find_key(kid, alg), alg)
    judge.audience(claims)
    judge.times(claims)
    judge.binding(claims, nonce, answer.access_token)
    auth_time = judge.auth_time(claims)
    acr, amr = judge.strength(claims)
    return _login(judge.subject(claims), claims, settings, (acr, amr, auth_time))


@dataclass(frozen=True)
class _Judge:
    settings: ProviderSettings
    now: datetime

    def refuse(self, why: str) -> NoReturn:
        raise LoginRefused(why=why, provider=self.settings.name) from None

    def header(self, token: str) -> tuple[str, str | None]:
        """Read algorithm and key name; believe nothing else of a header, least `jwk` and `jku`."""
        parts = token.split(".") if len(token) <= LARGEST_TOKEN_BYTES else ()
        if len(parts) != _PARTS or not token.isascii():
            self.refuse("token-malformed")
        header = self.json(parts[0])
        alg, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
        if alg not in ALGORITHMS:
            self.refuse("alg")
        # Another kind of token signed by the same keys (a logout token, an access token).
        if not isinstance(kind, str) or kind.upper() != "JWT" or "crit" in header:
            self.refuse("typ")
        if kid is not None and not isinstance(kid, str):
            self.refuse("kid")
        return alg, kid

    def signature(self, token: str, key: Key, alg: str) -> dict[str, Any]:
        registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
        registry.max_header_length = _LARGEST_HEADER_BYTES
        try:
            checked = jws.deserialize_compact(token, key, registry=registry)
        except (JoseError, ValueError):
            self.refuse("signature")
        return self.json_object(checked.payload)

    def audience(self, claims: Mapping[str, Any]) -> None:
        if claims.get("iss") != self.settings.issuer:
            self.refuse("iss")
        ours = self.settings.client_id
        if claims.get("aud") not in (ours, [ours]):
            self.refuse("aud")
        if claims.get("azp", ours) != ours:
            self.refuse("azp")

    def times(self, claims: Mapping[str, Any]) -> None:
        """Check `exp`, `iat`, `nbf`: leeway for a clock ahead of ours, none at the end."""
        latest = self.now + self.settings.leeway
        if self.time(claims, "exp") <= self.now:
            self.refuse("exp")
        if self.time(claims, "iat") > latest:
            self.refuse("iat")
        if "nbf" in claims and self.time(claims, "nbf") > latest:
            self.refuse("nbf")

    def binding(self, claims: Mapping[str, Any], nonce: str, access_token: str | None) -> None:
        """Check that the token answers this very request, and belongs to this very answer."""
        said = claims.get("nonce")
        if not isinstance(said, str) or not nonce:
            self.refuse("nonce-missing")
        if not hmac.compare_digest(said.encode(), nonce.encode()):
            self.refuse("nonce")
        if "at_hash" in claims and claims["at_hash"] != _half_hash(access_token):
            self.refuse("at-hash")

    def auth_time(self, claims: Mapping[str, Any]) -> datetime | None:
        max_age = self.settings.signin_max_age
        if "auth_time" not in claims:
            if max_age is not None:
                self.refuse("auth-time-missing")
            return None
        at = self.time(claims, "auth_time", "auth-time-malformed")
        if at > self.now + self.settings.leeway:
            self.refuse("auth-time-future")
        if max_age is not None and self.now - at > max_age:
            self.refuse("auth-time-old")
        return at

    def strength(self, claims: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
        acr, amr = claims.get("acr"), claims.get("amr")
        acr = acr if isinstance(acr, str) else None
        known: tuple[str, ...] = tuple(amr) if _is_texts(amr) else ()
        if self.settings.demanded_acr and acr not in self.settings.demanded_acr:
            self.refuse("acr")
        if not self.settings.demanded_amr <= set(known):
            self.refuse("amr")
        return acr, known

    def subject(self, claims: Mapping[str, Any]) -> str:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            self.refuse("sub")
        if not (subject.isascii() and subject.isprintable()):
            self.refuse("sub")
        return subject

    def time(self, claims: Mapping[str, Any], name: str, why: str | None = None) -> datetime:
        """Read a NumericDate; the refusal is `why`, or the claim's own name."""
        said = claims.get(name)
        if isinstance(said, bool) or not isinstance(said, int | float):
            self.refuse(why or name)
        # Also keeps infinities, and years that no calendar has, from the conversion.
        if not 0 <= said < _LARGEST_SECONDS:
            self.refuse(why or name)
        return datetime.fromtimestamp(said, UTC)

    def json(self, part: str) -> dict[str, Any]:
        try:
            raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        except ValueError:
            self.refuse("token-malformed")
        return self.json_object(raw)

    def json_object(self, raw: bytes) -> dict[str, Any]:
        try:
            said = json.loads(raw, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
            # Half of a surrogate pair is no text that could be stored or shown.
            json.dumps(said, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            self.refuse("token-malformed")
        if not isinstance(said, dict):
            self.refuse("token-malformed")
        return said


def _login(
    subject: str,
    claims: dict[str, Any],
    settings: ProviderSettings,
    proof: tuple[str | None, tuple[str, ...], datetime | None],
) -> VerifiedLogin:
    email, name = claims.get("email"), claims.get("name")
    acr, amr, auth_time = proof
    is_email = isinstance(email, str) and bool(email)
    return VerifiedLogin(
        issuer=settings.issuer,
        subject=subject,
        email=email if is_email else None,
        # Only the boolean: "true" as a text is what a person typed somewhere.
        email_verified=is_email and claims.get("email_verified") is True,
        name=name if isinstance(name, str) else "",
        groups=read_groups(claims, settings.groups_path),
        acr=acr,
        amr=amr,
        auth_time=auth_time,
        claims=MappingProxyType(claims),
    )


def read_groups(claims: Mapping[str, Any], path: tuple[str, ...] | None) -> frozenset[str] | None:
    """Read the groups at `path`; None when they are unknown, which is never the same as none.

    A provider with too many to send points elsewhere (`_claim_names`, `hasgroups`). Whatever part
    it may have sent beside that is no answer.
    """
    if path is None:
        return None
    elsewhere = claims.get("_claim_names")
    if elsewhere is not None and (not isinstance(elsewhere, dict) or path[0] in elsewhere):
        return None
    if claims.get("hasgroups", False) is not False:
        return None
    value: Any = claims
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return frozenset(value) if _is_texts(value) else None


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _half_hash(access_token: str | None) -> str | None:
    """Hash as `at_hash` does; SHA-256 for both algorithms that are taken."""
    if access_token is None:
        return None
    half = hashlib.sha256(access_token.encode("ascii", "replace")).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a name stands twice")
    return said


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not JSON")
