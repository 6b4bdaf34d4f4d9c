"""Connections: how each database must be opened so that no commit is lost."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    URL,
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Row,
    bindparam,
    cast,
    exc,
    func,
    literal,
    make_url,
    type_coerce,
)

from grants.clock import Clock, SystemClock
from grants.errors import StoreError, StoreOutcomeUnknown, StoreUnavailable
from grants.store import marks
from grants.store.errors import DISK_FULL, translated
from grants.store.files import ServeLock, make_private
from grants.store.fit import Fit
from grants.store.gate import Gate
from grants.store.marks import Mark
from grants.store.outcome import Outcome, find_out, is_open
from grants.store.postgres import NoAnswerError, postgres_engine, read_only
from grants.store.sqlite import sqlite_engine
from grants.store.types import EPOCH, UtcMicros, as_micros
from grants.store.unreadable import Told

_log = logging.getLogger("valetkey.store")

DEFAULT_PATIENCE = timedelta(seconds=5)
_SERVERS_NOW: Final = cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)
UNTIL_HERE: Final[ColumnElement[Any]] = bindparam("until", type_=UtcMicros)
UNTIL_THERE: Final[ColumnElement[Any]] = type_coerce(
    _SERVERS_NOW + bindparam("until", type_=BigInteger), UtcMicros
)
"""What `Database.until` gives, by the process's clock and by the server's."""


def database_url(text: str) -> URL:
    """Read a database URL; only SQLite files and PostgreSQL (by psycopg 3) are known."""
    try:
        url = make_url(text)
    except exc.ArgumentError:
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


@dataclass
class Room:
    """Whether a write failed for want of room on the disk, and none was tried since on purpose."""

    lacking: bool = False


@dataclass(frozen=True)
class Database:
    """An opened database: an engine for writing and one that can't write.

    `patience` bounds every wait for a lock; past it StoreUnavailable is raised. `gate` is the
    in-process queue of SQLite's one writer: without it busy_timeout starves threads for seconds.
    `first`: a person waits for what is written, so it goes before what nobody waits for.
    """

    writer: Engine
    reader: Engine
    clock: Clock
    patience: timedelta
    gate: Gate | None
    fit: Fit = field(default_factory=Fit)
    room: Room = field(default_factory=Room)
    told: Told = field(default_factory=Told)
    first: bool = False

    @property
    def is_sqlite(self) -> bool:
        """Tell whether this is SQLite."""
        return self.writer.dialect.name == "sqlite"

    def note(self, connection: Connection, row: Row[Any], event: str | None = None) -> None:
        """Keep the marks that a statement brought, and the id of an event of the transaction.

        StoreSchemaWrong if the schema is not for this code.
        """
        if not self.is_sqlite:
            marks.note(connection, row, self.fit, event)

    def now(self) -> ColumnElement[Any]:
        """Give the clock that claims go by: PostgreSQL's own, or for SQLite the process's."""
        return self.later(timedelta(0))

    def later(self, hold: timedelta) -> ColumnElement[Any]:
        """Give the moment `hold` from now, on that clock."""
        if self.is_sqlite:
            return literal(self.clock.now() + hold, UtcMicros)
        return type_coerce(_SERVERS_NOW + as_micros(EPOCH + hold), UtcMicros)

    def until(self) -> ColumnElement[Any]:
        """Give such a moment for a statement that is made once; `holding` says how far it is."""
        return UNTIL_HERE if self.is_sqlite else UNTIL_THERE

    def holding(self, hold: timedelta) -> dict[str, Any]:
        """Bind what `until` asks for: the moment `hold` from now."""
        return {"until": self.clock.now() + hold if self.is_sqlite else as_micros(EPOCH + hold)}

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open one write transaction; an error rolls it back and comes out as ours."""
        with (
            self._passing_gate(),
            self._minding_room(),
            translated(writing=True),
            _begun(self.writer) as connection,
        ):
            marks.forget(connection)
            yield connection
            self._commit(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open one read transaction that sees one moment only and can't write."""
        with translated(writing=False), _begun(self.reader) as connection:
            yield connection

    def _commit(self, connection: Connection) -> None:
        mark = Mark(None, None) if self.is_sqlite else marks.mark_of(connection, self.fit)
        try:
            connection.commit()
        except exc.DBAPIError as error:
            if not is_open(error):
                raise
            self._find_out(mark)

    def _find_out(self, mark: Mark) -> None:
        """Return when a commit whose answer was lost was done; else say what is known of it."""
        if self.is_sqlite:
            raise StoreOutcomeUnknown("the file system failed within a commit") from None
        if mark.xid is None:
            raise StoreUnavailable("cut off, with nothing to commit") from None
        outcome = find_out(self.writer, mark, self.patience)
        _log.warning("the answer to a commit was lost", extra={"outcome": str(outcome)})
        if outcome is Outcome.ABORTED:
            raise StoreUnavailable("cut off before the commit") from None
        if outcome is not Outcome.COMMITTED:
            raise StoreOutcomeUnknown("cut off within a commit") from None

    @contextmanager
    def _minding_room(self) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable as error:
            self.room.lacking = self.room.lacking or error.detail == DISK_FULL
            raise

    @contextmanager
    def _passing_gate(self) -> Iterator[None]:
        if self.gate is None:
            yield
            return
        if not self.gate.acquire(first=self.first, within_seconds=self.patience.total_seconds()):
            raise StoreUnavailable("locked by another thread")
        try:
            yield
        finally:
            self.gate.release()

    def close(self) -> None:
        """Close every connection."""
        self.writer.dispose()
        self.reader.dispose()


@contextmanager
def _begun(engine: Engine) -> Iterator[Connection]:
    """Begin on a connection that works; what is not committed is rolled back at the end."""
    connection = _begin(engine)
    try:
        yield connection
    finally:
        # What went wrong before counts; a rollback that can't be sent is done by the server.
        with suppress(exc.DBAPIError):
            connection.close()


def _begin(engine: Engine) -> Connection:
    """Begin a transaction; on a connection that died in the pool once more, on a new one.

    BEGIN is what tries the connection, so no ping goes before it. One that hangs is not tried
    again: somebody waits, and all connections of its kind are dropped with it.
    """
    try:
        return _begin_once(engine)
    except exc.DBAPIError as error:
        if isinstance(error.orig, NoAnswerError) or not error.connection_invalidated:
            raise
    return _begin_once(engine)


def _begin_once(engine: Engine) -> Connection:
    connection = engine.connect()
    try:
        connection.begin()
    except BaseException:
        connection.close()
        raise
    return connection


def open_database(
    text: str, *, clock: Clock | None = None, patience: timedelta = DEFAULT_PATIENCE
) -> Database:
    """Open a database by its URL; nothing is asked of it yet but SQLite's file is made."""
    url = database_url(text)
    clock = clock or SystemClock()
    if url.get_backend_name() == "sqlite":
        make_private(Path(url.database or ""))
        writer = sqlite_engine(url, patience, query_only=False)
        reader = sqlite_engine(url, patience, query_only=True)
        return Database(writer, reader, clock, patience, Gate())
    engine = postgres_engine(url, patience)
    return Database(engine, read_only(engine), clock, patience, None)


def serve_lock(text: str) -> ServeLock | None:
    """Give the lock that `serve` holds on a SQLite file; None for PostgreSQL, which needs none."""
    path = sqlite_path(text)
    if path is None:
        return None
    make_private(path)
    return ServeLock(path)
