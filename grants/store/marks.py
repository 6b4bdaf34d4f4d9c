"""What is learned of a write transaction on PostgreSQL just before its commit.

Its number and one of its events, by which its outcome can be learned when the answer to COMMIT is
lost; and the schema's revision, so that a replica stops writing in the very transaction in which
a migration has left it behind. All ride on the statement that numbers the events, if there is one,
or on the one that saves a grant.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, literal_column, select

from grants.errors import StoreSchemaWrong
from grants.store.fit import Fit

_MARK: Final = "valetkey-mark"

MARKS: Final[tuple[ColumnElement[Any], ...]] = (
    literal_column("pg_current_xact_id_if_assigned()::text").label("xid"),
    literal_column("(SELECT version_num FROM alembic_version)").label("revision"),
)


@dataclass(frozen=True)
class Mark:
    """A transaction: its number (None: it has written nothing), and the id of an event of it."""

    xid: str | None
    event: str | None


def note(connection: Connection, row: Row[Any], fit: Fit, event: str | None = None) -> None:
    """Keep the marks that a statement of the transaction gave; StoreSchemaWrong if unfit."""
    problem = fit.problem(connection, row.revision)
    if problem is not None:
        raise StoreSchemaWrong(problem)
    connection.info[_MARK] = Mark(row.xid, event)


def forget(connection: Connection) -> None:
    """Drop what the transaction before left on the connection."""
    connection.info.pop(_MARK, None)


def mark_of(connection: Connection, fit: Fit) -> Mark:
    """Give the transaction's mark, asked for now unless that was done."""
    if _MARK not in connection.info:
        note(connection, connection.execute(select(*MARKS)).one(), fit)
    mark: Mark = connection.info[_MARK]
    return mark
