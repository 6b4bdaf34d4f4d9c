"""Sign in with Slack: OpenID Connect by authorization code, its tokens and its keys.

Slack's page: https://docs.slack.dev/authentication/sign-in-with-slack
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from bot.playground.slack.webapi import ApiError, Call, Method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.playground.slack.app import SlackApp
    from bot.playground.slack.records import Json, User
    from bot.playground.slack.workspace import Workspace

CODE_LIFE = timedelta(minutes=10)
TOKEN_LIFE = timedelta(minutes=5)
SCOPES = frozenset({"openid", "profile", "email"})
PARAMETERS = frozenset(
    {"response_type", "scope", "client_id", "redirect_uri", "state", "nonce", "team"}
)
USER_ID = "https://slack.com/user_id"
TEAM_ID = "https://slack.com/team_id"
ENTERPRISE_ID = "https://slack.com/enterprise_id"
ENTERPRISE_NAME = "https://slack.com/enterprise_name"


class SignInError(Exception):
    """What the authorize page refuses, in Slack's words; shown, never redirected."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A checked request of the authorize page."""

    scopes: frozenset[str]
    redirect_uri: str
    state: str
    nonce: str


@dataclass(slots=True)
class _Code:
    ask: Ask
    user: str
    expires: datetime
    used: bool = False


class SignIn:
    """The provider's state. `issuer` is the double's own https URL."""

    def __init__(self, workspace: Workspace, app: SlackApp, issuer: str) -> None:
        self._workspace = workspace
        self._app = app
        self.issuer = issuer
        self._codes: dict[str, _Code] = {}
        self._access: dict[str, tuple[str, frozenset[str]]] = {}

    @cached_property
    def _key(self) -> RSAKey:
        """The signing key, made when it is first needed: that takes a while."""
        key = RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256"})
        key.ensure_kid()
        return key

    def discovery(self) -> Json:
        """Return the metadata document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/openid/connect/authorize",
            "token_endpoint": f"{self.issuer}/api/openid.connect.token",
            "userinfo_endpoint": f"{self.issuer}/api/openid.connect.userInfo",
            "jwks_uri": f"{self.issuer}/openid/connect/keys",
            "scopes_supported": sorted(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "auth_time", "iss", USER_ID, TEAM_ID],
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "client_secret_basic",
            ],
        }

    def keys(self) -> Json:
        """Return the public keys (JWKS)."""
        return {"keys": [self._key.as_dict(private=False)]}

    def ask(self, parameters: Mapping[str, str]) -> Ask:
        """Check what the browser brings to the authorize page. Raises SignInError."""
        strange = sorted(parameters.keys() - PARAMETERS)
        if strange:
            self._workspace.refuse("authorize", "not modelled", ", ".join(strange))
            raise SignInError(f"not modelled: {', '.join(strange)}")
        if parameters.get("client_id") != self._app.client_id or not self._app.client_id:
            raise SignInError("Invalid client_id parameter")
        redirect_uri = parameters.get("redirect_uri", "")
        if redirect_uri not in self._app.redirect_uris:
            raise SignInError("redirect_uri did not match any configured URIs")
        if parameters.get("response_type") != "code":
            raise SignInError("response_type must be code")
        scopes = frozenset(parameters.get("scope", "").replace(",", " ").split())
        if "openid" not in scopes or not scopes <= SCOPES:
            raise SignInError("Invalid permissions requested")
        if self._workspace.team_name(parameters.get("team", self._workspace.team_id)) is None:
            raise SignInError("This is not the workspace that was asked for")
        return Ask(scopes, redirect_uri, parameters.get("state", ""), parameters.get("nonce", ""))

    def allow(self, ask: Ask, user_id: str) -> str:
        """Return where the browser goes after the person allowed it. Raises SignInError."""
        user = self._workspace.users.get(user_id)
        if user is None or user.is_bot or user.deleted:
            raise SignInError("This account cannot sign in")
        code = secrets.token_urlsafe(24)
        self._codes[code] = _Code(ask, user_id, self._workspace.now + CODE_LIFE)
        return _with_query(ask.redirect_uri, {"code": code, "state": ask.state})

    def deny(self, ask: Ask) -> str:
        """Return where the browser goes after the person cancelled."""
        return _with_query(ask.redirect_uri, {"error": "access_denied", "state": ask.state})

    def consent(self, authorize_url: str, user_id: str) -> str:
        """Do in one step what a person does on the page: return the redirect's URL."""
        return self.allow(self.ask(dict(parse_qsl(urlsplit(authorize_url).query))), user_id)

    def exchange(self, call: Call) -> Json:
        """Answer openid.connect.token."""
        args = call.args
        if args.get("client_id") != self._app.client_id or not self._app.client_id:
            raise ApiError("invalid_client_id")
        if args.get("client_secret") != self._app.client_secret:
            raise ApiError("bad_client_secret")
        if args.get("grant_type", "authorization_code") != "authorization_code":
            raise ApiError("invalid_grant_type")
        code = self._codes.get(args.get("code", ""))
        if code is None or code.used or self._workspace.now > code.expires:
            raise ApiError("invalid_code")
        if args.get("redirect_uri") != code.ask.redirect_uri:
            raise ApiError("bad_redirect_uri")
        code.used = True
        access = f"xoxp-{secrets.token_hex(20)}"
        self._access[access] = (code.user, code.ask.scopes)
        user = self._workspace.users[code.user]
        id_token = self._id_token(user, code.ask, access)
        return {"access_token": access, "token_type": "Bearer", "id_token": id_token}

    def _id_token(self, user: User, ask: Ask, access: str) -> str:
        now = int(self._workspace.now.timestamp())
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.issuer,
            "aud": self._app.client_id,
            "iat": now,
            "exp": now + int(TOKEN_LIFE.total_seconds()),
            "auth_time": now,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            **({"nonce": ask.nonce} if ask.nonce else {}),
            **self._claims(user, ask.scopes),
        }
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, claims, self._key)

    def _claims(self, user: User, scopes: frozenset[str]) -> Json:
        claims: Json = {"sub": user.id, USER_ID: user.id, TEAM_ID: user.team_id}
        grid = self._workspace.grid
        if grid:
            claims |= {ENTERPRISE_ID: grid.id, ENTERPRISE_NAME: grid.name}
        if "email" in scopes:
            claims |= {"email": user.email, "email_verified": True}
        if "profile" in scopes:
            claims |= {
                "name": user.real_name,
                "locale": "en-GB",
                "https://slack.com/team_name": self._workspace.name,
                "https://slack.com/team_domain": self._workspace.domain,
            }
        return claims

    def user_info(self, call: Call) -> Json:
        """Answer openid.connect.userInfo."""
        if call.token not in self._access:
            raise ApiError("invalid_auth")
        user_id, scopes = self._access[call.token]
        return self._claims(self._workspace.users[user_id], scopes)


def _with_query(url: str, extra: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = urlencode([*parse_qsl(parts.query), *((k, v) for k, v in extra.items() if v)])
    return urlunsplit(parts._replace(query=query))


METHODS = {
    "openid.connect.token": Method(
        lambda call: call.sign_in.exchange(call),
        {
            "client_id": "str",
            "client_secret": "str",
            "code": "str",
            "redirect_uri": "str",
            "grant_type": "str",
        },
        caller="none",
    ),
    "openid.connect.userInfo": Method(
        lambda call: call.sign_in.user_info(call), {}, caller="person"
    ),
}
