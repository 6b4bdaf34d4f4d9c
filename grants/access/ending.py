"""The road from revoking to ended: delete by uid, see it gone everywhere, only then say so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from grants.access.cluster_port import Binding
from grants.access.model import AT_ONCE, Cause, Grant, GrantState, Proof, ProofKind
from grants.access.ports import AccessPorts, AccessTx
from grants.access.proof import judge_gone, make_proof
from grants.access.steps import (
    Step,
    Touches,
    Work,
    look_everywhere,
    look_there,
    recognise,
    save,
)
from grants.access.telling import scope_facts, sentence
from grants.errors import ClusterConflict, ClusterForbidden
from grants.outbox.model import Notice
from grants.record.model import Event, EventType


def start_revoking(
    tx: AccessTx,
    grant: Grant,
    now: datetime,
    *,
    cause: Cause,
    detail: str = "",
    by: str = "system",
    why_digest: str | None = None,
    why: str = "",
) -> Grant:
    """Move a grant to revoking inside a transaction: the row, its event and the cards."""
    moved = replace(revoking(grant, now, cause), cause_detail=detail, ended_by=by, end_reason=why)
    tell_revoking(tx, moved, why_digest)
    return tx.save_grant(moved)


def revoking(grant: Grant, now: datetime, cause: Cause) -> Grant:
    """Give a grant as it is revoking, by nobody's wish and for no more than its cause."""
    return replace(
        grant.moved(GrantState.REVOKING),
        cause=cause,
        cause_detail="",
        revoking_at=now,
        due_at=AT_ONCE,
        ended_by="system",
        end_reason="",
    )


def tell_revoking(tx: AccessTx, moved: Grant, why_digest: str | None = None) -> None:
    """Append the event of a grant that is revoking, and have its cards told."""
    if moved.revoking_at is None or moved.ended_by is None:
        raise ValueError("a revoking grant has its time, and who ended it")
    tx.append(
        Event(
            EventType.GRANT_REVOKING,
            moved.revoking_at,
            actor=moved.ended_by,
            recipient=moved.recipient,
            request=moved.request,
            grant=moved.id,
            why_digest=why_digest,
            facts={"cause": str(moved.cause), "detail": moved.cause_detail},
        )
    )
    tx.retell(moved.request)


def turn_to_revoking(work: Work, ports: AccessPorts, cause: Cause, detail: str) -> Work:
    """Leave the present road for revoking, in a transaction of its own."""
    with ports.store.write() as tx:
        grant = start_revoking(tx, work.grant, work.now, cause=cause, detail=detail)
    return replace(work, grant=grant, turned=True)


def _uid_known(work: Work) -> bool:
    return work.grant.binding_uid is not None


def _delete_known(work: Work, _: AccessPorts) -> Work:
    """Delete by the uid of the row, without a look first: nothing else has that uid.

    Should another uid stand there (a backup's copy, say), the next steps look at it.
    """
    uid = work.grant.binding_uid
    if uid is None:
        return work
    try:
        return replace(work, binding=work.cluster.delete(work.place, uid), deleted=True)
    except ClusterConflict:
        return work


def _not_deleted(work: Work) -> bool:
    return not work.deleted


def _find(work: Work, ports: AccessPorts) -> Work:
    """Find what to delete: our uid, or what stands at our name and bears this grant's label."""
    found = look_there(work)
    return replace(work, binding=found if _is_ours(work, found, ports) else None)


def _is_ours(work: Work, found: Binding | None, ports: AccessPorts) -> bool:
    return found is not None and (
        found.uid == work.grant.binding_uid
        or (found.grant == work.grant.id and found.installation == ports.installation)
    )


def _uid_unknown(work: Work) -> bool:
    return work.grant.binding_uid is None and work.binding is not None


def _store_found(work: Work, ports: AccessPorts) -> Work:
    """Keep the uid of a binding that a crash left between create and commit."""
    uid = work.binding.uid if work.binding else None
    with ports.store.write() as tx:
        return save(tx, work, replace(work.grant, binding_uid=uid))


def _found(work: Work) -> bool:
    return work.binding is not None and not work.deleted


def _delete(work: Work, _: AccessPorts) -> Work:
    if work.binding is None:
        return work
    try:
        return replace(work, binding=work.cluster.delete(work.place, work.binding.uid))
    except ClusterConflict:
        # Another uid stands there since the look: begin anew and look again.
        return replace(work, problem="changed-meanwhile")


def _held(work: Work) -> bool:
    return work.binding is not None and work.binding.deleting


def _store_held(work: Work, ports: AccessPorts) -> Work:
    """Record what holds the binding before it is dropped: whoever put it there is owed a trace."""
    held = work.binding.finalizers if work.binding else ()
    with ports.store.write() as tx:
        if not tx.first_time(f"held:{work.grant.id}:{','.join(sorted(held))}", work.now):
            return work
        tx.append(
            Event(
                EventType.GRANT_HELD,
                work.now,
                actor="system",
                recipient=work.grant.recipient,
                request=work.grant.request,
                grant=work.grant.id,
                facts={"finalizers": list(held)},
            )
        )
    return work


def _empty(work: Work, _: AccessPorts) -> Work:
    """Take the subjects away at once: a held binding goes on authorizing until then."""
    if work.binding is None:
        return work
    try:
        return replace(work, binding=work.cluster.empty(work.binding))
    except ClusterForbidden:
        # Without `bind` on the role emptying is refused; dropping the finalizers is not.
        return replace(work, notes=(*work.notes, "could-not-empty"))


