"""Where a database's schema stands, asked without Alembic: `serve` need not load it."""

import logging

from grants.errors import StoreSchemaWrong
from grants.store.engine import open_database, sqlite_path
from grants.store.fit import Fit, revision_of
from grants.store.revision import REVISION

_log = logging.getLogger("valetkey.store")


def current(url: str) -> str | None:
    """Give the revision that a database stands at; None for an empty one, or no file."""
    return _look(url)[0]


def check(url: str) -> str:
    """Give the schema's revision; StoreSchemaWrong unless this code may work on it.

    It may on its own, and on a newer one that a migration declared to be fit for it.
    """
    have, problem = _look(url)
    if have is None or problem is not None:
        raise StoreSchemaWrong(problem or f"at nothing, needs {REVISION}")
    if have != REVISION:
        _log.warning("the schema is newer, and fit for this version", extra={"revision": have})
    return have


def _look(url: str) -> tuple[str | None, str | None]:
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return None, None
    database = open_database(url)
    try:
        with database.reading() as connection:
            have = revision_of(connection)
            return have, Fit().problem(connection, have)
    finally:
        database.close()
