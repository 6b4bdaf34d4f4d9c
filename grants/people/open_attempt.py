"""The verb that binds a sign-in attempt to the one browser that opens its link first."""

from dataclasses import dataclass, replace
from datetime import datetime

from grants.errors import LinkRefused
from grants.people.attempts import (
    record_failure,
    tell_refused,
    why_not_this_browser,
    why_not_usable,
)
from grants.people.model import Attempt, AttemptStep
from grants.people.ports import PeoplePorts, PeopleTx
from grants.people.tokens import digest_of, new_secret


@dataclass(frozen=True)
class OpenAttempt:
    """The link's token, and the secret that this browser already carries (if any)."""

    token: str
    browser: str | None = None


@dataclass(frozen=True)
class Opened:
    """The attempt, and the secret that its browser must show from now on."""

    attempt: Attempt
    browser: str


def open_attempt(command: OpenAttempt, *, ports: PeoplePorts) -> Opened:
    """Bind the attempt to this browser; the same browser may open it again until it is done.

    LinkRefused: `unknown`, `expired`, `used`, `refused-before` or `other-browser`.
    """
    now = ports.clock.now()
    with ports.store.write() as tx:
        outcome = _open(tx, command, now)
    if isinstance(outcome, LinkRefused):
        raise outcome
    return outcome


def _open(tx: PeopleTx, command: OpenAttempt, now: datetime) -> Opened | LinkRefused:
    attempt = tx.attempt_by_secret(digest_of(command.token))
    if attempt is None:
        # Guesses leave no event: anybody could fill the log with them.
        return LinkRefused("unknown")
    if why := why_not_usable(attempt, now):
        return record_failure(tx, attempt, why, now)
    if attempt.browser_digest is None:
        # Always a new secret: one that was there before may be known to somebody else.
        browser = new_secret()
        bound = replace(attempt.moved(AttemptStep.OPENED), browser_digest=digest_of(browser))
        return Opened(tx.save_attempt(bound), browser)
    if why := why_not_this_browser(attempt, command.browser or ""):
        return _refuse_browser(tx, attempt, why, now)
    return Opened(attempt, command.browser or "")


def _refuse_browser(tx: PeopleTx, attempt: Attempt, why: str, now: datetime) -> LinkRefused:
    """Refuse another browser, leave the first one alone, and tell the initiator once."""
    if tx.first_time(f"other-browser:{attempt.id}", now):
        tell_refused(tx, attempt, why)
    return record_failure(tx, attempt, why, now)
