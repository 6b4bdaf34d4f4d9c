"""Forgetting what only served a moment; the record, requests and grants are never touched."""

from datetime import datetime

from sqlalchemy import delete

from grants.outbox.model import CardKind
from grants.store import tables as t
from grants.store.engine import Database


class Upkeep:
    """Deletes by age; each call is its own transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def forget(self, before: datetime) -> int:
        """Delete what was over before that time; gives how many rows went.

        These are keys of inbound things (a replay older than that would count as new, so keep
        them longer than any signature or link is good for), sign-in attempts and web sessions
        past their end, and notices that were told.
        """
        rows = t.deliveries.c
        told = (rows.kind == str(CardKind.NOTICE), rows.sent >= rows.wanted)
        with self._database.writing() as connection:
            return sum(
                connection.execute(statement).rowcount
                for statement in (
                    delete(t.inbound).where(t.inbound.c.at < before),
                    delete(t.attempts).where(t.attempts.c.expires_at < before),
                    delete(t.sessions).where(t.sessions.c.expires_at < before),
                    delete(t.deliveries).where(*told, rows.next_at < before),
                )
            )
