"""Looking after an active grant: its end, the warning before, a changed name, and drift."""

from dataclasses import replace
from datetime import datetime

from grants.access.drift import drift_of
from grants.access.ending import turn_to_revoking
from grants.access.model import Cause, Grant
from grants.access.ports import AccessPorts, AccessTimes, AccessTx
from grants.access.role_drift import UNREAD, judge_role, read_role, role_differs
from grants.access.steps import Step, Touches, Work, look_there, save
from grants.errors import Reason
from grants.outbox.model import Notice, Place, PlaceKind
from grants.policy.judge import render_subject
from grants.record.model import Event, EventType


def is_over(grant: Grant, now: datetime) -> bool:
    """Tell whether a lease has ended; one without an end is over."""
    return grant.expires_at is None or now >= grant.expires_at


def warn_at(grant: Grant, times: AccessTimes) -> datetime | None:
    """Tell when to warn; a lease shorter than two warnings gets none."""
    if grant.warned or grant.expires_at is None or grant.duration < 2 * times.warn_before:
        return None
    return grant.expires_at - times.warn_before


def next_look(grant: Grant, now: datetime, times: AccessTimes) -> datetime:
    """Tell when an active grant is looked at next: its end, its warning, or for drift."""
    moments = (grant.expires_at, warn_at(grant, times), now + times.drift_interval)
    return min(moment for moment in moments if moment is not None)


def _over(work: Work) -> bool:
    return is_over(work.grant, work.now)


def _expire(work: Work, ports: AccessPorts) -> Work:
    return turn_to_revoking(work, ports, Cause.EXPIRED, "")


def _judge_name(work: Work, ports: AccessPorts) -> Work:
    """End the grant of somebody whose name in this cluster is another one since they signed in."""
    cluster = ports.policy.current().cluster(work.grant.cluster)
    with ports.store.read() as tx:
        known = tx.known_person(work.grant.recipient)
    if cluster is None or known is None:
        return work
    rendered = render_subject(cluster.username, known)
    if isinstance(rendered, Reason) or rendered != work.grant.subject:
        return turn_to_revoking(work, ports, Cause.RENAMED, "")
    return work


def _look(work: Work, _: AccessPorts) -> Work:
    return replace(work, binding=look_there(work))


def _judge_drift(work: Work, ports: AccessPorts) -> Work:
    """Compare with the record: what is missing or narrowed ends, and so does what was widened."""
    drift = drift_of(work.grant, work.binding, ports.installation)
    if drift is None:
        return work
    return turn_to_revoking(work, ports, drift.cause, drift.detail)


def _store_look(work: Work, ports: AccessPorts) -> Work:
    """Set the next look, and warn the recipient when it is time.

    A role that could not be read is kept as the grant's problem until a look can read it.
    """
    times = ports.times
    problem = UNREAD if UNREAD in work.notes else ""
    with ports.store.write() as tx:
        grant = _cut(tx, work.grant, work.now, times)
        grant = warn_if_due(tx, grant, work.now, times)
        looked = replace(
            grant,
            due_at=next_look(grant, work.now, times),
            attempts=0,
            problem=problem,
            failing_since=(grant.failing_since or work.now) if problem else None,
        )
        if problem != grant.problem and UNREAD in {problem, grant.problem}:
            tx.retell(grant.request)
        return replace(save(tx, work, looked), turned=True)


def _cut(tx: AccessTx, grant: Grant, now: datetime, times: AccessTimes) -> Grant:
    """Cut a lease of which more is left than was agreed for all of it.

    The clock that wrote its end ran ahead: this process's, before it was put right, or another
    replica's. How far ahead is not known, so the whole length is counted from now.
    """
    latest = now + grant.duration
    if grant.expires_at is None or grant.expires_at <= latest + times.skew_alarm:
        return grant
    facts = {"was": grant.expires_at.isoformat(), "expires_at": latest.isoformat()}
    tx.append(
        Event(
            EventType.GRANT_SHORTENED,
            now,
            actor="system",
            recipient=grant.recipient,
            request=grant.request,
            grant=grant.id,
            facts=facts,
        )
    )
    tx.retell(grant.request)
    return replace(grant, expires_at=latest)


def warn_if_due(tx: AccessTx, grant: Grant, now: datetime, times: AccessTimes) -> Grant:
    """Warn the recipient when it is time, once; gives the grant to store."""
    due = warn_at(grant, times)
    if due is None or now < due:
        return grant
    expires = grant.expires_at
    facts = {"expires_at": expires.isoformat() if expires else "", "grant": grant.id}
    place = Place(PlaceKind.PERSON, grant.recipient)
    tx.notify(Notice("expires-soon", grant.request, place, facts))
    return replace(grant, warned=True)


LOOK_AFTER: tuple[Step, ...] = (
    Step("active.expire", Touches.RECORD, _expire, _over),
    Step("active.judge-name", Touches.RECORD, _judge_name),
    Step("active.look", Touches.CLUSTER, _look),
    Step("active.judge-drift", Touches.RECORD, _judge_drift),
    Step("active.read-role", Touches.CLUSTER, read_role),
    Step("active.judge-role", Touches.RECORD, judge_role, role_differs),
    Step("active.store-look", Touches.RECORD, _store_look),
)
