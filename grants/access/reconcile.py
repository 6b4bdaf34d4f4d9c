"""One grant, brought a step nearer to what the record says; safe to run at any time, by anybody."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from grants.access.activate import ACTIVATE
from grants.access.active import LOOK_AFTER
from grants.access.ending import END
from grants.access.model import Grant, GrantState
from grants.access.ports import AccessPorts, AccessTimes
from grants.access.steps import Step, begin, walk
from grants.access.telling import tell_stuck
from grants.errors import ChangedMeanwhile, ClusterError
from grants.record.model import Event, EventType

ROADS: Final[dict[GrantState, tuple[Step, ...]]] = {
    GrantState.ACTIVATING: ACTIVATE,
    GrantState.ACTIVE: LOOK_AFTER,
    GrantState.REVOKING: END,
}

_ROADS_AT_ONCE: Final = 4  # activating, active, revoking, ended: more turns than that is a bug


def reconcile_grant(grant_id: str, *, ports: AccessPorts) -> Grant | None:
    """Walk a grant's road, and the next one when it turns; gives the grant as it then stands.

    A cluster that fails is a problem stored on the grant, retried with back-off for ever;
    a database that fails goes through to the caller: nothing was changed.
    """
    grant = _read(grant_id, ports)
    for _road in range(_ROADS_AT_ONCE):
        if grant is None or grant.state is GrantState.ENDED:
            return grant
        before = grant
        grant = _walk_once(grant, ports)
        if grant is not None and (grant.state is before.state or grant.due_at > ports.clock.now()):
            return grant
    return grant


def _read(grant_id: str, ports: AccessPorts) -> Grant | None:
    with ports.store.read() as tx:
        return tx.grant(grant_id)


def _walk_once(grant: Grant, ports: AccessPorts) -> Grant | None:
    try:
        work = walk(ROADS[grant.state], begin(grant, ports.clock.now(), ports), ports)
    except ChangedMeanwhile:
        return _read(grant.id, ports)
    except ClusterError as error:
        return _store_failure(grant.id, error.code, ports)
    if work.problem:
        return _store_failure(grant.id, work.problem, ports)
    return work.grant


def backoff(attempts: int, times: AccessTimes) -> timedelta:
    """Give the wait after so many failures in a row: doubled each time, up to `retry_most`."""
    doubled: timedelta = times.retry_first * 2 ** min(attempts, 16)
    return min(doubled, times.retry_most)


def is_stuck(grant: Grant, now: datetime, times: AccessTimes) -> bool:
    """Tell whether a revocation has been failing for so long that a human is needed."""
    if grant.state is not GrantState.REVOKING or grant.revoking_at is None:
        return False
    return now - grant.revoking_at >= times.stuck_after


def _store_failure(grant_id: str, problem: str, ports: AccessPorts) -> Grant | None:
    """Keep why it failed and when to try again; call a human when a revocation stays stuck."""
    now, policy = ports.clock.now(), ports.policy.current()
    with ports.store.write() as tx:
        grant = tx.grant(grant_id)
        if grant is None or grant.state is GrantState.ENDED:
            return grant
        stuck = is_stuck(grant, now, ports.times)
        newly_stuck = stuck and not grant.stuck
        failed = replace(
            grant,
            attempts=grant.attempts + 1,
            problem=problem,
            failing_since=grant.failing_since or now,
            due_at=_retry_at(grant, now, ports.times),
            stuck=stuck,
        )
        if newly_stuck:
            tx.append(
                Event(
                    EventType.GRANT_STUCK,
                    now,
                    actor="system",
                    recipient=grant.recipient,
                    request=grant.request,
                    grant=grant.id,
                    facts={"problem": problem, "attempts": failed.attempts},
                )
            )
            tell_stuck(tx, policy, grant)
            tx.retell(grant.request)
        return tx.save_grant(failed)


def _retry_at(grant: Grant, now: datetime, times: AccessTimes) -> datetime:
    """Back off, but never past the end of an active lease: expiry is due on time."""
    retry = now + backoff(grant.attempts, times)
    if grant.state is GrantState.ACTIVE and grant.expires_at is not None:
        return max(now, min(retry, grant.expires_at))
    return retry
