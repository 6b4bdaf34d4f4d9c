"""What must hold in the small world whatever happened: asked of rows, record and cluster."""

from collections import Counter
from itertools import pairwise

from grants.access.cluster_port import Binding
from grants.access.model import (
    GRANT_MOVES,
    REQUEST_MOVES,
    AccessRequest,
    Grant,
    GrantState,
    ProofKind,
    RequestState,
    Verdict,
)
from grants.authz.model import Question
from grants.record.model import EventType
from tests.support.world import World

PODS = Question("get", resource="pods", namespace="payments-dev")
LIVE = frozenset({GrantState.ACTIVATING, GrantState.ACTIVE, GrantState.REVOKING})

GRANT_EVENTS = {
    EventType.GRANT_ACTIVATING: GrantState.ACTIVATING,
    EventType.GRANT_ACTIVE: GrantState.ACTIVE,
    EventType.GRANT_REVOKING: GrantState.REVOKING,
    EventType.GRANT_ENDED: GrantState.ENDED,
}
REQUEST_EVENTS = {
    EventType.REQUEST_DRAFTED: RequestState.DRAFT,
    EventType.REQUEST_SUBMITTED: RequestState.PENDING,
    EventType.REQUEST_APPROVED: RequestState.APPROVED,
    EventType.REQUEST_DENIED: RequestState.DENIED,
    EventType.REQUEST_CANCELLED: RequestState.CANCELLED,
    EventType.REQUEST_EXPIRED: RequestState.EXPIRED,
}


def every_grant(world: World) -> tuple[Grant, ...]:
    return tuple(world.store._rows.grants.values())


def every_request(world: World) -> tuple[AccessRequest, ...]:
    return tuple(world.store._rows.requests.values())


def ours(world: World) -> list[Binding]:
    """Every binding that a row knows by its uid, or that bears our labels."""
    uids = {g.binding_uid for g in every_grant(world)} - {None}
    return [
        b
        for b in world.cluster.all_bindings()
        if b.uid in uids or (b.grant is not None and b.installation == world.installation)
    ]


def check_access_is_live(world: World) -> None:
    """A binding of ours that gives anything belongs to a live grant that stored its uid first.

    Asked of the cluster: whoever is allowed is allowed by such a binding (nobody else gives here).
    """
    by_uid = {g.binding_uid: g for g in every_grant(world)}
    for binding in ours(world):
        if not binding.subjects:
            continue
        grant = by_uid.get(binding.uid)
        assert grant is not None, f"{binding} is filled, and no row knows its uid"
        assert grant.state in LIVE, f"{binding} counts, though {grant.id} is {grant.state}"
        assert grant.expires_at is not None, "filled before its end was stored"
    live = {g.subject for g in every_grant(world) if g.state in LIVE and g.expires_at is not None}
    for subject in {g.subject for g in every_grant(world)} - live:
        assert not world.cluster.allowed(subject, PODS).allowed, f"{subject} is allowed"


def check_ended_is_gone(world: World) -> None:
    """Said to be ended: no server counts our binding, not one that is behind either."""
    standing = {b.uid for b in world.cluster.all_bindings()}
    for grant in every_grant(world):
        if grant.state is not GrantState.ENDED:
            continue
        proof = world.store._rows.proofs.values()
        last = [p for p in proof if (p.grant, p.kind) == (grant.id, ProofKind.GONE)]
        assert len(last) == 1, "ended once, with one proof"
        assert {one.endpoint for one in last[0].seen} == set(world.cluster.endpoints())
        assert all(one.ready for one in last[0].seen)
        if grant.binding_uid is None:
            continue
        assert grant.binding_uid not in {one.binding_uid for one in last[0].seen}
        assert grant.binding_uid not in standing, f"{grant.id} has ended and its binding stands"
        for endpoint, stale in world.cluster._stale.items():
            uids = {b.uid for b in stale.values()}
            assert grant.binding_uid not in uids, f"{endpoint} still counts {grant.id}"


def check_one_grant_an_item(world: World) -> None:
    requests = {r.id: r for r in every_request(world)}
    counted = Counter(grant.item for grant in every_grant(world))
    assert not counted or max(counted.values()) == 1
    for grant in every_grant(world):
        assert requests[grant.request].state is RequestState.APPROVED
    granted = {grant.request for grant in every_grant(world)}
    approved = {r.id for r in requests.values() if r.state is RequestState.APPROVED}
    assert granted == approved


def check_nobody_approved_their_own(world: World) -> None:
    requests = {r.id: r for r in every_request(world)}
    for one in world.store._rows.decisions.values():
        request = requests[one.request]
        if one.verdict is Verdict.APPROVE:
            assert one.approver not in {request.requester, request.recipient}
            assert one.terms_hash == request.terms_hash


def check_record(world: World) -> None:
    """Numbers without gaps; each state once, in an order that the tables allow, the last as is."""
    numbers = list(world.store._rows.events)
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(stored.number == n for n, (_, stored) in world.store._rows.events.items())
    grants: dict[str, list[GrantState]] = {}
    requests: dict[str, list[RequestState]] = {}
    for event in world.store.events:
        if event.type in GRANT_EVENTS:
            grants.setdefault(event.grant or "", []).append(GRANT_EVENTS[event.type])
        if event.type in REQUEST_EVENTS:
            requests.setdefault(event.request or "", []).append(REQUEST_EVENTS[event.type])
    _check_grant_paths(world, grants)
    _check_request_paths(world, requests)
    made = sum(event.type is EventType.DECISION_MADE for event in world.store.events)
    assert made == len(world.store._rows.decisions)


def _check_grant_paths(world: World, paths: dict[str, list[GrantState]]) -> None:
    assert set(paths) == {grant.id for grant in every_grant(world)}
    for grant in every_grant(world):
        path = paths[grant.id]
        assert path[0] is GrantState.ACTIVATING
        assert path[-1] is grant.state
        assert all(b in GRANT_MOVES[a] for a, b in pairwise(path)), path


def _check_request_paths(world: World, paths: dict[str, list[RequestState]]) -> None:
    assert set(paths) == {request.id for request in every_request(world)}
    for request in every_request(world):
        path = paths[request.id]
        assert path[0] in {RequestState.DRAFT, RequestState.PENDING}
        assert path[-1] is request.state
        assert all(b in REQUEST_MOVES[a] for a, b in pairwise(path)), path


def check_lease(world: World) -> None:
    """No lease is longer than what was agreed, counted from when it was seen to act."""
    for grant in every_grant(world):
        if grant.active_at is not None and grant.expires_at is not None:
            assert grant.expires_at <= grant.active_at + grant.duration


CHECKS = (
    check_access_is_live,
    check_ended_is_gone,
    check_one_grant_an_item,
    check_nobody_approved_their_own,
    check_record,
    check_lease,
)
