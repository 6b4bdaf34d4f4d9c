"""An identity provider in memory that signs whatever a test wants to have signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from bot.web.oidc import LoginAnswer, LoginStart, ProviderSettings, RelyingParty, VerifiedLogin
from grants.errors import LoginRefused

ISSUER = "https://login.example.com"
CLIENT = "valetkey"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACCESS_TOKEN = "the access token"
SETTINGS = ProviderSettings(
    name="company",
    issuer=ISSUER,
    client_id=CLIENT,
    client_secret="a secret",
    redirect_uri="https://valetkey.example.com/callback",
)
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig", "alg": "ES256"})
STRANGE = RSAKey.generate_key(2048, {"kid": "strange"})
ANY_ALGORITHM = jws.JWSRegistry(algorithms=["RS256", "ES256", "PS256", "RS512"])
ANY_ALGORITHM.strict_check_header = False
Facts = dict[str, Any]


def part(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def half_hash(access_token: str) -> str:
    return part(hashlib.sha256(access_token.encode()).digest()[:16])


def sign(header: Facts, claims: Facts | bytes, key: Any = RSA) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact(header, payload, key, registry=ANY_ALGORITHM)


def unsigned(claims: Facts) -> str:
    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def signed_with_public_key(claims: Facts) -> str:
    """HS256 with the provider's public key as its secret: the oldest trick there is."""
    body = f"{part({'alg': 'HS256', 'kid': 'rsa-1'})}.{part(claims)}"
    code = hmac.digest(RSA.as_pem(private=False), body.encode(), "sha256")
    return f"{body}.{part(code)}"


def good_claims(nonce: str, /, **changes: Any) -> Facts:
    """Claims that pass; a change to `...` leaves one out."""
    at = int(NOW.timestamp())
    claims: Facts = {
        "iss": ISSUER,
        "sub": "u-123",
        "aud": CLIENT,
        "exp": at + 300,
        "iat": at - 1,
        "auth_time": at - 60,
        "nonce": nonce,
        "at_hash": half_hash(ACCESS_TOKEN),
        "email": "erin@example.com",
        "email_verified": True,
        "name": "Erin",
        "groups": ["engineers"],
        "acr": "mfa",
        "amr": ["pwd", "otp"],
    }
    return {name: value for name, value in (claims | changes).items() if value is not ...}


@dataclass
class MemoryTransport:
    """Answers in place of the network, and counts who asked what."""

    discovery: Facts = field(
        default_factory=lambda: {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
    )
    jwks: Facts = field(
        default_factory=lambda: {"keys": [RSA.as_dict(private=False), EC.as_dict(private=False)]}
    )
    tokens: Facts = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    timeout_seconds: float = 1.0

    def authorization_url(self, endpoint: str, parameters: dict[str, str], verifier: str) -> str:
        return f"{endpoint}?{sorted(parameters)}"

    def get_json(self, url: str, *, malformed: str) -> Facts:
        self.asked.append(url)
        return self.jwks if url.endswith("/jwks") else self.discovery

    def redeem(self, endpoint: str, code: str, verifier: str) -> Facts:
        self.asked.append(endpoint)
        return self.tokens

    def refused(self, why: str) -> LoginRefused:
        return LoginRefused(why=why, provider="company")


@dataclass
class Desk:
    """A relying party at work: one login begun, ready to be answered."""

    settings: ProviderSettings = SETTINGS
    transport: MemoryTransport = field(default_factory=MemoryTransport)
    now_ticks: float = 0.0

    def __post_init__(self) -> None:
        self.party = RelyingParty(
            self.settings,
            transport=self.transport,  # type: ignore[arg-type]
            ticks=lambda: self.now_ticks,
        )

    def begin(self) -> LoginStart:
        return self.party.start()

    def answer(self, start: LoginStart, **changes: str | None) -> LoginAnswer:
        facts: Facts = {"state": start.state, "code": "c", "issuer": ISSUER, "error": None}
        return LoginAnswer(**(facts | changes))

    def finish_with(self, token: str, start: LoginStart, **changes: str | None) -> VerifiedLogin:
        self.transport.tokens = {"id_token": token, "access_token": ACCESS_TOKEN}
        return self.party.finish(self.answer(start, **changes), start.kept(), now=NOW)

    def login(self, **claims: Any) -> VerifiedLogin:
        """Go through one login whose token carries the good claims with these changes."""
        start = self.begin()
        token = sign({"alg": "RS256", "kid": "rsa-1"}, good_claims(start.nonce, **claims))
        return self.finish_with(token, start)
