"""Rows that changes are held against, for the store that keeps rows in dictionaries."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from grants.access.hearing import RolePlace
from grants.access.model import Grant, GrantState


class MemoryHearing:
    """What HearingTx asks for, beside what MemoryTx has; mixed into it."""

    rows: Any

    def grants_among(self, grants: Iterable[str]) -> tuple[Grant, ...]:
        return tuple(self.rows.grants[name] for name in grants if name in self.rows.grants)

    def unreadable_among(self, _grants: Iterable[str]) -> frozenset[str]:
        return frozenset()

    def active_in(self, cluster_uid: str) -> tuple[Grant, ...]:
        return tuple(g for g in self._active() if g.cluster_uid == cluster_uid)

    def active_by_role(self, cluster_uid: str) -> dict[RolePlace, int]:
        return dict(Counter(_place(g) for g in self.active_in(cluster_uid)))

    def active_through(self, cluster_uid: str, role: RolePlace) -> tuple[Grant, ...]:
        return tuple(g for g in self.active_in(cluster_uid) if _place(g) == role)

    def hurry(self, grants: Iterable[str], now: datetime) -> int:
        self._must_write()  # type: ignore[attr-defined]
        late = [g for g in self.grants_among(grants) if g.state is GrantState.ACTIVE]
        for grant in late:
            self.rows.grants[grant.id] = replace(grant, due_at=now, version=grant.version + 1)
        return len(late)

    def _active(self) -> list[Grant]:
        return [g for g in self.rows.grants.values() if g.state is GrantState.ACTIVE]


def _place(grant: Grant) -> RolePlace:
    return RolePlace(grant.role, grant.namespace if grant.role.kind == "Role" else None)
