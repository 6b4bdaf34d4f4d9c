"""Claims on grants: which worker looks after which, until when, on the database's clock."""

from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, or_, select, update

from grants.store import tables as t
from grants.store.access import LIVE
from grants.store.engine import Database

_C: Final = t.grants.c


class Claims:
    """A claim only spares work done twice: what it can't fence, the binding's own fence does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim_grants(self, worker: str, limit: int, hold: timedelta) -> tuple[str, ...]:
        """Claim grants that are due and not ended; gives their ids, the longest due first."""
        now = self._database.now()
        picked = (
            select(_C.id)
            .where(LIVE, _C.due_at <= now, self._free())
            .order_by(_C.due_at, _C.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.writing() as connection:
            ids = tuple(connection.execute(picked).scalars())
            if ids:
                connection.execute(
                    update(t.grants)
                    .where(_C.id.in_(ids))
                    .values(claimed_by=worker, claimed_until=self._database.later(hold))
                )
        return ids

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
