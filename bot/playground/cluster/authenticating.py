"""Who asks: the owner's token, ID tokens of the issuers trusted, tokens of service accounts."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import urllib3
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from bot.playground.cluster.accounts import CREDENTIAL_ID, AccountTokens
from bot.playground.cluster.authorizing import User
from bot.playground.cluster.faults import unauthorized
from bot.playground.controlplane.config import HEALTH_PATHS, SUBJECT_PREFIX, OidcIssuer
from grants.authz.objects import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED

_ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512"]
_TIMEOUT_SECONDS: Final = 5.0


class _Issuer:
    """One OpenID issuer: its keys are asked for when a token is signed by one not known."""

    def __init__(self, trusted: OidcIssuer) -> None:
        self.trusted = trusted
        self._keys: KeySet | None = None
        self._known: set[str] = set()

    async def claims(self, token: str, key_id: str) -> Mapping[str, Any] | None:
        """Give the claims of a token that this issuer signed; None: it did not, or has no keys."""
        if self._keys is None or key_id not in self._known:
            try:
                keys = await asyncio.to_thread(self._fetch)
            except (urllib3.exceptions.HTTPError, ValueError, KeyError, JoseError):
                return None
            self._keys = KeySet.import_key_set(keys)
            self._known = {str(key.get("kid", "")) for key in keys["keys"]}
        try:
            claims = jwt.decode(token, self._keys, algorithms=_ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": self.trusted.url},
                aud={"essential": True, "values": list(self.trusted.audiences)},
                exp={"essential": True},
            ).validate(claims)
        except (JoseError, ValueError):
            return None
        return claims

    def _fetch(self) -> Any:
        with urllib3.PoolManager(
            ca_cert_data=self.trusted.ca_pem, cert_reqs="CERT_REQUIRED", retries=False
        ) as pool:
            where = f"{self.trusted.url.rstrip('/')}/.well-known/openid-configuration"
            found = pool.request("GET", where, timeout=_TIMEOUT_SECONDS)
            keys = pool.request("GET", json.loads(found.data)["jwks_uri"], timeout=_TIMEOUT_SECONDS)
            return json.loads(keys.data)


class Authenticator:
    """Knows whom a request comes from."""

    def __init__(
        self,
        static: Mapping[str, User],
        issuers: Sequence[OidcIssuer],
        accounts: AccountTokens,
    ) -> None:
        self._static = dict(static)
        self._issuers = {one.url: _Issuer(one) for one in issuers}
        self._accounts = accounts

    async def user(self, authorization: str | None, path: str) -> User:
        """Give who asks; Fault (401) when nobody knows."""
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            known = await self.known(token.strip())
            if known is None:
                raise unauthorized()
            return known
        if path in HEALTH_PATHS:
            return User(ANONYMOUS, (UNAUTHENTICATED,))
        raise unauthorized()

    async def known(self, token: str) -> User | None:
        """Give whom a token stands for."""
        if token in self._static:
            return self._static[token]
        found = _peek(token)
        if found is None:
            return None
        issuer, key_id = found
        if issuer in self._issuers:
            claims = await self._issuers[issuer].claims(token, key_id)
            return None if claims is None else _person(claims)
        return self._accounts.user_of(token)


def _peek(token: str) -> tuple[str, str] | None:
    """Read who says to have signed a token, and with which key; nothing is believed of it yet."""
    try:
        found = extract_compact(token.encode())
        claims = json.loads(found.payload)
        return str(claims["iss"]), str(found.headers().get("kid", ""))
    except (JoseError, ValueError, KeyError, TypeError):
        return None


def _person(claims: Mapping[str, Any]) -> User | None:
    """Map claims as the real control plane is told to: a name from a verified email alone."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str) or not email:
        return None
    said = claims.get("groups") or []
    groups = [said] if isinstance(said, str) else said
    if not all(isinstance(group, str) for group in groups):
        return None
    prefixed = tuple(f"{SUBJECT_PREFIX}{group}" for group in groups)
    jti = claims.get("jti")
    extra = {CREDENTIAL_ID: [f"JTI={jti}"]} if jti else {}
    return User(f"{SUBJECT_PREFIX}{email}", (*prefixed, AUTHENTICATED), extra=extra)
