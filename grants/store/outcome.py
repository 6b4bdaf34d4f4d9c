"""What became of a commit whose answer was lost."""

import logging
import time
from datetime import timedelta
from enum import StrEnum
from typing import Final

import psycopg
from sqlalchemy import Connection, Engine, exc, select, text

from grants.store import tables as t
from grants.store.marks import Mark

_log = logging.getLogger("valetkey.store")

_STATUS: Final = text("SELECT pg_xact_status(CAST(:xid AS xid8))")
_END: Final = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_xid = CAST(CAST(:xid AS xid8) AS xid) AND state = 'idle in transaction'"
)
_IN_RECOVERY: Final = text("SELECT pg_is_in_recovery()")
_IN_PROGRESS: Final = "in progress"
_ABORTED: Final = "aborted"
_NOT_YET_GIVEN: Final = "22023"
_FIRST_PAUSE_SECONDS: Final = 0.01
_LONGEST_PAUSE_SECONDS: Final = 0.1
# These come while a commit waits for a standby: it is done here, perhaps not there.
_SERVER_ENDS: Final = ("08", "57P")


class Outcome(StrEnum):
    """What became of a transaction; UNKNOWN when no server could say so in time."""

    COMMITTED = "committed"
    ABORTED = "aborted"
    UNKNOWN = "unknown"


def is_open(error: exc.DBAPIError) -> bool:
    """Tell whether an error of COMMIT leaves open whether it was done."""
    original = error.orig
    if isinstance(original, psycopg.Error):
        state = original.sqlstate
        return error.connection_invalidated or not state or state.startswith(_SERVER_ENDS)
    # A log that can't be synced may still be whole when the file is opened again. What could not
    # be written to it is not: the mark of the commit goes last.
    return str(getattr(original, "sqlite_errorname", "")).endswith("FSYNC")


def find_out(engine: Engine, mark: Mark, patience: timedelta) -> Outcome:
    """Ask on other connections until a server knows, at most for `patience`.

    While the server still waits for the COMMIT of whoever was cut off, the transaction can end
    either way; after half the time its session is ended, so that it ends one way.
    """
    began = time.monotonic()
    half, whole = began + patience.total_seconds() / 2, began + patience.total_seconds()
    pause = _FIRST_PAUSE_SECONDS
    while True:
        outcome = _ask(engine, mark, end_it=time.monotonic() >= half)
        if outcome is not None:
            return outcome
        if time.monotonic() + pause >= whole:
            return Outcome.UNKNOWN
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _ask(engine: Engine, mark: Mark, *, end_it: bool) -> Outcome | None:
    """Ask once; None while it is in progress, or no server can be reached."""
    try:
        with engine.connect() as connection:
            if connection.execute(_IN_RECOVERY).scalar():
                return None  # a standby may not have heard of it yet
            status = _status(connection, mark)
            if status == _IN_PROGRESS:
                if end_it:
                    connection.execute(_END, {"xid": mark.xid})
                return None
            return _judge(connection, mark, status)
    except (exc.TimeoutError, exc.DBAPIError):
        return None


def _status(connection: Connection, mark: Mark) -> str | None:
    """Ask for the number's status; None when it is not kept any more, or not yet given out."""
    try:
        with connection.begin_nested():
            status: str | None = connection.execute(_STATUS, {"xid": mark.xid}).scalar()
    except exc.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _NOT_YET_GIVEN:
            raise
        return None
    return status


def _judge(connection: Connection, mark: Mark, status: str | None) -> Outcome:
    """Judge a transaction that is over here; the look for its event comes after its status.

    "committed" alone proves nothing: a server that crashed, or was promoted, gives the numbers of
    what was lost to others. "aborted" does, for what was stored keeps its number.
    """
    if mark.event is not None:
        there = connection.execute(select(t.events.c.number).where(t.events.c.id == mark.event))
        return Outcome.ABORTED if there.first() is None else Outcome.COMMITTED
    return Outcome.ABORTED if status == _ABORTED else Outcome.UNKNOWN
