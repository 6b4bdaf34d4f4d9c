"""Rows that changes of a cluster are held against."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Row, and_, bindparam, case, func, not_, select, update

from grants.access.hearing import RolePlace
from grants.access.model import Grant, GrantState
from grants.authz.model import RoleKind, RoleRef
from grants.store import tables as t
from grants.store.access import LIVE, READABLE
from grants.store.base import TxBase
from grants.store.rows import grant_of

_C: Final = t.grants.c
# Both, so that SQLite sees that its partial index of grants not ended is of use.
_ACTIVE: Final = and_(LIVE, _C.state == str(GrantState.ACTIVE))
_AMONG: Final = select(t.grants).where(_C.id.in_(bindparam("ids", expanding=True)))
_UNREADABLE_AMONG: Final = select(_C.id).where(
    not_(READABLE), _C.id.in_(bindparam("ids", expanding=True))
)
_AT_ONCE: Final = 500


class HearingRows(TxBase):
    """What HearingTx asks for, beside what AccessRows has."""

    def grants_among(self, grants: Iterable[str]) -> tuple[Grant, ...]:
        """Read those of these grants that there are and can be read; none is locked."""
        found: list[Row[Any]] = []
        for ids in _batches(grants):
            found += self._rows(_AMONG, {"ids": ids})
        return self._readable("grant", found, grant_of)

    def unreadable_among(self, grants: Iterable[str]) -> frozenset[str]:
        """Name those of these grants whose rows this version can't read."""
        found: list[str] = []
        for ids in _batches(grants):
            found += [row.id for row in self._rows(_UNREADABLE_AMONG, {"ids": ids})]
        return frozenset(found)

    def active_in(self, cluster_uid: str) -> tuple[Grant, ...]:
        """List the active grants of a cluster."""
        rows = self._rows(select(t.grants).where(_ACTIVE, _C.cluster_uid == cluster_uid))
        return self._readable("grant", rows, grant_of)

    def active_by_role(self, cluster_uid: str) -> dict[RolePlace, int]:
        """Count the active grants of a cluster by their role."""
        home = _home().label("home")
        columns = (_C.role_kind, _C.role_name, home)
        rows = self._rows(
            select(*columns, func.count().label("many"))
            .where(_ACTIVE, _C.cluster_uid == cluster_uid)
            .group_by(*columns)
        )
        return {RolePlace(_ref(row), row.home): row.many for row in rows}

    def active_through(self, cluster_uid: str, role: RolePlace) -> tuple[Grant, ...]:
        """List the active grants of a cluster by one role."""
        wanted = [_C.role_kind == role.ref.kind, _C.role_name == role.ref.name]
        if role.ref.kind == "Role":
            wanted.append(_C.namespace == role.namespace)
        rows = self._rows(select(t.grants).where(_ACTIVE, _C.cluster_uid == cluster_uid, *wanted))
        return self._readable("grant", rows, grant_of)

    def hurry(self, grants: Iterable[str], now: datetime) -> int:
        """Make these grants, where they are active, due now; tells how many."""
        return sum(
            self._run(
                update(t.grants)
                .where(_ACTIVE, _C.id.in_(ids))
                .values(due_at=now, version=_C.version + 1)
            ).rowcount
            for ids in _batches(grants)
        )


def _batches(grants: Iterable[str]) -> list[list[str]]:
    every = list(grants)
    return [every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE)]


def _home() -> ColumnElement[str | None]:
    """Give a Role's namespace; a ClusterRole is the same in every one."""
    return case((_C.role_kind == "Role", _C.namespace))


def _ref(row: Row[Any]) -> RoleRef:
    return RoleRef(cast("RoleKind", row.role_kind), row.role_name)
