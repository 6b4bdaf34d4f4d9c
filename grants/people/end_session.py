"""The verb that signs a browser out."""

from grants.people.ports import PeoplePorts
from grants.people.tokens import digest_of
from grants.record.model import Event, EventType


def end_session(secret: str, *, ports: PeoplePorts) -> bool:
    """End the session of this secret; False when there was none (which is no error)."""
    now = ports.clock.now()
    with ports.store.write() as tx:
        session = tx.session(digest_of(secret))
        if session is None:
            return False
        tx.end_session(session.id)
        tx.append(Event(EventType.SIGNED_OUT, now, session.person, facts={"session": session.id}))
    return True
