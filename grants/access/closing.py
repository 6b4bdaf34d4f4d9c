"""Storing a request that reached its last state: the row, its event, and every card about it."""

from grants.access.model import AccessRequest, RequestState
from grants.access.ports import AccessTx
from grants.access.telling import ping, scope_facts
from grants.errors import WrongState
from grants.record.model import Event, EventType


def close(
    tx: AccessTx, request: AccessRequest, kind: EventType, *, actor: str, why: str | None = None
) -> AccessRequest:
    """Store a request that was just moved to its last state, with its event and its cards."""
    if request.closed_at is None:
        raise WrongState("request", request.id, str(request.state))
    tx.append(
        Event(
            kind,
            request.closed_at,
            actor=actor,
            recipient=request.recipient,
            request=request.id,
            why_digest=why,
            terms_hash=request.terms_hash,
            policy_digest=request.policy_digest,
            facts={"detail": request.closed_detail},
        )
    )
    tx.retell(request.id)
    if actor != request.requester and request.state is not RequestState.APPROVED:
        facts = scope_facts(request.items[0].terms) | {"state": str(request.state)}
        ping(tx, request.requester, "request-closed", request.id, facts)
    return tx.save_request(request)
