"""The road from approved to active, fenced: a worker that wakes late can't bring access back.

The binding is created empty, and its uid and expiry are stored; only then is it filled, by a PUT
that carries uid and resourceVersion. Whoever ends the grant meanwhile deletes that uid, and the PUT
is refused.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from grants.access.before import Before, Whom, ask_before
from grants.access.cluster_port import Binding, Started
from grants.access.drift import subjects_of
from grants.access.ending import turn_to_revoking
from grants.access.model import Cause, GrantState, ProofKind, Seen
from grants.access.ports import AccessPorts
from grants.access.proof import adds_nothing, make_proof
from grants.access.steps import (
    Step,
    Touches,
    Work,
    look_everywhere,
    look_there,
    recognise,
    save,
    wish_of,
)
from grants.access.telling import ping, scope_facts
from grants.errors import ClusterChanged, ClusterError
from grants.policy.risk import unaccepted_risks
from grants.record.model import Event, EventType

log = logging.getLogger("valetkey.access")


def _is_first(work: Work) -> bool:
    """Tell whether nobody can have put anything at the grant's place yet, and there is time."""
    return (
        work.grant.binding_uid is None
        and not work.grant.attempts
        and work.before is None
        and work.now < work.grant.activate_until
    )


def _begin(work: Work, ports: AccessPorts) -> Work:
    """Do at once what a first attempt needs: create, read the role, ask what is allowed before.

    An empty binding allows nothing, so what is asked meanwhile is what was allowed before. Who the
    cluster is, is asked before anything is put there; where the name is taken the create says so.
    Where the decision asked both a moment ago, who the cluster is, is asked anew beside the create,
    which is before anybody is given anything; what was put into another by then is taken away.
    """
    created: list[Binding] = []

    def create() -> Work:
        if not work.recognised:
            recognise(work)
        return replace(work, binding=_put(work, created))

    def read_role() -> Work:
        if work.recognised:
            recognise(work)
        return _read_role(work)

    def ask() -> Work:
        return _ask_before(work, ports)

    try:
        if work.asking is None:
            # The one that takes longest first: it waits for no other thread to wake.
            made, asked, read = _at_once(work, ports, create, ask, read_role)
        else:
            made, read = _at_once(work, ports, create, read_role)
            asked = _take_asked(work, work.asking) or ask()
    except ClusterChanged:
        _take_back(work, created)
        raise
    return replace(asked, binding=made.binding, role=read.role, role_digest=read.role_digest)


def _take_back(work: Work, created: list[Binding]) -> None:
    """Delete what was just made, by its uid, which nothing else has in any cluster.

    Should that fail, an empty binding is left, which gives nobody anything.
    """
    for binding in created:
        with suppress(ClusterError):
            work.cluster.delete(work.place, binding.uid)


def _take_asked(work: Work, asking: Started[Before | None]) -> Work | None:
    """Take what was asked for the decision; None where that was not enough, or came to nothing."""
    try:
        before = asking.result()
    except ClusterError as error:
        log.info("what was asked ahead failed; it is asked again", extra={"code": error.code})
        return None
    if before is None or not before.is_of(_whom(work), work.now):
        return None
    return _with_before(work, before)


def _whom(work: Work) -> Whom:
    return Whom(work.grant.subject, work.grant.groups, work.grant.namespace)


def _not_begun(work: Work) -> bool:
    return work.role_digest is None


def _look(work: Work, ports: AccessPorts) -> Work:
    """See what stands at the grant's place and, the first time, what is allowed before."""
    if work.before is not None:
        return replace(work, binding=look_there(work))

    def look() -> Work:
        return replace(work, binding=look_there(work))

    found, asked = _at_once(work, ports, look, lambda: _ask_before(work, ports))
    return replace(asked, binding=found.binding)


def _at_once(work: Work, ports: AccessPorts, *calls: Callable[[], Work]) -> tuple[Work, ...]:
    """Call a cluster several times at once; the first one's error is raised before the others'."""
    return ports.lookups.run_beside(work.cluster.alias, calls)


def _is_ours(work: Work, found: Binding, installation: str) -> bool:
    grant = work.grant
    return (
        found.grant == grant.id
        and found.installation == installation
        and found.role == grant.role
        and not found.deleting
    )