def _held_filled(work: Work) -> bool:
    return _held(work) and work.binding is not None and bool(work.binding.subjects)


def _held_by_finalizers(work: Work) -> bool:
    return _held(work) and work.binding is not None and bool(work.binding.finalizers)


def _drop_finalizers(work: Work, _: AccessPorts) -> Work:
    if work.binding is not None:
        work.cluster.drop_finalizers(work.binding)
    return work


def _see(work: Work, ports: AccessPorts) -> Work:
    """Look everywhere; while something is in the way look again at once, a few times.

    Another API server may be some milliseconds behind, and among overlapping bindings the one
    named in an answer is random, so one look proves less than three. Before and after the
    cluster is asked who it is, since the address may have been pointed elsewhere. What stands at
    the place under another uid is looked at: a backup or a GitOps tool may have put a copy of the
    binding there, with our labels.
    """
    recognise(work)
    for _attempt in range(3):
        seen = look_everywhere(work, work.before)
        judged = judge_gone(work.grant, work.place, seen)
        if judged.gone and "still-allowed-by-other" not in judged.notes:
            break
    problem = judged.problem
    if not problem and any(one.binding_uid for one in seen):
        problem = "binding-still-there" if _is_ours(work, look_there(work), ports) else ""
    elif not problem:
        recognise(work)
    return replace(work, seen=seen, notes=(*work.notes, *judged.notes), problem=problem)


def _store_ended(work: Work, ports: AccessPorts) -> Work:
    now = ports.clock.now()
    proof = make_proof(
        work.grant,
        ProofKind.GONE,
        now,
        work.seen,
        notes=_closing_notes(work),
        unsampled=work.before.unsampled if work.before else 0,
        all_endpoints=work.cluster.knows_all_endpoints(),
    )
    ended = replace(work.grant.moved(GrantState.ENDED), ended_at=now, stuck=False)
    end = _End(ended, proof, was_stuck=work.grant.stuck)
    return replace(work, grant=ports.store.write_together(_store_ends, end), turned=True)


@dataclass(frozen=True)
class _End:
    """A grant that is proven ended, of the version that was read, and the proof."""

    grant: Grant
    proof: Proof
    was_stuck: bool


def _store_ends(tx: AccessTx, ends: Sequence[_End]) -> tuple[Grant, ...]:
    """Store what has ended: its proof, its event, and what is to be told.

    In one order, whoever brings them: two transactions may want the same rows.
    """
    in_order = sorted(ends, key=lambda end: end.grant.id)
    tx.add_proofs([end.proof for end in in_order])
    for end in ends:
        tx.append(_ended_event(end.grant, end.proof.notes))
        tx.retell(end.grant.request)
        if end.was_stuck:
            tx.retell(end.grant.id)
    _tell_who_decides(tx, [end.grant for end in ends])
    told = [end.grant for end in ends if end.grant.cause is not Cause.GIVEN_BACK]
    tx.notify_all([_sentence(grant) for grant in told])
    saved = {grant.id: grant for grant in tx.save_grants([end.grant for end in in_order])}
    return tuple(saved[end.grant.id] for end in ends)


def _tell_who_decides(tx: AccessTx, ended: Sequence[Grant]) -> None:
    """Have open requests of people whose access ended before its time told anew.

    Whoever decides was told what it would add to that access, and until when that lasts.
    """
    early = {grant.recipient for grant in ended if grant.cause is not Cause.EXPIRED}
    for request in tx.open_requests_for(early) if early else ():
        tx.retell(request)


def _sentence(ended: Grant) -> Notice:
    facts = scope_facts(ended) | {"cause": str(ended.cause)}
    return sentence(ended.recipient, "access-ended", ended.request, facts)


def _closing_notes(work: Work) -> tuple[str, ...]:
    extra = ("adds-nothing",) if work.before and "adds-nothing" in work.before.notes else ()
    return tuple(dict.fromkeys((*work.notes, *extra)))


def _ended_event(grant: Grant, notes: tuple[str, ...]) -> Event:
    if grant.ended_at is None:
        raise ValueError("an ended grant has its time")
    return Event(
        EventType.GRANT_ENDED,
        grant.ended_at,
        actor="system",
        recipient=grant.recipient,
        request=grant.request,
        grant=grant.id,
        facts={
            "cause": str(grant.cause),
            "detail": grant.cause_detail,
            "binding_uid": grant.binding_uid or "",
            "notes": list(notes),
        },
    )


END: tuple[Step, ...] = (
    Step("end.delete-known", Touches.CLUSTER, _delete_known, _uid_known),
    Step("end.find", Touches.CLUSTER, _find, _not_deleted),
    Step("end.store-found", Touches.RECORD, _store_found, _uid_unknown),
    Step("end.delete", Touches.CLUSTER, _delete, _found),
    Step("end.store-held", Touches.RECORD, _store_held, _held),
    Step("end.empty", Touches.CLUSTER, _empty, _held_filled),
    Step("end.drop-finalizers", Touches.CLUSTER, _drop_finalizers, _held_by_finalizers),
    Step("end.see", Touches.CLUSTER, _see),
    Step("end.store-ended", Touches.RECORD, _store_ended),
)
