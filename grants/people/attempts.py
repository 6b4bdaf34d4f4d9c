"""What the verbs of one sign-in share: whose attempt, in which browser, and how one is refused."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from grants.errors import LinkRefused
from grants.outbox.model import Notice, Place, PlaceKind
from grants.people.model import ATTEMPT_MOVES, Account, Attempt, AttemptStep
from grants.people.ports import PeopleTx
from grants.people.tokens import digest_of, same_digest
from grants.record.model import Event, EventType
from grants.record.room import Room

FAILURES: Final = Room("sign-in-failures", 10, timedelta(hours=1))
_AT_REST: Final = {AttemptStep.DONE: "used", AttemptStep.REFUSED: "refused-before"}


def account_ref(account: Account) -> str:
    """Write an account as it stands in places and facts: `team/user`."""
    return f"{account.team}/{account.user}"


def account_place(account: Account) -> Place:
    """Give the place where one Slack account is told something."""
    return Place(PlaceKind.ACCOUNT, account_ref(account))


def actor_of(tx: PeopleTx, account: Account) -> str:
    """Name who acts by an account: the linked person, or the account itself."""
    known = tx.known(account)
    return known.person.id if known else f"slack:{account_ref(account)}"


def why_not_usable(attempt: Attempt | None, now: datetime) -> str | None:
    """Say why a link is of no use (any more), or None when it is."""
    if attempt is None:
        return "unknown"
    if attempt.step in _AT_REST:
        return _AT_REST[attempt.step]
    return "expired" if attempt.expires_at <= now else None


def why_not_this_browser(attempt: Attempt, browser: str) -> str | None:
    """Say why this browser may not go on with an attempt, or None when it may.

    The first browser that opens an attempt keeps it: who sends a link of their own to somebody
    else, to have that somebody's identity linked, must not get both halves in two browsers.
    """
    if attempt.browser_digest is None:
        return "not-opened"
    if not same_digest(attempt.browser_digest, digest_of(browser)):
        return "other-browser"
    return None


def own_attempt(
    tx: PeopleTx, attempt_id: str, browser: str, now: datetime
) -> Attempt | LinkRefused:
    """Read an attempt for the browser that holds it, or give the refusal, recorded."""
    attempt = tx.attempt(attempt_id)
    why = why_not_usable(attempt, now)
    if attempt is None:
        return LinkRefused("unknown")
    why = why or why_not_this_browser(attempt, browser)
    return record_failure(tx, attempt, why, now) if why else attempt


def record_failure(
    tx: PeopleTx, attempt: Attempt, why: str, now: datetime, login: str = ""
) -> LinkRefused:
    """Append the event of a failure that leaves the attempt as it is; gives the refusal.

    Only so many for one link in an hour: whoever has an old link could fill the record with it.

    `login` is `slack` or `company` when one of the two logins failed.
    """
    facts: dict[str, object] = {
        "why": why,
        "attempt": attempt.id,
        "account": account_ref(attempt.account),
    }
    if login:
        facts["login"] = login
    if FAILURES.take(tx, attempt.id, now) >= 0:
        actor = actor_of(tx, attempt.account)
        tx.append(Event(EventType.SIGN_IN_FAILED, now, actor, facts=facts))
    return LinkRefused(why)


def refuse_for_good(
    tx: PeopleTx, attempt: Attempt, why: str, now: datetime, login: str = ""
) -> LinkRefused:
    """Use an attempt up: nothing goes on with it; its account is told why by a message."""
    if ATTEMPT_MOVES[attempt.step]:
        tx.save_attempt(attempt.moved(AttemptStep.REFUSED))
    tell_refused(tx, attempt, why)
    return record_failure(tx, attempt, why, now, login)


def tell_refused(tx: PeopleTx, attempt: Attempt, why: str) -> None:
    """Tell the account that a sign-in it began was refused; never to whom the browser belonged."""
    place = account_place(attempt.account)
    tx.notify(Notice("sign-in-refused", attempt.id, place, {"why": why}))


def with_login(attempt: Attempt, login: str, values: dict[str, str]) -> Attempt:
    """Put the running values of one of the two logins into an attempt."""
    return replace(attempt, slack=values) if login == "slack" else replace(attempt, company=values)
