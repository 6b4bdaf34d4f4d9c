"""Give a grant back before its end."""

from dataclasses import dataclass

from grants.access.ending import start_revoking
from grants.access.model import Cause, Grant, GrantState
from grants.access.ports import AccessPorts
from grants.errors import AlreadyDone, NotAllowed, NotFound, ValetkeyError, WrongState
from grants.people.actors import actor_of, refuse
from grants.people.model import Account
from grants.record.model import EventType


@dataclass(frozen=True)
class GiveBack:
    """Who clicked (signed), under which inbound key, and which grant they give back."""

    key: str
    account: Account
    grant: str


def give_back(command: GiveBack, *, ports: AccessPorts) -> Grant:
    """Start ending one's own grant; a stale sign-in is no hindrance to giving power up.

    NotFound, NotAllowed (another's), WrongState (already ending), AlreadyDone.
    """
    now = ports.clock.now()
    with ports.store.write() as tx:
        if not tx.first_time(command.key, now):
            raise AlreadyDone(command.key)
        known = tx.known(command.account)
        grant = tx.grant(command.grant)
        error = _refusal(known.person.id if known else None, grant, command)
        if error is None and grant is not None:
            return start_revoking(tx, grant, now, cause=Cause.GIVEN_BACK, by=grant.recipient)
        code = error.code if error else NotFound.code
        actor = actor_of(known, command.account)
        refuse(tx, EventType.GRANT_ACTION_REFUSED, now, actor, code, grant=command.grant)
    raise error or NotFound("grant", command.grant)


def _refusal(person: str | None, grant: Grant | None, command: GiveBack) -> ValetkeyError | None:
    if grant is None:
        return NotFound("grant", command.grant)
    if person != grant.recipient:
        return NotAllowed("give-back")
    if grant.state not in {GrantState.ACTIVATING, GrantState.ACTIVE}:
        return WrongState("grant", grant.id, str(grant.state))
    return None