def _judge_found(work: Work, ports: AccessPorts) -> Work:
    """Decide what stands there means; only a turn is written, so that a retry sees it anew."""
    grant, found = work.grant, work.binding
    filled = found is not None and found.subjects == subjects_of(work.grant)
    if found is None and grant.binding_uid is not None:
        return turn_to_revoking(work, ports, Cause.REVOKED_OUTSIDE, "gone-before-active")
    if found is not None and grant.binding_uid is not None and found.uid != grant.binding_uid:
        return turn_to_revoking(work, ports, Cause.ALTERED_OUTSIDE, "another-uid")
    if found is not None and not _is_ours(work, found, ports.installation):
        return turn_to_revoking(work, ports, Cause.NEVER_ACTIVE, "name-taken")
    if found is not None and found.subjects and not (filled and grant.binding_uid):
        return turn_to_revoking(work, ports, Cause.ALTERED_OUTSIDE, "filled-by-another")
    if not filled and work.now >= grant.activate_until:
        return turn_to_revoking(work, ports, Cause.NEVER_ACTIVE, grant.problem or "too-late")
    return work


def _filled(work: Work) -> bool:
    return work.binding is not None and work.binding.subjects == subjects_of(work.grant)


def _not_filled(work: Work) -> bool:
    return not _filled(work)


def _to_create(work: Work) -> bool:
    return _not_begun(work) and _not_filled(work)


def _ask_before(work: Work, ports: AccessPorts) -> Work:
    before = ask_before(work.cluster, _whom(work), work.rules, ports.clock)
    return _with_before(work, before)


def _with_before(work: Work, before: Before) -> Work:
    proof = make_proof(
        work.grant,
        ProofKind.BEFORE,
        before.at,
        (Seen(before.endpoint, ready=True, binding_uid=None, answers=before.answers),),
        unsampled=before.unsampled,
        all_endpoints=work.cluster.knows_all_endpoints(),
    )
    if adds_nothing(proof):
        proof = replace(proof, notes=(*proof.notes, "adds-nothing"))
    return replace(work, before=proof, before_is_new=True)


def _create(work: Work, ports: AccessPorts) -> Work:
    """Create the binding empty, if it is not there yet, and read the role meanwhile."""

    def make() -> Work:
        return replace(work, binding=work.binding or _put(work))

    made, read = _at_once(work, ports, make, lambda: _read_role(work))
    return replace(read, binding=made.binding)


def _put(work: Work, created: list[Binding] | None = None) -> Binding | None:
    """Create the binding empty; where the name is taken it is seen by what, to judge that."""
    made = work.cluster.create_empty(wish_of(work.grant))
    if made is not None and created is not None:
        created.append(made)
    return made or work.cluster.binding(work.place)


def _read_role(work: Work) -> Work:
    snapshot = work.cluster.role(work.grant.role, work.grant.namespace)
    return replace(work, role=snapshot, role_digest=snapshot.digest if snapshot else "")


def _judge_role(work: Work, ports: AccessPorts) -> Work:
    """Judge the role of this moment, with the policy of this moment, before anybody gets it.

    Another role than that of the terms is never bound. One that is the same may still have risks
    that policy has stopped accepting since the approval.
    """
    grant, role = work.grant, work.role
    if role is None:
        return turn_to_revoking(work, ports, Cause.NEVER_ACTIVE, "role-gone")
    if role.digest != grant.role_digest:
        return turn_to_revoking(work, ports, Cause.NEVER_ACTIVE, "role-changed")
    unaccepted = unaccepted_risks(
        ports.policy.current(),
        grant.entitlement,
        role.rules,
        cluster=grant.cluster,
        namespace=grant.namespace,
        process_namespace=ports.own_namespace,
    )
    if unaccepted:
        return turn_to_revoking(work, ports, Cause.NEVER_ACTIVE, "risk-not-accepted")
    return work


class _ClocksApartError(Exception):
    """The lease would be over before it begins; nothing of it is to be stored."""


