"""The verbs around one of the two logins of an attempt: its values are kept, then taken once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from grants.errors import LinkRefused
from grants.people.attempts import own_attempt, record_failure, with_login
from grants.people.ports import PeoplePorts, PeopleTx
from grants.people.tokens import digest_of, same_digest

Login = Literal["slack", "company"]


@dataclass(frozen=True)
class KeepLogin:
    """The values that a login just started with; `state` must be among them."""

    attempt: str
    browser: str
    login: Login
    values: Mapping[str, str]


@dataclass(frozen=True)
class TakeLogin:
    """An answer that came back to this browser, with the `state` that it carried."""

    attempt: str
    browser: str
    login: Login
    state: str


def keep_login(command: KeepLogin, *, ports: PeoplePorts) -> None:
    """Keep state, nonce and verifier of a login that starts now; LinkRefused as for opening."""
    now = ports.clock.now()
    with ports.store.write() as tx:
        found = own_attempt(tx, command.attempt, command.browser, now)
        if not isinstance(found, LinkRefused):
            tx.save_attempt(with_login(found, command.login, dict(command.values)))
    if isinstance(found, LinkRefused):
        raise found


def take_login(command: TakeLogin, *, ports: PeoplePorts) -> Mapping[str, str]:
    """Give the values that a login started with, once: a replayed answer finds none.

    LinkRefused also for `no-login` (none runs) and `state` (it is not this login's answer; the
    login goes on, so that a forged answer can't stop it).
    """
    now = ports.clock.now()
    with ports.store.write() as tx:
        outcome = _take(tx, command, now)
    if isinstance(outcome, LinkRefused):
        raise outcome
    return outcome


def _take(tx: PeopleTx, command: TakeLogin, now: datetime) -> Mapping[str, str] | LinkRefused:
    attempt = own_attempt(tx, command.attempt, command.browser, now)
    if isinstance(attempt, LinkRefused):
        return attempt
    values = attempt.slack if command.login == "slack" else attempt.company
    if not values:
        return record_failure(tx, attempt, "no-login", now, command.login)
    if not same_digest(digest_of(values["state"]), digest_of(command.state)):
        return record_failure(tx, attempt, "state", now, command.login)
    tx.save_attempt(with_login(attempt, command.login, {}))
    return values
