"""Rows of clusters' health, and what waits in each."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, case, func, literal, or_, select, update

from grants.access.health import ClusterHealth, Waiting
from grants.access.model import GrantState
from grants.record.model import EventType
from grants.store import tables as t
from grants.store.access import LIVE, READABLE
from grants.store.base import TxBase
from grants.store.types import UtcMicros

_C: Final = t.grants.c
_EVENTS_MOST: Final = 1000
_ACTIVATING: Final = _C.state == str(GrantState.ACTIVATING)
_ACTIVE: Final = _C.state == str(GrantState.ACTIVE)
_REVOKING: Final = _C.state == str(GrantState.REVOKING)


class HealthRows(TxBase):
    """What HealthTx asks for, beside what AccessRows has."""

    def cluster_healths(self) -> tuple[ClusterHealth, ...]:
        """List every cluster that was ever seen, by alias."""
        rows = self._rows(select(t.clusters).order_by(t.clusters.c.alias))
        return tuple(
            ClusterHealth(row.alias, row.uid, row.problem, row.failing_since, row.looked_at, row.at)
            for row in rows
        )

    def save_health(self, health: ClusterHealth) -> None:
        """Store how a cluster is; one that was never seen has no row and is left alone."""
        self._run(
            update(t.clusters)
            .where(t.clusters.c.alias == health.alias)
            .values(
                problem=health.problem,
                failing_since=health.failing_since,
                looked_at=health.looked_at,
            )
        )

    def came_at(self, key: str) -> datetime | None:
        """Tell when the key of an inbound thing was stored, if it was."""
        row = self._row(select(t.inbound.c.at).where(t.inbound.c.key == key))
        return None if row is None else row.at

    def told_failing(self, clusters: Collection[str]) -> Mapping[str, tuple[str, datetime]]:
        """Give the problem and its beginning that the record last told of each, where it did.

        Of use for clusters that were never seen and so have no row; few, hence without an index.
        """
        if not clusters:
            return {}
        events = t.events.c
        rows = self._rows(
            select(events.canonical)
            .where(events.type == str(EventType.CLUSTER_FAILING))
            .order_by(events.number.desc())
            .limit(_EVENTS_MOST)
        )
        found: dict[str, tuple[str, datetime]] = {}
        for row in rows:
            facts = json.loads(row.canonical)["facts"]
            since = datetime.fromisoformat(facts["since"])
            found.setdefault(facts["cluster"], (facts["problem"], since))
        return {alias: one for alias, one in found.items() if alias in clusters}

    def waiting_by_cluster(self, now: datetime) -> Mapping[str, Waiting]:
        """Count the grants that are not ended, by the alias that they were given under."""
        over = or_(_REVOKING, and_(_ACTIVE, _C.expires_at <= now))
        revoked_early = and_(
            _REVOKING, or_(_C.expires_at.is_(None), _C.revoking_at < _C.expires_at)
        )
        should_be_gone_at = case((revoked_early, _C.revoking_at), else_=_C.expires_at)
        rows = self._rows(
            select(
                _C.cluster,
                func.count().label("live"),
                _count(_C.due_at <= now).label("due"),
                _count(_ACTIVATING).label("activating"),
                _count(over).label("overdue"),
                _count(_C.stuck).label("stuck"),
                func.min(case((over, should_be_gone_at))).label("oldest_overdue"),
            )
            .where(LIVE)
            .group_by(_C.cluster)
        )
        return {row.cluster: _waiting_of(row) for row in rows}

    def to_note(
        self,
        clusters: Collection[str],
        problem: str,
        now: datetime,
        *,
        stuck_after: timedelta,
        warn_before: timedelta,
        limit: int,
    ) -> tuple[str, ...]:
        """List grants of clusters that can't be asked whose rows must say something else by now."""
        to_warn = and_(
            _C.warned.is_(False),
            _C.duration >= 2 * warn_before,
            _C.expires_at <= now + warn_before,
        )
        too_late = and_(
            _C.activate_until <= now, or_(_C.expires_at.is_(None), _C.expires_at <= now)
        )
        now_stuck = and_(_C.stuck.is_(False), _C.revoking_at <= now - stuck_after)
        rows = self._rows(
            select(_C.id)
            .where(LIVE, READABLE, _C.cluster.in_(clusters))
            .where(
                or_(
                    and_(_ACTIVE, or_(_C.expires_at <= now, to_warn)),
                    and_(_ACTIVATING, or_(_C.problem != problem, too_late)),
                    and_(_REVOKING, or_(_C.problem != problem, now_stuck)),
                )
            )
            .order_by(func.coalesce(_C.expires_at, _C.activate_until), _C.id)
            .limit(limit)
        )
        return tuple(row.id for row in rows)

    def wake_grants(self, clusters: Collection[str], now: datetime) -> int:
        """Make what failed in these clusters due now, as if it never had; tells how many.

        The version stays: who saves a grant meanwhile knows better when it is due.
        """
        done = self._run(
            update(t.grants)
            .where(LIVE, _C.cluster.in_(clusters), _C.problem != "")
            .values(
                due_at=case((_C.due_at > now, literal(now, UtcMicros)), else_=_C.due_at), attempts=0
            )
        )
        return done.rowcount


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _waiting_of(row: Row[Any]) -> Waiting:
    return Waiting(
        live=int(row.live),
        due=int(row.due),
        activating=int(row.activating),
        overdue=int(row.overdue),
        stuck=int(row.stuck),
        oldest_overdue=row.oldest_overdue,
    )
