"""The SQLite file: nobody else's to read, and served by one process at a time."""

import fcntl
import logging
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from grants.errors import StoreError, StoreInUse, StoreUnavailable

_log = logging.getLogger("valetkey.store")

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SIDE_FILES: Final = ("", "-wal", "-shm", "-journal", ".serve.lock")


def make_private(path: Path) -> None:
    """Make the file 0600 in a folder 0700 before SQLite opens it; -wal and -shm inherit that.

    A file of ours that others can read is closed to them, and said so. A folder that others can
    enter is closed only when nothing but the database is in it; else StoreError asks for one.
    """
    try:
        _make_folder(path)
        for suffix in _SIDE_FILES:
            _close_to_others(path.with_name(path.name + suffix))
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from None


def _make_folder(path: Path) -> None:
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & _OTHERS:
            return
        ours = {path.name + suffix for suffix in _SIDE_FILES}
        if any(entry.name not in ours for entry in folder.iterdir()):
            raise StoreError(
                f"{folder} is open to others ({mode:04o}); the database needs a folder of its own"
            ) from None
        folder.chmod(0o700)
        _log.warning("closed to others: %s was %04o", folder, mode)


def _close_to_others(file: Path) -> None:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except FileNotFoundError:
        return
    if mode & _OTHERS:
        file.chmod(0o600)
        _log.warning("closed to others: %s was %04o", file, mode)


class ServeLock:
    """Held by the one process that serves from a SQLite file.

    The kernel holds it, so that it is free at once when its holder dies, however it dies.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".serve.lock")
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise StoreInUse at once."""
        descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise StoreInUse(str(self._path)) from None
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
