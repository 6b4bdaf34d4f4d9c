"""Cancel one's own draft or pending request."""

from dataclasses import dataclass

from grants.access.closing import close
from grants.access.model import AccessRequest, RequestState
from grants.access.ports import AccessPorts
from grants.errors import AlreadyDone, NotAllowed, NotFound, ValetkeyError, WrongState
from grants.people.actors import actor_of, refuse
from grants.people.model import Account
from grants.record.model import EventType


@dataclass(frozen=True)
class CancelRequest:
    """Who clicked (signed), under which inbound key, and on which request."""

    key: str
    account: Account
    request: str


def cancel_request(command: CancelRequest, *, ports: AccessPorts) -> AccessRequest:
    """Cancel a request; NotFound, NotAllowed (another's), WrongState (closed), AlreadyDone."""
    now = ports.clock.now()
    with ports.store.write() as tx:
        if not tx.first_time(command.key, now):
            raise AlreadyDone(command.key)
        known = tx.known(command.account)
        request = tx.request(command.request)
        error = _refusal(known.person.id if known else None, request, command)
        if error or request is None:
            actor = actor_of(known, command.account)
            code = error.code if error else NotFound.code
            refuse(tx, EventType.REQUEST_REFUSED, now, actor, code, request=command.request)
        else:
            moved = request.moved(RequestState.CANCELLED, now)
            return close(tx, moved, EventType.REQUEST_CANCELLED, actor=request.requester)
    raise error or NotFound("request", command.request)


def _refusal(
    person: str | None, request: AccessRequest | None, command: CancelRequest
) -> ValetkeyError | None:
    if request is None:
        return NotFound("request", command.request)
    if person != request.requester:
        return NotAllowed("cancel-request")
    if request.state not in {RequestState.DRAFT, RequestState.PENDING}:
        return WrongState("request", request.id, str(request.state))
    return None
