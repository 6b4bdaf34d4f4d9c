"""The one place where a database's errors become ours.

No message of a driver is passed on: PostgreSQL's quote the row's values.
"""

import sqlite3
from collections.abc import Iterator, Mapping
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
READ_ONLY: Final = "25006"
"""SQLSTATE of a write where none is allowed: in a read transaction, or on a standby."""

LOCKED: Final = "locked for too long by another transaction"
"""The detail of a StoreUnavailable that says so: rows are held, and others may be free."""

DISK_FULL: Final = "the disk is full, or takes no more"
"""The detail of a StoreUnavailable that says so: no room, a quota, a limit."""

_FULL: Final = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE"})
_EXTEND: Final = frozenset({"mdextend", "mdzeroextend"})

_SAID: Final[Mapping[str, str]] = {
    READ_ONLY: "the server takes no writes: a standby, or set to read only",
    "25P03": "idle for too long within a transaction",
    "53100": DISK_FULL,
    "53300": "the server has no connection left",
    "55P03": LOCKED,
    "57014": "a statement took too long",
    "57P01": "the server is being stopped",
    "57P02": "the server restarts after a crash",
    "57P03": "the server is starting or stopping",
}


@contextmanager
def translated(*, writing: bool = False) -> Iterator[None]:
    """Raise what the database raises as a ValetkeyError; everything else passes unchanged.

    `writing`: in a transaction that may write, a server that says "read-only" is not the one that
    it was: it has become a standby, or its disk is nearly full.
    """
    try:
        yield
    except exc.TimeoutError:
        raise StoreUnavailable("no free connection in time") from None
    except exc.DBAPIError as error:
        raise translate(error, writing=writing) from None
    except exc.StatementError as error:
        # A value refused before it reached the database; its text may be somebody's secret.
        raise StoreError(f"a value was refused: {type(error.orig).__name__}") from None


def translate(error: exc.DBAPIError, *, writing: bool = False) -> ValetkeyError:
    """Give the error of ours that says the same."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return _from_sqlite(original)
    if isinstance(original, psycopg.Error):
        return _from_postgres(original, lost=error.connection_invalidated, writing=writing)
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
    if isinstance(error, sqlite3.OperationalError) and name != "SQLITE_ERROR":
        return StoreUnavailable(DISK_FULL if name in _FULL else name or "not reachable")
    return StoreError(name or type(error).__name__)


def _unique_of(text: str) -> tuple[str, str]:
    # SQLite names the columns after the colon, or an index that has expressions in it.
    where = text.rpartition(": ")[2]
    if where.startswith("index "):
        constraint = where.removeprefix("index ").strip("'")
        return constraint.split("_")[1], constraint
    table, _, column = where.split(", ")[0].partition(".")
    return table, column


def _from_postgres(error: psycopg.Error, *, lost: bool, writing: bool) -> ValetkeyError:
    state = error.sqlstate or ""
    if state in _RACES:
        return ChangedMeanwhile(error.diag.table_name or "", error.diag.constraint_name or state)
    if state in _NO_SUCH:
        return StoreSchemaWrong(f"SQLSTATE {state}")
    if state == READ_ONLY and not writing:
        return StoreError("a write in a read transaction")
    if state.startswith("23"):
        return StoreError(f"a constraint was broken: {error.diag.constraint_name or state}")
    if error.diag.source_function in _EXTEND:
        # A quota or a limit has no SQLSTATE of its own; its place in the server's source has none
        # of the row's values in it, and is the same in every language.
        state = "53100"
    passing = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if lost or passing or state in _SAID:
        return StoreUnavailable(_SAID.get(state) or _state(state, "not reachable"))
    return StoreError(_state(state, type(error).__name__))


def _state(state: str, otherwise: str) -> str:
    return f"SQLSTATE {state}" if state else otherwise
