"""What the web surface needs of the rest; `bot.wiring` fills it in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import falcon
from prometheus_client import CollectorRegistry

from bot.web.oidc import LoginAnswer, LoginStart, VerifiedLogin
from grants.access.model import AccessRequest
from grants.people.model import Account
from grants.people.ports import PeoplePorts
from grants.people.run_login import Login


class Provider(Protocol):
    """One OpenID provider, as strict as `bot.web.oidc.RelyingParty`, which implements this."""

    def start(self) -> LoginStart:
        """Begin a login; LoginRefused `unavailable` when the provider does not answer."""
        ...

    def finish(
        self, answer: LoginAnswer, kept: Mapping[str, str], *, now: datetime
    ) -> VerifiedLogin:
        """Judge what the browser brought back; LoginRefused names what is wrong."""
        ...


@dataclass(frozen=True)
class Check:
    """One thing that readiness looks at.

    `ask` gives None when all is well, else a short stable word of what is not; raising is a
    failure too. It must answer within its own time limit. Only a failed `vital` check takes this
    process out of service: one that a restart or another replica would do no better on is told,
    and no more.
    """

    name: str
    ask: Callable[[], str | None]
    vital: bool = True


class Responder(Protocol):
    """A Falcon resource that somebody else wrote, for POST alone."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer a request."""
        ...


class Intake(Protocol):
    """A Falcon resource that takes what a cluster sends, for POST alone."""

    def on_post(self, req: falcon.Request, resp: falcon.Response, cluster: str) -> None:
        """Answer a request."""
        ...


def account_id(account: Account) -> str:
    """Call an account by its Slack user id, where nobody knows its name."""
    return account.user


@dataclass(frozen=True)
class WebPorts:
    """What the web surface is given.

    `submit_draft(person id, draft)` goes on with a kept request and raises a ValetkeyError when it
    can't be sent. `account_label` gives the name that Slack shows for an account; it must not take
    long, may not raise, and is shown as plain text. `slack_events` takes Slack's requests by HTTP,
    `audit_intake` audit events. `slack_team` is the workspace or organisation that is served.
    `session_lasts` is how long a browser stays signed in here.
    """

    public_url: str
    people: PeoplePorts
    slack_login: Provider
    company_login: Provider
    submit_draft: Callable[[str, str], AccessRequest]
    account_label: Callable[[Account], str] = account_id
    checks: tuple[Check, ...] = ()
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    metrics_token: str | None = field(default=None, repr=False)
    slack_events: Responder | None = None
    audit_intake: Intake | None = None
    slack_team: str = ""
    session_lasts: timedelta = timedelta(hours=12)

    def provider(self, login: Login) -> Provider:
        """Give the provider of one of the two logins."""
        return self.slack_login if login == "slack" else self.company_login
