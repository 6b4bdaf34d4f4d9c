"""One grant, brought a step nearer to what the record says; safe to run at any time, by anybody."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from grants.access.activate import ACTIVATE
from grants.access.active import LOOK_AFTER, is_over
from grants.access.ending import END, start_revoking
from grants.access.fresh import Handed
from grants.access.model import Cause, Grant, GrantState
from grants.access.ports import AccessPorts, AccessTimes, AccessTx
from grants.access.steps import Step, Work, begin, begin_with, go_on, walk
from grants.access.telling import tell_stuck
from grants.errors import (
    ChangedMeanwhile,
    ClusterError,
    StoreInUse,
    StoreSchemaWrong,
    StoreUnavailable,
)
from grants.policy.model import Policy
from grants.record.model import Event, EventType

log = logging.getLogger("valetkey.access")

ROADS: Final[dict[GrantState, tuple[Step, ...]]] = {
    GrantState.ACTIVATING: ACTIVATE,
    GrantState.ACTIVE: LOOK_AFTER,
    GrantState.REVOKING: END,
}

ROADS_AT_ONCE: Final = 4  # activating, active, revoking, ended: more turns than that is a bug
NOTHING_CHANGED: Final = (StoreUnavailable, StoreSchemaWrong, StoreInUse)


def reconcile_grant(
    grant_id: str, *, ports: AccessPorts, handed: Handed | None = None
) -> Grant | None:
    """Walk a grant's road, and the next one when it turns; gives the grant as it then stands.

    A cluster that fails, and a bug of ours, is a problem stored on the grant, retried with
    back-off for ever; a database that fails goes through to the caller: nothing was changed.
    `handed` is what was read or written of it a moment ago.
    """
    work = begin(grant_id, ports) if handed is None else begin_with(handed, ports)
    for _road in range(ROADS_AT_ONCE):
        if work is None or work.grant.state is GrantState.ENDED:
            break
        before = work.grant
        work = _walk_once(work, ports)
        now = ports.clock.now()
        if work is None or work.grant.state is before.state or work.grant.due_at > now:
            break
        work = go_on(work, now)
    return None if work is None else work.grant


def _walk_once(work: Work, ports: AccessPorts) -> Work | None:
    """Walk one road; what failed is stored on the grant, as it then stands."""
    grant = work.grant
    try:
        work = walk(ROADS[grant.state], work, ports)
    except ChangedMeanwhile as error:
        fresh = begin(grant.id, ports)
        if fresh is None or fresh.grant.version != grant.version:
            return fresh
        # Nobody moved it: left as it is, it would be due again at once, and so for ever.
        return _failed(work, error.code, ports)
    except ClusterError as error:
        return _failed(work, error.code, ports)
    except NOTHING_CHANGED:
        raise
    except Exception:
        # Whatever breaks one grant must neither stop the others nor be forgotten.
        log.exception("a walk broke", extra={"grant": grant.id})
        return _failed(work, "bug", ports)
    if work.problem:
        return _failed(work, work.problem, ports, looked=True)
    return work


def _failed(work: Work, problem: str, ports: AccessPorts, *, looked: bool = False) -> Work | None:
    grant = note_failure(work.grant.id, problem, ports=ports, looked=looked)
    return None if grant is None else replace(work, grant=grant)


def backoff(attempts: int, times: AccessTimes) -> timedelta:
    """Give the wait after so many failures in a row: doubled each time, up to `retry_most`."""
    doubled: timedelta = times.retry_first * 2 ** min(attempts, 16)
    return min(doubled, times.retry_most)


def is_stuck(grant: Grant, now: datetime, times: AccessTimes) -> bool:
    """Tell whether access that should be gone has outlived its end for so long that a human is
    needed: by a revocation that fails, or by a lease whose end a bug keeps from being noticed.
    """
    if grant.state is GrantState.REVOKING:
        return grant.revoking_at is not None and now - grant.revoking_at >= times.stuck_after
    ended_at = grant.expires_at
    return (
        grant.state is GrantState.ACTIVE
        and ended_at is not None
        and now - ended_at >= times.stuck_after
    )


def note_failure(
    grant_id: str, problem: str, *, ports: AccessPorts, looked: bool = False
) -> Grant | None:
    """Keep why it failed and when to try again; call a human when access outlives its end.

    What could not be activated in time is given up here, since its road may never again get as
    far as its own look at the clock. `looked` says that the binding was seen, and not filled.
    """
    now, policy = ports.clock.now(), ports.policy.current()
    with ports.store.write() as tx:
        grant = tx.grant(grant_id)
        if grant is None or grant.state is GrantState.ENDED:
            return grant
        cause = cause_to_give_up(grant, now, looked=looked)
        if cause is not None:
            return start_revoking(tx, grant, now, cause=cause, detail=problem)
        failed = replace(
            grant,
            attempts=grant.attempts + 1,
            problem=problem,
            failing_since=grant.failing_since or now,
            due_at=_retry_at(grant, now, ports.times),
            stuck=is_stuck(grant, now, ports.times),
        )
        if failed.stuck and not grant.stuck:
            call_human(tx, failed, now, policy)
        return tx.save_grant(failed)


def cause_to_give_up(grant: Grant, now: datetime, *, looked: bool) -> Cause | None:
    """Tell why an activation is given up, if it is.

    Once an expiry is stored the binding may be filled, and is waited for until that has passed.
    """
    if grant.state is not GrantState.ACTIVATING or now < grant.activate_until:
        return None
    if grant.expires_at is None or looked:
        return Cause.NEVER_ACTIVE
    return Cause.EXPIRED if is_over(grant, now) else None


def call_human(tx: AccessTx, grant: Grant, now: datetime, policy: Policy) -> None:
    """Say that a grant is stuck: the event, and the cards at the admins' places."""
    tx.append(
        Event(
            EventType.GRANT_STUCK,
            now,
            actor="system",
            recipient=grant.recipient,
            request=grant.request,
            grant=grant.id,
            facts={"problem": grant.problem, "attempts": grant.attempts},
        )
    )
    tell_stuck(tx, policy, grant)
    tx.retell(grant.request)


def _retry_at(grant: Grant, now: datetime, times: AccessTimes) -> datetime:
    """Back off, but never past the end of a lease, though it may not be known to have begun:
    expiry is due on time.
    """
    retry = now + backoff(grant.attempts, times)
    if grant.expires_at is not None and grant.expires_at > now:
        return min(retry, grant.expires_at)
    return retry
