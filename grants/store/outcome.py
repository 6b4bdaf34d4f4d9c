"""What became of a commit whose answer was lost."""

import logging
import time
from datetime import timedelta
from enum import StrEnum
from typing import Final

import psycopg
from sqlalchemy import Engine, exc, text

from grants.store.marks import Mark
from grants.store.postgres import SERVER_LINE

_log = logging.getLogger("valetkey.store")

_ASK: Final = text("SELECT pg_xact_status(CAST(:xid AS xid8))")
_END: Final = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_xid = CAST(CAST(:xid AS xid8) AS xid)"
)
_IN_PROGRESS: Final = "in progress"
_NO_SUCH: Final = "22023"
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
    # A log that can't be synced may still be whole when the file is opened again.
    return str(getattr(original, "sqlite_errorname", "")).startswith("SQLITE_IOERR")


def find_out(engine: Engine, mark: Mark, patience: timedelta) -> Outcome:
    """Ask on other connections until the server knows, at most for `patience`.

    While the server still waits for whoever was cut off, the transaction can end either way; after
    half the time its backend is told to end, so that it ends one way.
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
    """Ask once; None while it is in progress, or the server can't be reached."""
    try:
        with engine.connect() as connection:
            if mark.line is None or connection.info.get(SERVER_LINE) != mark.line:
                # Another server's transaction may bear the same number.
                return Outcome.UNKNOWN
            said = connection.execute(_ASK, {"xid": mark.xid}).scalar()
            if said == _IN_PROGRESS and end_it:
                connection.execute(_END, {"xid": mark.xid})
            return None if said == _IN_PROGRESS else Outcome(said or Outcome.UNKNOWN)
    except exc.TimeoutError:
        return None
    except exc.DBAPIError as error:
        return Outcome.UNKNOWN if getattr(error.orig, "sqlstate", None) == _NO_SUCH else None
