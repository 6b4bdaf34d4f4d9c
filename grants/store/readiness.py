"""What readiness asks of the database: is it there, is it ours to write, has it room."""

import secrets
from typing import Final

from sqlalchemy import delete, func, insert, not_, select

from grants.errors import StoreError, StoreSchemaWrong
from grants.store import tables as t
from grants.store.access import LIVE, READABLE
from grants.store.engine import Database
from grants.store.errors import DISK_FULL
from grants.store.fit import revision_of

DISK_FULL_CODE: Final = "disk-full"
_KEYS: Final = 64
_KEY_BYTES: Final = 1024


class Readiness:
    """Asked every second or so by each process that serves."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._probe = [f"probe:{secrets.token_hex(_KEY_BYTES // 2)}" for _ in range(_KEYS)]

    def schema_fit(self) -> str | None:
        """Tell why this code may not write to the schema as it is now; None when it may.

        StoreUnavailable when nobody can say. Each write transaction on PostgreSQL asks the same by
        itself, so that this is for people to see; SQLite's schema does not change while it is
        served.
        """
        with self._database.reading() as connection:
            return self._database.fit.problem(connection, revision_of(connection))

    def problem(self) -> str | None:
        """Give a stable word for what is wrong with the database; None when all is well.

        Never raises for what it finds. After a write that failed for want of room it tries one:
        whoever asks learns when there is room again, also while nobody else writes.
        """
        try:
            if self.schema_fit() is not None:
                return StoreSchemaWrong.code
            if self._database.room.lacking:
                self._try_room()
        except StoreError as error:
            return DISK_FULL_CODE if error.detail == DISK_FULL else error.code
        return None

    def unreadable_grants(self) -> int:
        """Count the grants not ended that this version can't read, and so can't end."""
        asked = select(func.count()).select_from(t.grants).where(LIVE, not_(READABLE))
        with self._database.reading() as connection:
            return int(connection.execute(asked).scalar_one())

    def _try_room(self) -> None:
        """Write something and delete it again, in two transactions: pages of one are not written.

        Where the room goes out between the two, the next try begins with the deletion.
        """
        at = self._database.clock.now()
        gone = delete(t.inbound).where(t.inbound.c.key.in_(self._probe))
        with self._database.writing() as connection:
            connection.execute(gone)
            connection.execute(insert(t.inbound), [{"key": key, "at": at} for key in self._probe])
        with self._database.writing() as connection:
            connection.execute(gone)
        self._database.room.lacking = False
