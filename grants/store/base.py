"""What the rooms' queries share: one connection, one transaction."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Row, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

from grants.errors import ChangedMeanwhile, StoreError
from grants.store.engine import Database
from grants.store.unreadable import read, readable

T = TypeVar("T")
Values = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class OneRow(NamedTuple):
    """A query of one row: as it is, and such that PostgreSQL keeps the row locked."""

    plain: Select[Any]
    locked: Select[Any]


def one_row(query: Select[Any]) -> OneRow:
    """Make both forms of a query of one row."""
    return OneRow(query, query.with_for_update())


class Upsert(NamedTuple):
    """A statement that the two dialects have each in its own words, alike in use."""

    sqlite: Executable
    postgresql: Executable


def upsert(table: Table, make: Callable[[Any], Executable]) -> Upsert:
    """Make such an INSERT in both dialects, from each one's own beginning."""
    return Upsert(make(sqlite.insert(table)), make(postgresql.insert(table)))


@cache
def _once(table: Table) -> Upsert:
    key = table.primary_key.columns
    return upsert(table, lambda new: new.on_conflict_do_nothing().returning(*key))


class TxBase:
    """One transaction on one connection; a reading one refuses to write."""

    def __init__(self, connection: Connection, database: Database, *, writable: bool) -> None:
        self._connection = connection
        self._database = database
        self._writable = writable

    def _run(self, statement: Executable, values: Values = None) -> CursorResult[Any]:
        """Execute; a statement that is made once takes its `values` here.

        Making a statement of thirty columns costs ten times what SQLite needs to execute it.
        """
        return self._connection.execute(statement, values)

    def _rows(self, statement: Executable, values: Values = None) -> list[Row[Any]]:
        return list(self._connection.execute(statement, values))

    def _row(self, statement: Executable, values: Values = None) -> Row[Any] | None:
        return self._connection.execute(statement, values).first()

    def _locked(self, query: OneRow, values: Values = None) -> Row[Any] | None:
        """Read one row; in a write transaction PostgreSQL keeps it locked."""
        return self._row(query.locked if self._writable else query.plain, values)

    def _read(self, kind: str, row: Row[Any], make: Callable[[Row[Any]], T]) -> T:
        """Make the value of a row; StoreRowUnreadable when this version can't."""
        return read(kind, row, make, self._database.told)

    def _readable(
        self, kind: str, rows: list[Row[Any]], make: Callable[[Row[Any]], T]
    ) -> tuple[T, ...]:
        """Make the values of rows, but for those that this version can't read."""
        return readable(kind, rows, make, self._database.told)

    def _insert(self, table: Table) -> Any:
        """Give an INSERT that knows ON CONFLICT, for what is made anew at each call."""
        return sqlite.insert(table) if self._database.is_sqlite else postgresql.insert(table)

    def _own(self, statement: Upsert) -> Executable:
        """Choose this database's form of an INSERT that was made once."""
        return statement.sqlite if self._database.is_sqlite else statement.postgresql

    def _insert_once(self, table: Table, values: dict[str, Any]) -> bool:
        """Insert unless a unique key stands already; False when it does."""
        return self._row(self._own(_once(table)), values) is not None

    def _must_write(self) -> None:
        if not self._writable:
            raise StoreError("a write in a read transaction")

    @staticmethod
    def _must_have_moved(done: CursorResult[Any], kind: str, name: str) -> None:
        """Raise ChangedMeanwhile when the version that was read is no longer there."""
        if done.rowcount != 1:
            raise ChangedMeanwhile(kind, name)
