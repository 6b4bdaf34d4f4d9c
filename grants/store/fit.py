"""Whether this code may write to the schema that a database has."""

from typing import Final

from sqlalchemy import Connection, String, column, inspect, select, table

from grants.store import tables as t
from grants.store.revision import REVISION

_VERSION: Final = select(column("version_num", String)).select_from(table("alembic_version"))


class Fit:
    """Says yes to its own schema, and to a newer one that a migration declared to be fit for it.

    `code` is the revision that the code was written for.
    """

    def __init__(self, code: str = REVISION) -> None:
        self._code = code
        self._fit = {code}

    def problem(self, connection: Connection, revision: str | None) -> str | None:
        """Tell why not; None when it may."""
        if revision in self._fit:
            return None
        if revision is not None and self._is_declared(connection, revision):
            self._fit.add(revision)
            return None
        return f"at {revision or 'nothing'}, needs {self._code}"

    def _is_declared(self, connection: Connection, revision: str) -> bool:
        if not inspect(connection).has_table(t.schema_fits.name):
            return False
        fits = t.schema_fits.c
        declared = select(fits.code_revision).where(
            fits.schema_revision == revision, fits.code_revision == self._code
        )
        return connection.execute(declared).first() is not None


def revision_of(connection: Connection) -> str | None:
    """Give the revision that a schema stands at; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(_VERSION).scalar()
    return found
