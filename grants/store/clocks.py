"""The database's own clock, and times in its rows that only a wrong clock can have written."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, literal, or_, select, update

from grants.access.model import GrantState
from grants.clock import Offset, offset_from, ticks_ns
from grants.store import tables as t
from grants.store.access import LIVE
from grants.store.base import TxBase
from grants.store.engine import Database
from grants.store.types import UtcMicros


class ClockRows(TxBase):
    """What a transaction may ask of the database's clock."""

    def database_time(self) -> datetime | None:
        """Tell the database's own time; None on SQLite, which has no clock but the process's."""
        return None if self._database.is_sqlite else _ask(self._connection)


class Clocks:
    """This process's clock against the database's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def has_clock(self) -> bool:
        """Tell whether the database has a clock of its own; SQLite has none."""
        return not self._database.is_sqlite

    def offset(self) -> Offset | None:
        """Tell how far our clock is ahead of the database's; None where it has none (SQLite)."""
        if not self.has_clock:
            return None
        with self._database.reading() as connection:
            asked_at, began_ns = self._database.clock.now(), ticks_ns()
            theirs = _ask(connection)
            took = timedelta(microseconds=(ticks_ns() - began_ns) // 1000)
        return offset_from(asked_at, took, theirs)

    def bring_forward(self, now: datetime, longest: timedelta, slack: timedelta) -> int:
        """Make due at once what only a clock that ran ahead can have written; tells how many.

        That is what waits longer than `longest`: every clock that is right would wait for it, and
        whoever wrote it may be gone. And leases with more left, by more than `slack`, than was
        agreed for all of them: a look cuts these.
        """
        rows = t.grants.c
        put_off = rows.due_at > now + longest
        too_long = rows.expires_at - rows.duration > literal(now + slack, UtcMicros)
        wrong = or_(put_off, and_(rows.state == str(GrantState.ACTIVE), too_long))
        with self._database.writing() as connection:
            done = connection.execute(
                update(t.grants).where(LIVE, wrong, rows.due_at > now).values(due_at=now)
            )
        return int(done.rowcount)


def _ask(connection: Connection) -> datetime:
    told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return told
