"""Claims on grants: which worker looks after which, until when, on the database's clock."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    literal_column,
    or_,
    select,
    update,
)

from grants.access.model import GrantState
from grants.access.ports import Claimed
from grants.store import tables as t
from grants.store.access import LIVE, READABLE
from grants.store.engine import Database
from grants.store.types import UtcMicros

_C: Final = t.grants.c
# This process's clock: it wrote `due_at`, and a database's may be behind it.
_NOW: Final = bindparam("now", type_=UtcMicros)
_OVER: Final = and_(_C.state == str(GrantState.ACTIVE), _C.expires_at <= _NOW)
_ENDS: Final = or_(_C.state == str(GrantState.REVOKING), _OVER)
_TURN: Final = case(
    (and_(_ENDS, _C.attempts == 0), literal_column("0")),
    (_ENDS, literal_column("1")),
    (_C.state == str(GrantState.ACTIVATING), literal_column("2")),
    else_=literal_column("3"),
)


class Claims:
    """A claim only spares work done twice: what it can't fence, the binding's own fence does."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # What only a newer replica can read is left to it. Made once: making a statement costs
        # more than SQLite needs to execute it.
        due = (LIVE, _C.due_at <= _NOW, READABLE, self._free())
        self._due_clusters = select(_C.cluster).where(*due).distinct()
        self._most_pressing = (
            select(_C.id, _C.cluster)
            .where(*due)
            .order_by(_TURN, _C.expires_at.is_(None), _C.expires_at, _C.due_at, _C.id)
            .limit(bindparam("most"))
            .with_for_update(skip_locked=True)
        )
        self._most_pressing_there = self._most_pressing.where(_C.cluster == bindparam("there"))
        worker: BindParameter[Any] = bindparam("worker")
        this = _C.id == bindparam("grant")
        hold = update(t.grants).values(claimed_by=worker, claimed_until=database.until())
        free = or_(self._free(), _C.claimed_by == worker)
        self._hold_this = hold.where(this, LIVE, READABLE, free)
        self._hold_these = hold.where(_C.id.in_(bindparam("grants", expanding=True)))
        self._release = (
            update(t.grants)
            .where(this, _C.claimed_by == worker)
            .values(claimed_by=None, claimed_until=None)
        )

    def due_clusters(self) -> tuple[str, ...]:
        """Name the clusters in which grants that nobody holds are due, in order."""
        with self._database.reading() as connection:
            found = connection.execute(self._due_clusters, self._clocks())
            return tuple(sorted(found.scalars()))

    def claim_grants(
        self, worker: str, limit: int, hold: timedelta, cluster: str | None = None
    ) -> tuple[Claimed, ...]:
        """Claim grants that are due and not ended, of one cluster or of all.

        The most pressing first: access that should be gone before access that should begin, both
        before looks at what stands, an end that failed before after those that did not (else a few
        that can't be done would keep every other from its turn), and then the oldest end.
        """
        with self._database.writing() as connection:
            found = self._pick(connection, limit, cluster)
            self._hold(connection, found, worker, hold)
        return found

    def claim_each(
        self, worker: str, limits: Mapping[str, int], hold: timedelta
    ) -> tuple[Claimed, ...]:
        """Claim grants of several clusters, of each at most so many, in one transaction."""
        with self._database.writing() as connection:
            picked = (self._pick(connection, most, there) for there, most in limits.items())
            found = tuple(one for some in picked for one in some)
            self._hold(connection, found, worker, hold)
        return found

    def claim_grant(self, grant: str, worker: str, hold: timedelta) -> bool:
        """Claim one grant now, due or not; False when another worker holds it, or it has ended."""
        values = {"grant": grant, "worker": worker} | self._database.holding(hold)
        with self._database.writing() as connection:
            done = connection.execute(self._hold_this, values | self._clocks())
        return bool(done.rowcount)

    def release_grant(self, grant: str, worker: str) -> None:
        """Give a claim back early; another worker's is left alone."""
        with self._database.writing() as connection:
            connection.execute(self._release, {"grant": grant, "worker": worker})

    def _pick(self, connection: Connection, limit: int, cluster: str | None) -> tuple[Claimed, ...]:
        statement, there = self._most_pressing, dict[str, Any]()
        if cluster is not None:
            statement, there = self._most_pressing_there, {"there": cluster}
        rows = connection.execute(statement, self._clocks() | {"most": limit} | there)
        return tuple(Claimed(row.id, row.cluster) for row in rows)

    def _hold(
        self, connection: Connection, found: tuple[Claimed, ...], worker: str, hold: timedelta
    ) -> None:
        if found:
            grants = [one.grant for one in found]
            values = {"grants": grants, "worker": worker} | self._database.holding(hold)
            connection.execute(self._hold_these, values)

    def _free(self) -> ColumnElement[bool]:
        """Tell what nobody holds, by PostgreSQL's own clock or, for SQLite, the process's."""
        by = _NOW if self._database.is_sqlite else self._database.now()
        return or_(_C.claimed_until.is_(None), _C.claimed_until <= by)

    def _clocks(self) -> dict[str, Any]:
        return {"now": self._database.clock.now()}
