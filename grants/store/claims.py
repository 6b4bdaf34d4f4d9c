"""Claims on grants: which worker looks after which, until when, on the database's clock."""

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, literal, or_, select, update

from grants.access.ports import Claimed
from grants.store import tables as t
from grants.store.access import LIVE
from grants.store.engine import Database
from grants.store.types import UtcMicros

_C: Final = t.grants.c


class Claims:
    """A claim only spares work done twice: what it can't fence, the binding's own fence does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim_grants(
        self, worker: str, limit: int, hold: timedelta, avoid: Collection[str] = ()
    ) -> tuple[Claimed, ...]:
        """Claim grants that are due and not ended, the longest due first.

        `due_at` was written by this process's clock and is held against it: a database whose
        clock is behind would end every grant late.
        """
        due = _C.due_at <= literal(self._database.clock.now(), UtcMicros)
        picked = (
            select(_C.id, _C.cluster)
            .where(LIVE, due, self._free(), _C.cluster.not_in(avoid))
            .order_by(_C.due_at, _C.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.writing() as connection:
            rows = list(connection.execute(picked))
            if rows:
                connection.execute(
                    update(t.grants)
                    .where(_C.id.in_([row.id for row in rows]))
                    .values(claimed_by=worker, claimed_until=self._database.later(hold))
                )
        return tuple(Claimed(row.id, row.cluster) for row in rows)

    def claim_grant(self, grant: str, worker: str, hold: timedelta) -> bool:
        """Claim one grant now, due or not; False when another worker holds it, or it has ended."""
        free = or_(self._free(), _C.claimed_by == worker)
        with self._database.writing() as connection:
            done = connection.execute(
                update(t.grants)
                .where(_C.id == grant, LIVE, free)
                .values(claimed_by=worker, claimed_until=self._database.later(hold))
            )
        return bool(done.rowcount)

    def release_grant(self, grant: str, worker: str) -> None:
        """Give a claim back early; another worker's is left alone."""
        with self._database.writing() as connection:
            connection.execute(
                update(t.grants)
                .where(_C.id == grant, _C.claimed_by == worker)
                .values(claimed_by=None, claimed_until=None)
            )

    def _free(self) -> ColumnElement[bool]:
        return or_(_C.claimed_until.is_(None), _C.claimed_until <= self._database.now())
