"""The verb that gives a browser a session of its own after a sign-in."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from grants.ids import Prefix, new_id
from grants.people.model import WebSession
from grants.people.ports import PeoplePorts
from grants.people.tokens import digest_of, new_secret


@dataclass(frozen=True)
class StartSession:
    """Whose session, for how long, and the secret of the session that this browser had before."""

    person: str
    lasts: timedelta
    replaces: str | None = None


@dataclass(frozen=True)
class Started:
    """The session's secret, told once to the browser."""

    secret: str
    expires_at: datetime


def start_session(command: StartSession, *, ports: PeoplePorts) -> Started:
    """Start a session with a secret of its own; the one before it ends (rotated at sign-in)."""
    now = ports.clock.now()
    secret = new_secret()
    session = WebSession(
        id=new_id(Prefix.SESSION),
        secret_digest=digest_of(secret),
        person=command.person,
        created_at=now,
        expires_at=now + command.lasts,
    )
    with ports.store.write() as tx:
        before = tx.session(digest_of(command.replaces)) if command.replaces else None
        if before is not None:
            tx.end_session(before.id)
        tx.add_session(session)
    return Started(secret, session.expires_at)
