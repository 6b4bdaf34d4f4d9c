"""Connections: how each database must be opened so that no commit is lost."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    cast,
    create_engine,
    event,
    func,
    literal,
    make_url,
    type_coerce,
)
from sqlalchemy.exc import ArgumentError

from grants.clock import Clock, SystemClock
from grants.errors import StoreError, StoreUnavailable
from grants.store.errors import translated
from grants.store.files import ServeLock, make_private
from grants.store.types import EPOCH, UtcMicros, as_micros

DEFAULT_PATIENCE = timedelta(seconds=5)
# Kept open, and as many again for a crowd: the threads of every surface and worker together.
_POOL = 20


def database_url(text: str) -> URL:
    """Read a database URL; only SQLite files and PostgreSQL (by psycopg 3) are known."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreError("the database URL cannot be read") from None
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+pysqlite")
    raise StoreError("the database URL must name a SQLite file or a PostgreSQL server")


def sqlite_path(text: str) -> Path | None:
    """Give the path of the SQLite file that a URL names; None for PostgreSQL."""
    url = database_url(text)
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


@dataclass(frozen=True)
class Database:
    """An opened database: an engine for writing and one that can't write.

    `patience` bounds every wait for a lock; past it StoreUnavailable is raised. `gate` is the
    in-process queue of SQLite's one writer: without it busy_timeout starves threads for seconds.
    """

    writer: Engine
    reader: Engine
    clock: Clock
    patience: timedelta
    gate: "threading.Lock | None"

    @property
    def is_sqlite(self) -> bool:
        """Tell whether this is SQLite."""
        return self.writer.dialect.name == "sqlite"

    def now(self) -> ColumnElement[Any]:
        """Give the clock that claims go by: PostgreSQL's own, or for SQLite the process's."""
        return self.later(timedelta(0))

    def later(self, hold: timedelta) -> ColumnElement[Any]:
        """Give the moment `hold` from now, on that clock."""
        if self.is_sqlite:
            return literal(self.clock.now() + hold, UtcMicros)
        now = cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
        return type_coerce(now + as_micros(EPOCH + hold), UtcMicros)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open one write transaction; an error rolls it back and comes out as ours."""
        with self._passing_gate(), translated(), self.writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one read transaction that sees one moment only and can't write."""
        with translated(), self.reader.connect() as connection:
            yield connection

    @contextmanager
    def _passing_gate(self) -> Iterator[None]:
        if self.gate is None:
            yield
            return
        if not self.gate.acquire(timeout=self.patience.total_seconds()):
            raise StoreUnavailable("locked by another thread")
        try:
            yield
        finally:
            self.gate.release()

    def close(self) -> None:
        """Close every connection."""
        self.writer.dispose()
        self.reader.dispose()


def open_database(
    text: str, *, clock: Clock | None = None, patience: timedelta = DEFAULT_PATIENCE
) -> Database:
    """Open a database by its URL; nothing is asked of it yet but SQLite's file is made."""
    url = database_url(text)
    clock = clock or SystemClock()
    if url.get_backend_name() == "sqlite":
        make_private(Path(url.database or ""))
        writer = _sqlite(url, patience, "BEGIN IMMEDIATE", query_only=False)
        reader = _sqlite(url, patience, "BEGIN", query_only=True)
        return Database(writer, reader, clock, patience, threading.Lock())
    engine = _postgres(url, patience)
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Database(engine, reader, clock, patience, None)


def serve_lock(text: str) -> ServeLock | None:
    """Give the lock that `serve` holds on a SQLite file; None for PostgreSQL, which needs none."""
    path = sqlite_path(text)
    if path is None:
        return None
    make_private(path)
    return ServeLock(path)


def _sqlite(url: URL, patience: timedelta, begin: str, *, query_only: bool) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=_POOL,
        max_overflow=_POOL,
        pool_timeout=patience.total_seconds(),
        connect_args={"timeout": patience.total_seconds(), "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        # The driver's own BEGIN comes too late and loses updates: we begin ourselves.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {int(patience.total_seconds() * 1000)}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "recursive_triggers = ON",
            f"query_only = {'ON' if query_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgres(url: URL, patience: timedelta) -> Engine:
    wait = int(patience.total_seconds() * 1000)
    options = (
        f"-c lock_timeout={wait} -c statement_timeout={2 * wait} "
        f"-c idle_in_transaction_session_timeout={12 * wait}"
    )
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=_POOL,
        max_overflow=_POOL,
        pool_timeout=patience.total_seconds(),
        isolation_level="READ COMMITTED",
        connect_args={
            "options": options,
            "connect_timeout": max(2, int(patience.total_seconds())),
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 2 * wait,
            "application_name": "valetkey",
        },
    )
