"""Grants of a cluster that can't be asked: what the record alone decides goes on without it.

A lease ends on time though its binding can't be deleted, an activation is given up, people are
warned, and a human is called: by the rows, for each grant, without one call to the cluster.
"""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from itertools import takewhile
from typing import Final

from grants.access.active import warn_if_due
from grants.access.ending import start_revoking
from grants.access.health import HealthPorts
from grants.access.model import Grant, GrantState
from grants.access.ports import AccessPorts, AccessTx
from grants.access.reconcile import (
    NOTHING_CHANGED,
    ROADS,
    ROADS_AT_ONCE,
    call_human,
    cause_to_give_up,
    is_stuck,
)
from grants.access.steps import Step, Touches, begin, go_on, walk
from grants.errors import ChangedMeanwhile

log = logging.getLogger("valetkey.access")

MOST_AT_ONCE: Final = 200
"""How many grants one pass brings up to date, so that no cluster's thousand hold up another's."""


def note_all_waiting(clusters: Collection[str], problem: str, *, ports: HealthPorts) -> int:
    """Bring the rows of grants in clusters that can't be asked up to date; tells how many were."""
    times = ports.times
    with ports.store.read() as tx:
        grants = tx.to_note(
            clusters,
            problem,
            ports.clock.now(),
            stuck_after=times.stuck_after,
            warn_before=times.warn_before,
            limit=MOST_AT_ONCE,
        )
    for grant in grants:
        _note_one(grant, problem, ports)
    return len(grants)


def _note_one(grant: str, problem: str, ports: HealthPorts) -> None:
    """Note one; a bug that it meets must not keep the others from being told stuck."""
    try:
        note_waiting(grant, problem, ports=ports)
    except NOTHING_CHANGED:
        raise
    except Exception:
        log.exception("what waits could not be noted", extra={"grant": grant})


def note_waiting(grant_id: str, problem: str, *, ports: AccessPorts) -> Grant | None:
    """Walk a grant's road as far as the record goes, and keep what it waits for.

    When it is due stays as it is, so that it goes on at once when the cluster can be asked.
    """
    work = begin(grant_id, ports)
    for _road in range(ROADS_AT_ONCE):
        if work is None or work.grant.state is GrantState.ENDED:
            break
        try:
            work = walk(_without_cluster(ROADS[work.grant.state]), work, ports)
        except ChangedMeanwhile:
            break  # somebody is at it: what is still to be noted is found by the next pass
        if not work.turned:
            break
        work = go_on(work, ports.clock.now())
    return _keep(grant_id, problem, ports)


def _without_cluster(road: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(takewhile(lambda step: step.touches is Touches.RECORD, road))


def _keep(grant_id: str, problem: str, ports: AccessPorts) -> Grant | None:
    now = ports.clock.now()
    with ports.store.write() as tx:
        grant = tx.grant(grant_id)
        if grant is None or grant.state is GrantState.ENDED:
            return grant
        cause = cause_to_give_up(grant, now, looked=False)
        if cause is not None:
            grant = start_revoking(tx, grant, now, cause=cause, detail=problem)
        if grant.state is GrantState.ACTIVE:
            noted = warn_if_due(tx, grant, now, ports.times)
        else:
            noted = _waits(tx, grant, problem, now, ports)
        return grant if noted == grant else tx.save_grant(noted)


def _waits(tx: AccessTx, grant: Grant, problem: str, now: datetime, ports: AccessPorts) -> Grant:
    """Say why it does not go on; its people see that on the card that they have."""
    noted = replace(
        grant,
        problem=problem,
        failing_since=grant.failing_since or now,
        stuck=grant.stuck or is_stuck(grant, now, ports.times),
    )
    if noted.stuck and not grant.stuck:
        call_human(tx, noted, now, ports.policy.current())
    elif noted.problem != grant.problem:
        tx.retell(grant.request)
    return noted
