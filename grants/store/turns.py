"""Whose turn it is: work that any replica may do and that need not be done by each."""

from datetime import timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from grants.store import tables as t
from grants.store.engine import Database

_C: Final = t.inbound.c


class Turns:
    """A turn is taken and never held: a replica that dies at its turn stops nobody's next one.

    It spares work, and keeps nothing from being done twice: whatever is done in turns must be
    harmless when two do it at once.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, scope: str, every: timedelta) -> bool:
        """Take the turn for `scope`; False when one was taken less than `every` ago.

        Counted on the database's clock, which is the same for all. On SQLite, which one process
        serves alone, it is always that one's turn.
        """
        if self._database.is_sqlite:
            return True
        key, now = f"turn:{scope}", self._database.now()
        again = (
            update(t.inbound)
            .where(_C.key == key, _C.at <= self._database.later(-every))
            .values(at=now)
        )
        first = insert(t.inbound).values(key=key, at=now).on_conflict_do_nothing().returning(_C.key)
        with self._database.writing() as connection:
            if connection.execute(again).rowcount == 1:
                return True
            return connection.execute(first).first() is not None
