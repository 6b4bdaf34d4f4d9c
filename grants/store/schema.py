"""The schema's history: bring it up, take it down, and say whose rights are which."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.resources import files
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.pool import NullPool

from grants.errors import StoreError, StoreSchemaWrong
from grants.store.engine import database_url, serve_lock, sqlite_path
from grants.store.errors import translated
from grants.store.fit import revision_of
from grants.store.schema_check import check, current
from grants.store.tables import metadata

__all__ = ["check", "current", "downgrade", "head", "upgrade"]

_log = logging.getLogger("valetkey.store")

HEAD: Final = "head"
_BASE: Final = "base"
PATIENCE: Final = timedelta(seconds=60)
"""How long an upgrade tries to get its locks beside replicas that are at work."""
# Any number, the same in every process: two upgrades at once go one after the other.
_UPGRADE_LOCK: Final = 0x76616C65746B6579
# While a statement waits for its lock on a table, everybody else's on that table waits behind it.
_LOCK_WAIT: Final = timedelta(milliseconds=500)
_PAUSE_SECONDS: Final = 1.0
_LOCKED: Final = frozenset({"55P03", "40P01"})
_READ_ONLY_TABLES: Final = frozenset({"alembic_version", "installation", "schema_fits"})
_APPEND_ONLY_TABLES: Final = frozenset({"events"})


def upgrade(
    url: str, *, to: str = HEAD, runtime_role: str | None = None, patience: timedelta = PATIENCE
) -> str:
    """Bring the schema up and give its revision.

    On SQLite it refuses (StoreInUse) while a process serves from the file. On PostgreSQL run it
    as the owner, also beside replicas at work: each revision is one transaction, which gives up
    quickly when it can't have a lock and comes again, for `patience` in all; then StoreUnavailable,
    with the revisions before it done. `runtime_role` names the role that `serve` signs in as,
    which is given no more than it needs: it can add events, and can't change or delete them.
    """
    with _opened(url) as engine:
        deadline = time.monotonic() + patience.total_seconds()
        while _in_time(engine, lambda connection: _one_up(connection, to), deadline):
            pass
        if runtime_role is not None and engine.dialect.name == "postgresql":
            role = runtime_role
            _in_time(engine, lambda connection: _grant_runtime(connection, role), deadline)
        with translated(), engine.connect() as connection:
            return revision_of(connection) or ""


def downgrade(url: str, to: str = _BASE) -> None:
    """Take the schema down again; everything in the tables that go is lost."""
    with _opened(url) as engine:
        deadline = time.monotonic() + PATIENCE.total_seconds()
        _in_time(engine, lambda connection: command.downgrade(_config(connection), to), deadline)


def head() -> str:
    """Give the newest revision that is installed."""
    found = ScriptDirectory.from_config(_config(None)).get_current_head()
    if found is None:
        raise StoreError("no migrations are installed")
    return found


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    lock = serve_lock(url)
    if lock is not None:
        lock.acquire()
    engine = _engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
        if lock is not None:
            lock.release()


def _in_time(engine: Engine, work: Callable[[Connection], Any], deadline: float) -> Any:
    """Do some work in a transaction of its own, again and again while others hold its locks."""
    with translated(writing=True):
        while True:
            try:
                with engine.begin() as connection:
                    _take_turn(connection)
                    return work(connection)
            except exc.DBAPIError as error:
                locked = getattr(error.orig, "sqlstate", None) in _LOCKED
                if not locked or time.monotonic() + _PAUSE_SECONDS >= deadline:
                    raise
            _log.info("the tables are in use; trying again")
            time.sleep(_PAUSE_SECONDS)


def _take_turn(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        wait = int(_LOCK_WAIT.total_seconds() * 1000)
        connection.execute(text(f"SET LOCAL lock_timeout = {wait}"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))


def _one_up(connection: Connection, to: str) -> bool:
    """Bring the schema up by one revision towards `to`; False when it is there."""
    config = _config(connection)
    have = revision_of(connection)
    try:
        steps = list(ScriptDirectory.from_config(config).iterate_revisions(to, have or _BASE))
    except (CommandError, RevisionError):
        raise StoreSchemaWrong(f"at {have}, which this version does not know") from None
    if not steps:
        return False
    command.upgrade(config, steps[-1].revision)
    return True


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
