"""SQLite, opened so that no commit is lost."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

# Kept open, and as many again for a crowd: the threads of every surface and worker together.
POOL: Final = 20

CACHE_KIB: Final = 512
"""What each connection keeps of the database: another's write empties it, so more helps little.

SQLite's own is 2 MiB: with a database larger than that, tens of megabytes for the connections of a
busy process.
"""


def sqlite_engine(url: URL, patience: timedelta, *, query_only: bool) -> Engine:
    """Make an engine for writing, or one that can't write."""
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=POOL,
        max_overflow=POOL,
        pool_timeout=patience.total_seconds(),
        # The one used last has its statements compiled and its pages read.
        pool_use_lifo=True,
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
            f"cache_size = -{CACHE_KIB}",
            f"query_only = {'ON' if query_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if query_only else "BEGIN IMMEDIATE")

    return engine
