"""Close drafts and pending requests whose time is up."""

import logging

from grants.access.closing import close
from grants.access.model import RequestState
from grants.access.ports import AccessPorts
from grants.errors import ChangedMeanwhile, StoreUnavailable
from grants.record.model import EventType

log = logging.getLogger("valetkey.access")


def expire_requests(*, ports: AccessPorts, limit: int = 100) -> int:
    """Expire at most `limit` requests, each in a transaction of its own; tells how many."""
    now = ports.clock.now()
    with ports.store.read() as tx:
        late = [request.id for request in tx.requests_past(now, limit)]
    return sum(_try(request, ports) for request in late)


def _try(request_id: str, ports: AccessPorts) -> bool:
    """Expire one; what breaks it must not keep those after it open for ever."""
    try:
        return _expire(request_id, ports)
    except ChangedMeanwhile:
        return False  # somebody decided or cancelled it just now
    except StoreUnavailable:
        raise
    except Exception:
        log.exception("a request could not be expired", extra={"request": request_id})
        return False


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
