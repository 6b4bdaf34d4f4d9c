"""Close drafts and pending requests whose time is up."""

from grants.access.closing import close
from grants.access.model import RequestState
from grants.access.ports import AccessPorts
from grants.record.model import EventType


def expire_requests(*, ports: AccessPorts, limit: int = 100) -> int:
    """Expire at most `limit` requests, each in a transaction of its own; tells how many."""
    now = ports.clock.now()
    with ports.store.read() as tx:
        late = [request.id for request in tx.requests_past(now, limit)]
    return sum(_expire(request, ports) for request in late)


def _expire(request_id: str, ports: AccessPorts) -> bool:
    now = ports.clock.now()
    with ports.store.write() as tx:
        request = tx.request(request_id)
        if request is None or request.state not in {RequestState.DRAFT, RequestState.PENDING}:
            return False
        if now < request.pending_until:
            return False
        close(
            tx,
            request.moved(RequestState.EXPIRED, now),
            EventType.REQUEST_EXPIRED,
            actor="system",
        )
        return True
