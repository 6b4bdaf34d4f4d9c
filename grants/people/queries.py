"""Questions about people that change nothing."""

from grants.errors import LinkRefused
from grants.people.attempts import why_not_usable
from grants.people.model import Account, Attempt, Known
from grants.people.ports import PeoplePorts
from grants.people.tokens import digest_of


def look_at_attempt(token: str, *, ports: PeoplePorts) -> Attempt:
    """Give the attempt of a link, and use nothing up: programs that preview links look, too.

    LinkRefused: `unknown`, `expired`, `used` or `refused-before`.
    """
    now = ports.clock.now()
    with ports.store.read() as tx:
        attempt = tx.attempt_by_secret(digest_of(token))
    why = why_not_usable(attempt, now)
    if attempt is None or why:
        raise LinkRefused(why or "unknown")
    return attempt


def session_person(secret: str, *, ports: PeoplePorts) -> Known | None:
    """Find who a browser's session belongs to; None when there is none or its time is up."""
    now = ports.clock.now()
    with ports.store.read() as tx:
        session = tx.session(digest_of(secret))
        if session is None or session.expires_at <= now:
            return None
        return tx.known_person(session.person)


def known_account(account: Account, *, ports: PeoplePorts) -> Known | None:
    """Find the person that a Slack account is linked to, with the last sign-in."""
    with ports.store.read() as tx:
        return tx.known(account)


def accounts_of(person: str, *, ports: PeoplePorts) -> tuple[Account, ...]:
    """List the Slack accounts linked to a person."""
    with ports.store.read() as tx:
        return tx.accounts_of(person)
