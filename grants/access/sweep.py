"""What stands in a cluster under our label, held against the record: nothing may outlive it."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from grants.access.cluster_port import Binding, ClusterPort
from grants.access.findings import Finding, record_finding
from grants.access.foreign import NO_FORMER, Former, foreign_overdue, is_taken_over
from grants.access.hearing import HearingPorts
from grants.access.model import Grant, GrantState
from grants.access.ports import AccessPorts
from grants.access.relist import active_in, compare_bindings, compare_roles
from grants.errors import (
    ClusterConflict,
    ClusterError,
    ClusterForbidden,
    ClusterUnavailable,
)
from grants.policy.model import Policy
from grants.record.model import EventType

log = logging.getLogger("valetkey.access")


DELETED_AT_ONCE = frozenset({Finding.OF_ENDED_GRANT, Finding.WRONG_UID, Finding.UNKNOWN_OVER})


@dataclass(frozen=True)
class Swept:
    """How many bindings of a cluster were looked at, deleted, are unknown but still run, and
    could not be deleted though they must not be there. `hurried` counts the active grants that
    are looked at now because their binding or role is not as the record says; `foreign` the
    bindings of other installations that stand past their end, and are left alone.
    """

    looked: int
    deleted: int
    unknown: int
    failed: int = 0
    hurried: int = 0
    foreign: int = 0


def judge_binding(found: Binding, grant: Grant | None, now: datetime, policy: Policy) -> Finding:
    """Judge one binding that bears this installation's label, or that of one taken over.

    One that the record does not know (an old or lost database) runs until its own expiry, at most
    the policy's maximum after its creation; one without a valid expiry is over.
    """
    if grant is None:
        if found.expires_at is None:
            return Finding.UNKNOWN_OVER
        latest = min(found.expires_at, found.created_at + policy.longest())
        return Finding.UNKNOWN_OVER if now >= latest else Finding.UNKNOWN_RUNS
    if grant.state is GrantState.ENDED:
        return Finding.OF_ENDED_GRANT
    if grant.binding_uid is not None and found.uid != grant.binding_uid:
        return Finding.WRONG_UID
    return Finding.FINE


def sweep_cluster(
    cluster: ClusterPort, *, ports: HearingPorts, former: Former = NO_FORMER
) -> Swept:
    """List what bears our label, delete what must not be there, alarm what nobody knows, and have
    those active grants looked at whose binding or role differs from the record.

    What bears another installation's label is told when it is past its end, and left alone; but
    for those in `former`, whose database was lost: theirs are as if ours and unknown.
    """
    active = active_in(cluster.alias, ports=ports)
    listed = cluster.managed_bindings()
    ours = {ports.installation, *(i for i in former.ids if is_taken_over(i, former, listed))}
    bindings = [b for b in listed if b.installation in ours]
    hurried = compare_bindings(active, listed, ports=ports)
    count = Counter(
        _sweep_one(cluster, found, finding, ports) for found, finding in _judge_now(bindings, ports)
    )
    others = [b for b in listed if b.installation not in ours]
    foreign = foreign_overdue(cluster, others, former, ports=ports)
    hurried += compare_roles(active, cluster, ports=ports)
    swept = count["deleted"], count["unknown"], count["failed"]
    return Swept(len(bindings), *swept, hurried=hurried, foreign=foreign)


def _sweep_one(cluster: ClusterPort, found: Binding, finding: Finding, ports: AccessPorts) -> str:
    """Do what one binding needs; one that the cluster won't delete keeps no other there."""
    if finding is Finding.UNKNOWN_RUNS:
        record_finding(EventType.BINDING_UNKNOWN, cluster, found, finding, ports)
        return "unknown"
    if finding not in DELETED_AT_ONCE:
        return "fine"
    try:
        if not _delete(cluster, found):
            return "moved-on"
    except ClusterUnavailable:
        raise  # the others would fail likewise, each after its time-out
    except ClusterError as error:
        log.warning("a binding could not be deleted", extra=error.facts() | {"uid": found.uid})
        record_finding(EventType.BINDING_STUCK, cluster, found, Finding.UNDELETABLE, ports)
        return "failed"
    record_finding(EventType.BINDING_DELETED, cluster, found, finding, ports)
    return "deleted"


def _judge_now(
    bindings: Sequence[Binding], ports: HearingPorts
) -> tuple[tuple[Binding, Finding], ...]:
    """Judge with the rows read after the list, so that a grant made meanwhile is known.

    What stands for a grant that only a newer version can read is that version's to judge.
    """
    named = sorted({b.grant for b in bindings if b.grant})
    with ports.store.read() as tx:
        rows = {g.id: g for g in tx.grants_among(named)}
        not_ours = tx.unreadable_among(name for name in named if name not in rows)
    now, policy = ports.clock.now(), ports.policy.current()
    return tuple(
        (found, judge_binding(found, rows.get(found.grant or ""), now, policy))
        for found in bindings
        if found.grant not in not_ours
    )


def _delete(cluster: ClusterPort, found: Binding) -> bool:
    """Delete by uid; tells whether it is seen to be gone. If not, the next sweep goes on."""
    try:
        held = cluster.delete(found.place, found.uid)
        if held is None:
            return True
        held = _emptied(cluster, held)
        if held.finalizers:
            cluster.drop_finalizers(held)
    except ClusterConflict:
        return False  # it changed since the list; the next sweep sees what stands there then
    there = cluster.binding(found.place)
    return there is None or there.uid != found.uid


def _emptied(cluster: ClusterPort, held: Binding) -> Binding:
    """Take the subjects of a held binding away at once, where the bot may still bind the role."""
    if not held.subjects:
        return held
    try:
        return cluster.empty(held)
    except ClusterForbidden:
        return held
