"""Forgetting what only served a moment; the record, requests and grants are never touched."""

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Table, delete, not_, select, text

from grants.outbox.model import CardKind
from grants.store import tables as t
from grants.store.engine import Database
from grants.store.undelivered import WANTED

BATCH: Final = 5_000
"""Rows of one transaction: nobody who clicks waits for the writer much longer than usual."""


class Upkeep:
    """Deletes by age, in many short transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget(
        self, before: datetime, batch: int = BATCH, batches_before: datetime | None = None
    ) -> int:
        """Delete what was over before that time; gives how many rows went.

        Keys of batches of audit events go sooner, at `batches_before`: there are many, and who
        sends them tries for minutes.

        These are keys of inbound things (a replay older than that would count as new, so keep
        them longer than any signature or link is good for), sign-in attempts and web sessions
        past their end, notices that were told or given up, and holds that are over. SQLite is
        also made to look at how large its tables are.
        """
        self._learn_sizes()
        rows = t.deliveries.c
        told = (rows.kind == str(CardKind.NOTICE), not_(WANTED))
        batches = t.inbound.c.key.startswith("usage:batch:")
        return (
            self._delete(batch, t.inbound, t.inbound.c.at < before)
            + self._delete(batch, t.inbound, batches, t.inbound.c.at < (batches_before or before))
            + self._delete(batch, t.attempts, t.attempts.c.expires_at < before)
            + self._delete(batch, t.sessions, t.sessions.c.expires_at < before)
            + self._delete(batch, t.deliveries, *told, rows.next_at < before)
            + self._delete(batch, t.delivery_holds, t.delivery_holds.c.until < before)
        )

    def forget_usage(self, before: datetime, batch: int = BATCH) -> int:
        """Delete use that was not seen since then; gives how many rows of it went.

        That something was heard then is forgotten first: else what is gone would look as if it
        could have been seen, and had not been.
        """
        month = before.year * 100 + before.month
        with self._database.writing() as connection:
            for old in (
                delete(t.usage_hours).where(t.usage_hours.c.hour_at < before),
                delete(t.usage_months).where(t.usage_months.c.month < month),
                delete(t.usage_losses).where(t.usage_losses.c.hour_at < before),
            ):
                connection.execute(old)
        return self._delete(batch, t.usage, t.usage.c.last_at < before)

    def _learn_sizes(self) -> None:
        """Have SQLite count a few hundred rows of each index (1 ms, whatever the size).

        PostgreSQL does so by itself. Without it the history of 200,000 requests took 1.4 s a page,
        with it 10 ms.
        """
        if self._database.is_sqlite:
            with self._database.writing() as connection:
                connection.execute(text("PRAGMA analysis_limit = 400"))
                connection.execute(text("ANALYZE"))

    def _delete(self, batch: int, table: Table, *where: ColumnElement[bool]) -> int:
        (key,) = table.primary_key.columns
        some = delete(table).where(key.in_(select(key).where(*where).limit(batch)))
        deleted, count = 0, batch
        while count == batch:
            with self._database.writing() as connection:
                count = connection.execute(some).rowcount
            deleted += count
        return deleted
