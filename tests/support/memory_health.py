"""Clusters' health in memory, for the store that keeps rows in dictionaries."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from grants.access.health import ClusterHealth, Waiting
from grants.access.model import Grant, GrantState
from grants.record.model import EventType


class MemoryHealth:
    """What HealthTx asks for, beside what MemoryTx has; mixed into it."""

    rows: Any

    def cluster_healths(self) -> tuple[ClusterHealth, ...]:
        return tuple(self.rows.healths[alias] for alias in sorted(self.rows.healths))

    def save_health(self, health: ClusterHealth) -> None:
        self._must_write()  # type: ignore[attr-defined]
        if health.alias in self.rows.healths:
            self.rows.healths[health.alias] = health

    def came_at(self, key: str) -> datetime | None:
        return self.rows.inbound.get(key)

    def told_failing(self, clusters: Collection[str]) -> Mapping[str, tuple[str, datetime]]:
        events = (e for e, _ in self.rows.events.values() if e.type is EventType.CLUSTER_FAILING)
        found = {
            str(e.facts["cluster"]): (
                str(e.facts["problem"]),
                datetime.fromisoformat(str(e.facts["since"])),
            )
            for e in events
        }
        return {alias: one for alias, one in found.items() if alias in clusters}

    def waiting_by_cluster(self, now: datetime) -> Mapping[str, Waiting]:
        found: dict[str, list[Grant]] = {}
        for grant in self._live():
            found.setdefault(grant.cluster, []).append(grant)
        return {alias: _count(grants, now) for alias, grants in found.items()}

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
        def is_wanted(grant: Grant) -> bool:
            ends = grant.expires_at
            if grant.state is GrantState.ACTIVE and ends is not None:
                long = grant.duration >= 2 * warn_before
                return ends <= now or (not grant.warned and long and ends <= now + warn_before)
            if grant.state is GrantState.ACTIVATING:
                over = grant.activate_until <= now and (ends is None or ends <= now)
                return over or grant.problem != problem
            begun = grant.revoking_at
            late = begun is not None and begun <= now - stuck_after
            return grant.problem != problem or (late and not grant.stuck)

        wanted = [g for g in self._live() if g.cluster in clusters and is_wanted(g)]
        wanted.sort(key=lambda g: (g.expires_at or g.activate_until, g.id))
        return tuple(g.id for g in wanted[:limit])

    def wake_grants(self, clusters: Collection[str], now: datetime) -> int:
        self._must_write()  # type: ignore[attr-defined]
        failed = [g for g in self._live() if g.cluster in clusters and g.problem]
        self.rows.grants.update(
            {g.id: replace(g, due_at=min(now, g.due_at), attempts=0) for g in failed}
        )
        return len(failed)

    def _live(self) -> list[Grant]:
        return [g for g in self.rows.grants.values() if g.state is not GrantState.ENDED]


def _count(grants: list[Grant], now: datetime) -> Waiting:
    gone_at = [at for at in (_should_be_gone_at(g, now) for g in grants) if at is not None]
    return Waiting(
        live=len(grants),
        due=sum(g.due_at <= now for g in grants),
        activating=sum(g.state is GrantState.ACTIVATING for g in grants),
        overdue=len(gone_at),
        stuck=sum(g.stuck for g in grants),
        oldest_overdue=min(gone_at, default=None),
    )


def _should_be_gone_at(grant: Grant, now: datetime) -> datetime | None:
    if grant.state is GrantState.REVOKING:
        return min(at for at in (grant.revoking_at, grant.expires_at) if at is not None)
    over = grant.state is GrantState.ACTIVE and grant.expires_at and grant.expires_at <= now
    return grant.expires_at if over else None
