"""One login from end to end: where the browser goes, and what its coming back proves."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from bot.web.oidc.keys import KeyStore
from bot.web.oidc.tokens import TokenAnswer, VerifiedLogin, verify_id_token
from bot.web.oidc.transport import Transport
from grants.errors import LoginRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bot.web.oidc.settings import ProviderSettings

KEEP_DISCOVERY_SECONDS: Final = 3600.0
LONGEST_QUERY: Final = 8192
SLACK_USER: Final = "https://slack.com/user_id"
SLACK_TEAM: Final = "https://slack.com/team_id"
SLACK_ENTERPRISE: Final = "https://slack.com/enterprise_id"

_SECRET_BYTES: Final = 32


@dataclass(frozen=True)
class LoginStart:
    """A login that begins: send the browser to `url`, keep the rest for its coming back.

    `verifier` is empty where the provider takes no PKCE.
    """

    url: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    def kept(self) -> dict[str, str]:
        """Give what must be kept, on our side, until the browser is back."""
        return {"state": self.state, "nonce": self.nonce, "verifier": self.verifier}


@dataclass(frozen=True)
class LoginAnswer:
    """What the browser brought back, as it stood in the address; nothing of it is proven."""

    state: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    issuer: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class _Metadata:
    authorization: str
    token: str
    jwks: str
    announces_iss: bool
    takes_claims: bool


def read_answer(query: str, provider: str = "") -> LoginAnswer:
    """Read the query of the redirect back; LoginRefused when a name stands twice or no state."""
    refused = LoginRefused(why="answer-malformed", provider=provider)
    if len(query) > LONGEST_QUERY:
        raise refused
    pairs = parse_qsl(query, keep_blank_values=True)
    said = dict(pairs)
    if len(said) != len(pairs) or not said.get("state"):
        raise refused
    return LoginAnswer(said["state"], said.get("code"), said.get("iss"), said.get("error"))


class RelyingParty:
    """Signs people in at one provider. Safe for threads; `ticks` is a monotonic clock (seconds)."""

    def __init__(
        self,
        settings: ProviderSettings,
        *,
        transport: Transport | None = None,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self._ticks = ticks
        self._transport = transport or Transport(settings)
        self._keys = KeyStore(self._transport, ticks)
        self._lock = threading.Lock()
        self._discovered: tuple[_Metadata, float] | None = None

    def start(self, *, login_hint: str | None = None) -> LoginStart:
        """Begin a login; LoginRefused when the provider can't be reached or is another."""
        metadata = self._metadata()
        state, nonce, verifier = (secrets.token_urlsafe(_SECRET_BYTES) for _ in range(3))
        if not self.settings.pkce:
            verifier = ""
        parameters = self._question(metadata, login_hint) | {"state": state, "nonce": nonce}
        url = self._transport.authorization_url(metadata.authorization, parameters, verifier)
        return LoginStart(url, state, nonce, verifier)

    def finish(
        self, answer: LoginAnswer, kept: Mapping[str, str], *, now: datetime
    ) -> VerifiedLogin:
        """Judge what came back, against what `LoginStart.kept` gave; LoginRefused names the fault.

        The code is sent to the provider only once state and issuer are right.
        """
        metadata = self._metadata()
        self._check_answer(answer, kept, metadata)
        said = self._transport.redeem(metadata.token, answer.code or "", kept["verifier"])
        id_token, access_token = said.get("id_token"), said.get("access_token")
        if not isinstance(id_token, str):
            raise self._transport.refused("token-malformed")
        return verify_id_token(
            TokenAnswer(id_token, access_token if isinstance(access_token, str) else None),
            settings=self.settings,
            nonce=kept["nonce"],
            find_key=lambda kid, alg: self._keys.find(metadata.jwks, kid, alg),
            now=now,
        )

    def _check_answer(
        self, answer: LoginAnswer, kept: Mapping[str, str], metadata: _Metadata
    ) -> None:
        if not kept["state"] or not hmac.compare_digest(
            answer.state.encode(), kept["state"].encode()
        ):
            raise self._transport.refused("state")
        if answer.issuer is None and metadata.announces_iss:
            raise self._transport.refused("answer-iss-missing")
        if answer.issuer is not None and answer.issuer != self.settings.issuer:
            raise self._transport.refused("answer-iss")
        if answer.error is not None:
            is_no = answer.error == "access_denied"
            raise self._transport.refused("denied" if is_no else "provider-error")
        if not answer.code:
            raise self._transport.refused("code-missing")
        if self.settings.pkce and not kept["verifier"]:
            raise self._transport.refused("verifier-missing")

    def _question(self, metadata: _Metadata, login_hint: str | None) -> dict[str, str]:
        settings = self.settings
        question = dict(settings.extra_parameters)
        if settings.signin_max_age is not None:
            question["max_age"] = str(int(settings.signin_max_age.total_seconds()))
        if settings.demanded_acr:
            question["acr_values"] = " ".join(settings.demanded_acr)
        if metadata.takes_claims and settings.demanded_amr:
            # Some providers say `amr` only when asked for it by name.
            question["claims"] = json.dumps({"id_token": {"amr": None, "auth_time": None}})
        if login_hint:
            question["login_hint"] = login_hint
        return question

    def _metadata(self) -> _Metadata:
        with self._lock:
            known = self._discovered
        if known is not None and self._ticks() - known[1] < KEEP_DISCOVERY_SECONDS:
            return known[0]
        said = self._transport.get_json(
            self.settings.discovery_url, malformed="discovery-malformed"
        )
        metadata = self._judge_discovery(said)
        with self._lock:
            self._discovered = (metadata, self._ticks())
        return metadata

    def _judge_discovery(self, said: Mapping[str, Any]) -> _Metadata:
        if said.get("issuer") != self.settings.issuer:
            raise self._transport.refused("discovery-issuer")
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        addresses = [said.get(name) for name in names]
        if not all(_is_https(address) for address in addresses):
            raise self._transport.refused("discovery-malformed")
        methods = said.get("code_challenge_methods_supported", ["S256"])
        if self.settings.pkce and (not isinstance(methods, list) or "S256" not in methods):
            raise self._transport.refused("pkce-unsupported")
        authorization, token, jwks = (str(address) for address in addresses)
        return _Metadata(
            authorization,
            token,
            jwks,
            said.get("authorization_response_iss_parameter_supported") is True,
            said.get("claims_parameter_supported") is True,
        )


def slack_account(login: VerifiedLogin, served: str = "") -> tuple[str, str]:
    """Give (team, user) of a Sign in with Slack; LoginRefused when Slack did not say both.

    `served` is our workspace or organisation. A person of a whole organisation is one account,
    whichever of its workspaces they signed in to.
    """
    team, user = login.claims.get(SLACK_TEAM), login.claims.get(SLACK_USER)
    if served and login.claims.get(SLACK_ENTERPRISE) == served:
        team = served
    if isinstance(team, str) and isinstance(user, str) and team and user:
        return team, user
    raise LoginRefused(why="slack-account-missing", provider="slack")


def _is_https(address: object) -> bool:
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and parts.username is None
