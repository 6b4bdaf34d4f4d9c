"""What had to wait when a fault ended, and whether it has been done since."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import and_, or_, select

from grants.store import tables as t
from grants.store.engine import Database


@dataclass(frozen=True)
class Backlog:
    """Messages with the version that was wanted, access that was to begin, and that was to end."""

    messages: dict[str, int]
    beginning: frozenset[str]
    ending: frozenset[str]

    @classmethod
    def of(cls, database: Database) -> Self:
        """Look at what waits now."""
        rows, grants, now = t.deliveries.c, t.grants.c, datetime.now(UTC)
        waits = and_(rows.wanted > rows.sent, rows.wanted > rows.dropped)
        is_over = or_(
            grants.state == "revoking", and_(grants.state == "active", grants.expires_at <= now)
        )
        with database.reading() as connection:
            messages = connection.execute(select(rows.id, rows.wanted).where(waits)).all()
            beginning = connection.execute(select(grants.id).where(grants.state == "activating"))
            ending = connection.execute(select(grants.id).where(is_over))
            return cls(
                {row.id: row.wanted for row in messages},
                frozenset(beginning.scalars()),
                frozenset(ending.scalars()),
            )

    def left(self, database: Database) -> list[str]:
        """Name what of it has not been done."""
        rows, grants = t.deliveries.c, t.grants.c
        with database.reading() as connection:
            told = _by_id(connection, select(rows.id, rows.sent, rows.dropped), self.messages)
            states = _by_id(
                connection, select(grants.id, grants.state), self.beginning | self.ending
            )
        untold = [
            one
            for one, wanted in self.messages.items()
            if max(told[one].sent, told[one].dropped) < wanted
        ]
        idle = [one for one in self.beginning if states[one].state == "activating"]
        standing = [one for one in self.ending if states[one].state != "ended"]
        return [*untold, *idle, *standing]


def _by_id(connection: Any, query: Any, wanted: Collection[str]) -> dict[str, Any]:
    """Read the rows of some ids."""
    if not wanted:
        return {}
    key = query.selected_columns[0]
    return {row.id: row for row in connection.execute(query.where(key.in_(sorted(wanted))))}
