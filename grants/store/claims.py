"""Claims on grants: which worker looks after which, until when, on the database's clock."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, literal, or_, select, update

from grants.access.model import GrantState
from grants.access.ports import Claimed
from grants.store import tables as t
from grants.store.access import LIVE, READABLE
from grants.store.engine import Database
from grants.store.types import UtcMicros

_C: Final = t.grants.c


class Claims:
    """A claim only spares work done twice: what it can't fence, the binding's own fence does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due_clusters(self) -> tuple[str, ...]:
        """Name the clusters in which grants that nobody holds are due, in order."""
        found = select(_C.cluster).where(LIVE, self._due(), self._free()).distinct()
        with self._database.reading() as connection:
            return tuple(sorted(connection.execute(found).scalars()))

    def claim_grants(
        self, worker: str, limit: int, hold: timedelta, cluster: str | None = None
    ) -> tuple[Claimed, ...]:
        """Claim grants that are due and not ended, of one cluster or of all.

        The most pressing first: access that should be gone before access that should begin, both
        before looks at what stands, an end that failed before after those that did not (else a few
        that can't be done would keep every other from its turn), and then the oldest end.
        """
        here = () if cluster is None else (_C.cluster == cluster,)
        picked = (
            select(_C.id, _C.cluster)
            .where(LIVE, self._due(), self._free(), *here)
            .order_by(self._turn(), _C.expires_at.is_(None), _C.expires_at, _C.due_at, _C.id)
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
                .where(_C.id == grant, LIVE, READABLE, free)
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

    def _turn(self) -> ColumnElement[int]:
        over = and_(_C.state == str(GrantState.ACTIVE), _C.expires_at <= self._now())
        ends = or_(_C.state == str(GrantState.REVOKING), over)
        return case(
            (and_(ends, _C.attempts == 0), 0),
            (ends, 1),
            (_C.state == str(GrantState.ACTIVATING), 2),
            else_=3,
        )

    def _due(self) -> ColumnElement[bool]:
        """Leave what only a newer replica can read to it."""
        return and_(_C.due_at <= self._now(), READABLE)

    def _now(self) -> ColumnElement[Any]:
        """Give this process's clock: it wrote `due_at`, and a database's may be behind it."""
        return literal(self._database.clock.now(), UtcMicros)

    def _free(self) -> ColumnElement[bool]:
        return or_(_C.claimed_until.is_(None), _C.claimed_until <= self._database.now())
