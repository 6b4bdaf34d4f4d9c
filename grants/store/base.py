"""What the rooms' queries share: one connection, one transaction."""

from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Row, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

from grants.errors import ChangedMeanwhile, StoreError
from grants.store.engine import Database


class TxBase:
    """One transaction on one connection; a reading one refuses to write."""

    def __init__(self, connection: Connection, database: Database, *, writable: bool) -> None:
        self._connection = connection
        self._database = database
        self._writable = writable

    def _run(self, statement: Executable) -> CursorResult[Any]:
        return self._connection.execute(statement)

    def _rows(self, statement: Executable) -> list[Row[Any]]:
        return list(self._connection.execute(statement))

    def _row(self, statement: Executable) -> Row[Any] | None:
        return self._connection.execute(statement).first()

    def _locked(self, statement: Select[Any]) -> Row[Any] | None:
        """Read one row; in a write transaction PostgreSQL keeps it locked."""
        return self._row(statement.with_for_update() if self._writable else statement)

    def _insert(self, table: Table) -> Any:
        """Give an INSERT that knows ON CONFLICT; the two dialects have one each, alike in use."""
        return sqlite.insert(table) if self._database.is_sqlite else postgresql.insert(table)

    def _insert_once(self, table: Table, values: dict[str, Any]) -> bool:
        """Insert unless a unique key stands already; False when it does."""
        statement = self._insert(table).values(values).on_conflict_do_nothing()
        return self._row(statement.returning(*table.primary_key.columns)) is not None

    def _must_write(self) -> None:
        if not self._writable:
            raise StoreError("a write in a read transaction")

    @staticmethod
    def _must_have_moved(done: CursorResult[Any], kind: str, name: str) -> None:
        """Raise ChangedMeanwhile when the version that was read is no longer there."""
        if done.rowcount != 1:
            raise ChangedMeanwhile(kind, name)
