"""The schema's version: bring it up, say it, and refuse to work on another."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import NullPool

from grants.errors import StoreError, StoreSchemaWrong
from grants.store.engine import database_url, open_database, serve_lock, sqlite_path
from grants.store.errors import translated
from grants.store.tables import metadata

_log = logging.getLogger("valetkey.store")

HEAD: Final = "head"
_BASE: Final = "base"
# Any number, the same in every process: two upgrades at once go one after the other.
_UPGRADE_LOCK: Final = 0x76616C65746B6579
_READ_ONLY_TABLES: Final = frozenset({"alembic_version", "installation", "schema_fits"})
_APPEND_ONLY_TABLES: Final = frozenset({"events"})


def upgrade(url: str, *, to: str = HEAD, runtime_role: str | None = None) -> str:
    """Bring the schema up and give its revision.

    On SQLite it refuses (StoreInUse) while a process serves from the file. On PostgreSQL run it
    as the owner; `runtime_role` names the role that `serve` signs in as, which is given no more
    than it needs: it can add events, and can't change or delete them.
    """
    with _migrating(url) as connection:
        command.upgrade(_config(connection), to)
        if runtime_role is not None and connection.dialect.name == "postgresql":
            _grant_runtime(connection, runtime_role)
        return _revision(connection) or ""


def downgrade(url: str, to: str = _BASE) -> None:
    """Take the schema down again; everything in the tables that go is lost."""
    with _migrating(url) as connection:
        command.downgrade(_config(connection), to)


def current(url: str) -> str | None:
    """Give the revision that a database stands at; None for an empty one, or no file."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return None
    database = open_database(url)
    try:
        with database.reading() as connection:
            return _revision(connection)
    finally:
        database.close()


def head() -> str:
    """Give the revision that this version of Valetkey needs."""
    found = ScriptDirectory.from_config(_config(None)).get_current_head()
    if found is None:
        raise StoreError("no migrations are installed")
    return found


def check(url: str) -> None:
    """Raise StoreSchemaWrong unless the database stands at this version's revision."""
    have, want = current(url), head()
    if have != want:
        raise StoreSchemaWrong(f"at {have or 'nothing'}, needs {want}")


@contextmanager
def _migrating(url: str) -> Iterator[Connection]:
    lock = serve_lock(url)
    if lock is not None:
        lock.acquire()
    engine = _engine(url)
    try:
        with translated(), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))
            yield connection
    finally:
        engine.dispose()
        if lock is not None:
            lock.release()


def _engine(url: str) -> Engine:
    """Open for schema changes: no statement time-out, and one transaction for all of it."""
    engine = create_engine(database_url(url), poolclass=NullPool, hide_parameters=True)
    if sqlite_path(url) is None:
        return engine

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _grant_runtime(connection: Connection, role: str) -> None:
    quote = connection.dialect.identifier_preparer.quote
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    to = f"TO {quote(role)}"
    connection.execute(text(f"GRANT USAGE ON SCHEMA {quote(schema)} {to}"))
    for name in (*metadata.tables, "alembic_version"):
        table = quote(name)
        connection.execute(text(f"REVOKE ALL ON {table} FROM {quote(role)}"))
        connection.execute(text(f"GRANT {_rights(name)} ON {table} {to}"))
    _log.info("granted the runtime role %s what it needs", role)


def _rights(table: str) -> str:
    if table in _READ_ONLY_TABLES:
        return "SELECT"
    if table in _APPEND_ONLY_TABLES:
        return "SELECT, INSERT"
    return "SELECT, INSERT, UPDATE, DELETE"
