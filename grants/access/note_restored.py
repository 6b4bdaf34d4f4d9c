"""Say that the database is a restored copy: what waits in it may have been decided since."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from grants.access.closing import close
from grants.access.ending import start_revoking
from grants.access.model import Cause, GrantState, RequestState
from grants.access.ports import AccessTx
from grants.clock import Clock
from grants.record.model import Event, EventType

RESTORED: Final = "restored"
ADMIN_CLI: Final = "admin-cli"
_EVER: Final = datetime.max.replace(tzinfo=UTC)
_ALL: Final = 1_000_000


@dataclass(frozen=True)
class Restored:
    """What was done: the last event's number before, and how many of each were ended."""

    last_number: int
    requests: int
    grants: int
    sessions: int


class RestoredTx(AccessTx, Protocol):
    """The rows that a restored copy is put right in."""

    def last_number(self) -> int:
        """Give the number of the last event; 0 when there is none."""
        ...

    def forget_sessions(self) -> int:
        """End every web session and every sign-in that is under way; tells how many."""
        ...


class RestoredStore(Protocol):
    """Where such transactions come from."""

    def write(self) -> AbstractContextManager[RestoredTx]:
        """Open one write transaction; leaving it without an error commits."""
        ...


class RestoredPorts(Protocol):
    """What the verb is given."""

    @property
    def store(self) -> RestoredStore:
        """The rows."""
        ...

    @property
    def clock(self) -> Clock:
        """The clock."""
        ...


def note_restored(*, ports: RestoredPorts) -> Restored:
    """Close what waits, give up what was not yet begun, and record that numbers went back.

    A request that waits in the copy may have been granted since and a grant that was to begin may
    have been used up: begun anew, either would give more than was agreed. A grant whose binding
    is known by its uid is left to the reconciler: the cluster tells what became of it. Web
    sessions end, because one that was signed out of since would be good again.
    """
    now = ports.clock.now()
    with ports.store.write() as tx:
        last = tx.last_number()
        requests = tx.requests_past(_EVER, _ALL)
        for request in requests:
            moved = request.moved(RequestState.CANCELLED, now, RESTORED)
            close(tx, moved, EventType.REQUEST_CANCELLED, actor=ADMIN_CLI)
        grants = [g for g in tx.live_grants() if _not_begun(g.state, g.binding_uid)]
        for grant in grants:
            start_revoking(tx, grant, now, cause=Cause.NEVER_ACTIVE, detail=RESTORED, by=ADMIN_CLI)
        done = Restored(last, len(requests), len(grants), tx.forget_sessions())
        facts = {
            "last_number": done.last_number,
            "requests": done.requests,
            "grants": done.grants,
            "sessions": done.sessions,
        }
        tx.append(Event(EventType.RECORD_RESTORED, now, actor=ADMIN_CLI, facts=facts))
    return done


def _not_begun(state: GrantState, binding_uid: str | None) -> bool:
    return state is GrantState.ACTIVATING and binding_uid is None
