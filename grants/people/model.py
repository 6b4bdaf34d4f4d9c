"""Values of who somebody is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from grants.errors import WrongState


@dataclass(frozen=True, order=True)
class Account:
    """A Slack account: the signed envelope's own team and user, never a typed value."""

    team: str
    user: str


@dataclass(frozen=True)
class Person:
    """Somebody, known by issuer and subject alone; the rest is labels that may change."""

    id: str
    issuer: str
    subject: str


def email_key(email: str) -> str:
    """Give the form in which verified emails are pinned and compared: ASCII letters lower.

    Only ASCII, since Unicode's own lowering maps foreign letters onto ours (the Kelvin sign
    becomes `k`), which would give one address to two people.
    """
    return "".join(c.lower() if c.isascii() else c for c in email)


@dataclass(frozen=True)
class Profile:
    """What a provider said of a person at their last sign-in: labels, never identity."""

    name: str
    email: str | None
    email_verified: bool


@dataclass(frozen=True)
class SignIn:
    """One completed company login.

    `groups` is None when the provider did not say (missing or in overage): unknown, so denied.
    `claims` are the claims that subjects may be rendered from, already bounded in size.
    """

    id: str
    person: str
    at: datetime
    auth_time: datetime
    groups: frozenset[str] | None
    acr: str | None
    amr: tuple[str, ...]
    profile: Profile
    claims: Mapping[str, object] = field(default_factory=dict)

    def is_fresh(self, now: datetime, max_age: timedelta) -> bool:
        """Tell whether the login is at most `max_age` old; a time in the future is not fresh."""
        return timedelta(0) <= now - self.auth_time <= max_age


@dataclass(frozen=True)
class Known:
    """A person as known now: who, their last sign-in, and the account that acts (if any).

    `emails` are the verified emails pinned to this person: the first (issuer, subject) that
    signed in with one keeps it, so that a re-used address gives nobody another's rights.
    """

    person: Person
    sign_in: SignIn
    account: Account | None = None
    emails: frozenset[str] = frozenset()


class AttemptStep(StrEnum):
    """How far one sign-in attempt has come; each step is passed once."""

    OFFERED = "offered"
    OPENED = "opened"
    SLACK_PROVEN = "slack-proven"
    DONE = "done"
    REFUSED = "refused"


S = AttemptStep

ATTEMPT_MOVES: Final = {
    S.OFFERED: frozenset({S.OPENED, S.REFUSED}),
    S.OPENED: frozenset({S.SLACK_PROVEN, S.DONE, S.REFUSED}),
    S.SLACK_PROVEN: frozenset({S.DONE, S.REFUSED}),
    S.DONE: frozenset[AttemptStep](),
    S.REFUSED: frozenset[AttemptStep](),
}
"""What may follow what. Opened to done is for an account that is linked already."""


@dataclass(frozen=True)
class Attempt:
    """One sign-in that one Slack account was offered: single use, bound to one browser session.

    `secret_digest` is the SHA-256 of the link's token and `browser_digest` that of the cookie of
    the browser that opened it first. `slack` and `company` keep state, nonce and PKCE verifier of
    the two logins while they run (values of this attempt only, gone when it is done).
    """

    id: str
    account: Account
    secret_digest: str
    step: AttemptStep
    expires_at: datetime
    version: int = 1
    browser_digest: str | None = None
    link: bool = True
    draft: str | None = None
    slack: Mapping[str, str] = field(default_factory=dict)
    company: Mapping[str, str] = field(default_factory=dict)

    def moved(self, step: AttemptStep) -> "Attempt":
        """Give this attempt at its next step; any move not in the table is WrongState.

        At rest nothing of the two logins is kept: state, nonce and verifier have no more use.
        """
        if step not in ATTEMPT_MOVES[self.step]:
            raise WrongState("attempt", self.id, str(self.step))
        if ATTEMPT_MOVES[step]:
            return replace(self, step=step)
        return replace(self, step=step, slack={}, company={})


@dataclass(frozen=True)
class WebSession:
    """A browser that proved who its person is; `secret_digest` is of the cookie."""

    id: str
    secret_digest: str
    person: str
    created_at: datetime
    expires_at: datetime
