"""The one place where a database's errors become ours.

No message of a driver is passed on: PostgreSQL's quote the row's values.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from sqlalchemy import exc

from grants.errors import (
    ChangedMeanwhile,
    StoreError,
    StoreSchemaWrong,
    StoreUnavailable,
    ValetkeyError,
)

_UNIQUE: Final = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
_RACES: Final = frozenset({"23505", "40001", "40P01"})
_NO_SUCH: Final = frozenset({"42P01", "42703", "3F000"})
_READ_ONLY: Final = "25006"


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the database raises as a ValetkeyError; everything else passes unchanged."""
    try:
        yield
    except exc.TimeoutError:
        raise StoreUnavailable("no free connection in time") from None
    except exc.DBAPIError as error:
        raise translate(error) from None
    except exc.StatementError as error:
        # A value refused before it reached the database; its text may be somebody's secret.
        raise StoreError(f"a value was refused: {type(error.orig).__name__}") from None


def translate(error: exc.DBAPIError) -> ValetkeyError:
    """Give the error of ours that says the same."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _from_sqlite(original)
    if isinstance(original, psycopg.Error):
        return _from_postgres(original)
    return StoreError(type(original).__name__)


def _from_sqlite(error: sqlite3.Error) -> ValetkeyError:
    name = str(getattr(error, "sqlite_errorname", ""))
    text = str(error)
    if name in _UNIQUE:
        return ChangedMeanwhile(*_unique_of(text))
    if name.startswith("SQLITE_CONSTRAINT"):
        return StoreError(f"a constraint was broken: {text}")
    if name.startswith("SQLITE_READONLY"):
        return StoreError("a write in a read transaction, or a read-only file")
    if text.startswith(("no such table", "no such column")) or "has no column" in text:
        return StoreSchemaWrong(text)
    if isinstance(error, sqlite3.OperationalError):
        return StoreUnavailable(name or "not reachable")
    return StoreError(name or type(error).__name__)


def _unique_of(text: str) -> tuple[str, str]:
    # SQLite names the columns after the colon, or an index that has expressions in it.
    where = text.rpartition(": ")[2]
    if where.startswith("index "):
        constraint = where.removeprefix("index ").strip("'")
        return constraint.split("_")[1], constraint
    table, _, column = where.split(", ")[0].partition(".")
    return table, column


def _from_postgres(error: psycopg.Error) -> ValetkeyError:
    state = error.sqlstate or ""
    if state in _RACES:
        return ChangedMeanwhile(error.diag.table_name or "", error.diag.constraint_name or state)
    if state in _NO_SUCH:
        return StoreSchemaWrong(f"SQLSTATE {state}")
    if state == _READ_ONLY:
        return StoreError("a write in a read transaction")
    if state.startswith("23"):
        return StoreError(f"a constraint was broken: {error.diag.constraint_name or state}")
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return StoreUnavailable(f"SQLSTATE {state}" if state else "not reachable")
    return StoreError(f"SQLSTATE {state}" if state else type(error).__name__)
