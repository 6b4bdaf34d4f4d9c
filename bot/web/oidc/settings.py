"""What is agreed with one OpenID provider, and what is demanded of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from grants.proxies import NO_PROXIES, ProxyRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ALGORITHMS: Final = ("RS256", "ES256")
MOST_LEEWAY: Final = timedelta(seconds=60)
SLACK_ISSUER: Final = "https://slack.com"

_PATH_STEP = re.compile(r"((?:\\.|[^.\\])*)(\.|$)")


def claim_path(said: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    r"""Read the path of a claim: a list of names, or names joined by dots.

    A backslash takes the next sign as it is: `https://example\.com/groups` is one name.
    ValueError for a path with an empty name.
    """
    path = tuple(said) if isinstance(said, list | tuple) else tuple(_steps(said))
    if not path or not all(path):
        raise ValueError(f"not the path of a claim: {said!r}")
    return path


def _steps(said: str) -> list[str]:
    steps: list[str] = []
    at = 0
    while True:
        found = _PATH_STEP.match(said, at)
        if found is None:
            raise ValueError(f"not the path of a claim: {said!r}")
        steps.append(re.sub(r"\\(.)", r"\1", found[1]))
        if not found[2]:
            return steps
        at = found.end()


@dataclass(frozen=True)
class ProviderSettings:
    """One provider.

    `name` is what errors call it. `issuer` is pinned: discovery and tokens must say exactly it.
    `base_url` is where discovery is read, when that is not the issuer itself. `groups_path` None
    reads no groups. `signin_max_age` None sends no `max_age` and accepts a token without
    `auth_time`. A login's `acr` must be one of `demanded_acr`, its `amr` hold all of
    `demanded_amr`; empty demands nothing. `timeout` bounds connecting, every wait for a sign of
    life, and the reading of an answer as a whole; `proxies` says how it is reached. `leeway` (at
    most 60 s) excuses clocks that run ahead; the end of a token is never excused.
    """

    name: str
    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str | None = field(default=None, repr=False)
    base_url: str | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile", "groups")
    groups_path: tuple[str, ...] | None = ("groups",)
    signin_max_age: timedelta | None = timedelta(hours=12)
    demanded_acr: tuple[str, ...] = ()
    demanded_amr: frozenset[str] = frozenset()
    pkce: bool = True
    token_auth: Literal["client_secret_basic", "client_secret_post", "none"] = "client_secret_basic"  # noqa: S105 # names of methods
    extra_parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ca_file: Path | None = None
    proxies: ProxyRules = NO_PROXIES
    timeout: timedelta = timedelta(seconds=5)
    leeway: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        if not self.issuer.startswith("https://"):
            raise ValueError("an issuer is an https address")
        if not timedelta(0) <= self.leeway <= MOST_LEEWAY:
            raise ValueError("the leeway is between 0 and 60 s")
        if "openid" not in self.scopes:
            raise ValueError("the scope openid is missing")

    @property
    def discovery_url(self) -> str:
        """Where the provider describes itself."""
        base = self.base_url or self.issuer
        return f"{base.rstrip('/')}/.well-known/openid-configuration"


def slack_settings(
    *,
    client_id: str,
    client_secret: str,
    redirect_uri: str,
    team: str | None = None,
    issuer: str = SLACK_ISSUER,
    base_url: str | None = None,
    ca_file: Path | None = None,
    proxies: ProxyRules = NO_PROXIES,
) -> ProviderSettings:
    """Make the settings of Sign in with Slack; `team` shows only that workspace's sign-in page.

    Slack promises neither PKCE nor `auth_time`, so neither is asked of it: the confidential
    client, state and nonce stand for the first, and freshness is the company's login to prove.
    """
    return ProviderSettings(
        name="slack",
        issuer=issuer,
        client_id=client_id,
        client_secret=client_secret,
        redirect_uri=redirect_uri,
        base_url=base_url,
        scopes=("openid", "profile", "email"),
        groups_path=None,
        signin_max_age=None,
        pkce=False,
        token_auth="client_secret_post",  # noqa: S106 # the name of a method
        extra_parameters=MappingProxyType({"team": team} if team else {}),
        ca_file=ca_file,
        proxies=proxies,
    )