def _lease_end(work: Work, now: datetime, theirs: datetime) -> datetime:
    expires = min(now, theirs) + work.grant.duration
    if now >= expires:
        raise _ClocksApartError
    return expires


def _store_intent(work: Work, ports: AccessPorts) -> Work:
    """Store what was asked before, the binding's uid and the end of the lease, then fill.

    The end is reckoned from the earlier of our clock and the database's: by a clock that runs
    ahead the lease would last longer than was agreed, as soon as that clock is put right or
    another replica's judges the end.
    """
    if work.binding is None:
        return replace(work, problem="binding-vanished")
    try:
        with ports.store.write() as tx:
            now = ports.clock.now()
            new = work.before if work.before_is_new else None
            theirs = tx.database_time() if new is None else tx.add_proof(new)
            expires = _lease_end(work, now, theirs or now)
            meant = replace(work.grant, binding_uid=work.binding.uid, expires_at=expires)
            return replace(save(tx, work, meant), before_is_new=False)
    except _ClocksApartError:
        return replace(work, problem="clocks-apart")


def _fill(work: Work, ports: AccessPorts) -> Work:
    expires = work.grant.expires_at
    if work.binding is None or expires is None:
        return replace(work, problem="binding-vanished")
    if ports.clock.now() >= expires:
        return replace(work, problem="too-slow")
    return replace(work, binding=work.cluster.fill(work.binding, wish_of(work.grant), expires))


def _ask_active(work: Work, _: AccessPorts) -> Work:
    """See it act. Another API server may be some milliseconds behind, so ask a few times."""
    for _attempt in range(3):
        seen = look_everywhere(work, work.before)
        # An endpoint that could not be asked has no answers, and so has shown nothing.
        if all(not s.problem and all(a.allowed for a in s.answers) for s in seen):
            return replace(work, seen=seen)
    return replace(work, seen=seen, notes=("not-all-allowed-yet",))


def _store_active(work: Work, ports: AccessPorts) -> Work:
    now = ports.clock.now()
    grant, written = work.grant, work.binding
    known = [at for at in (grant.expires_at, written.expires_at if written else None) if at]
    expires = min(known) if known else now  # nothing says how long: over at once
    due = min(now, expires)  # a clock that runs ahead must not put the end off
    active = replace(grant.moved(GrantState.ACTIVE), expires_at=expires, active_at=now, due_at=due)
    notes = work.notes
    if work.before is not None and "adds-nothing" in work.before.notes:
        notes = (*notes, "adds-nothing")
    proof = make_proof(
        grant,
        ProofKind.ACTIVE,
        now,
        work.seen,
        notes=notes,
        unsampled=work.before.unsampled if work.before else 0,
        all_endpoints=work.cluster.knows_all_endpoints(),
    )
    with ports.store.write() as tx:
        tx.add_proof(proof)
        tx.append(
            Event(
                EventType.GRANT_ACTIVE,
                now,
                actor="system",
                recipient=grant.recipient,
                request=grant.request,
                grant=grant.id,
                facts={
                    "binding_uid": grant.binding_uid or "",
                    "expires_at": expires.isoformat(),
                    "notes": list(proof.notes),
                },
            )
        )
        tx.retell(grant.request)
        facts = scope_facts(grant) | {"expires_at": expires.isoformat()}
        ping(tx, grant.recipient, "access-active", grant.request, facts)
        return replace(save(tx, work, active), turned=True)


ACTIVATE: tuple[Step, ...] = (
    Step("activate.begin", Touches.CLUSTER, _begin, _is_first),
    Step("activate.look", Touches.CLUSTER, _look, _not_begun),
    Step("activate.judge-found", Touches.RECORD, _judge_found, _not_begun),
    Step("activate.create", Touches.CLUSTER, _create, _to_create),
    Step("activate.judge-created", Touches.RECORD, _judge_found),
    Step("activate.judge-role", Touches.RECORD, _judge_role, _not_filled),
    Step("activate.store-intent", Touches.RECORD, _store_intent, _not_filled),
    Step("activate.fill", Touches.CLUSTER, _fill, _not_filled),
    Step("activate.ask-active", Touches.CLUSTER, _ask_active),
    Step("activate.store-active", Touches.RECORD, _store_active),
)
