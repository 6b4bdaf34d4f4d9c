"""A client that asks the playground's identity provider as an application would, hiding nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet

from bot.playground.idp import (
    Client,
    IdentityProvider,
    kubernetes_client,
    login_as,
    valetkey_client,
)

if TYPE_CHECKING:
    from pathlib import Path

    import requests

    from bot.playground.certs import Authority

CALLBACK = "https://localhost:8443/signin/callback"
SECRET = "a secret of the tests, long enough"


@dataclass(frozen=True)
class Asker:
    """Asks `idp` as one client, with one browser."""

    idp: IdentityProvider
    browser: requests.Session
    client_id: str = "valetkey"
    secret: str | None = SECRET
    redirect_uri: str = CALLBACK
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def address(self, **changes: object) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest())
        question: dict[str, object] = {
            "client_id": self.client_id,
            "response_type": "code",
            "scope": "openid email profile groups",
            "redirect_uri": self.redirect_uri,
            "state": "the state",
            "nonce": "the nonce",
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        question |= changes
        kept = {name: value for name, value in question.items() if value is not None}
        return f"{self.idp.issuer}/auth?{urlencode(kept)}"

    def come_back(
        self, person: str, *, second_factor: bool = False, **changes: object
    ) -> dict[str, str]:
        """The parameters of the redirect back to the application."""
        back = login_as(person, self.address(**changes), self.browser, second_factor=second_factor)
        assert back.startswith(self.redirect_uri)
        return {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}

    def redeem(self, code: str, **changes: str) -> requests.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        auth = (self.client_id, self.secret) if self.secret else None
        if auth is None:
            form["client_id"] = self.client_id
        return self.browser.post(
            f"{self.idp.issuer}/token", data=form | changes, auth=auth, timeout=10
        )

    def token(self, person: str, *, second_factor: bool = False, **changes: object) -> str:
        back = self.come_back(person, second_factor=second_factor, **changes)
        return self.redeem(back["code"]).json()["id_token"]

    def published(self) -> KeySet:
        return KeySet.import_key_set(self.browser.get(f"{self.idp.issuer}/jwks", timeout=10).json())

    def claims(
        self, person: str, *, second_factor: bool = False, **changes: object
    ) -> dict[str, object]:
        """The claims of a fresh ID token, its signature checked against the published keys."""
        text = self.token(person, second_factor=second_factor, **changes)
        return jwt.decode(text, self.published(), algorithms=["RS256", "ES256"]).claims


CLIENTS = (
    valetkey_client(SECRET, CALLBACK),
    kubernetes_client(),
    Client("curve", "Signs with ES256", (CALLBACK,), secret=SECRET, signing_alg="ES256"),
    Client("nested", "Nested", (CALLBACK,), secret=SECRET, groups_path=("realm_access", "roles")),
)


def provider(authority: Authority, folder: Path) -> IdentityProvider:
    return IdentityProvider(
        certificate=authority.leaf("idp"), ca_file=authority.ca_file, folder=folder, clients=CLIENTS
    )


def header(token: str) -> dict[str, str]:
    """What a token's header says, unchecked."""
    return _part(token, 0)


def unchecked(token: str) -> dict[str, object]:
    """The claims of a token, its signature not looked at."""
    return _part(token, 1)


def _part(token: str, index: int) -> dict:
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
