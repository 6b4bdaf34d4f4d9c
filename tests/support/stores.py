"""Real stores for tests: a migrated SQLite file is copied, not migrated for every test."""

import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from grants.clock import Clock
from grants.store.engine import open_database
from grants.store.schema import upgrade
from grants.store.store import Store


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def migrated_template(folder: Path) -> Path:
    """Make a migrated SQLite file to copy from."""
    path = folder / "template" / "valetkey.db"
    upgrade(sqlite_url(path))
    with closing(Store(open_database(sqlite_url(path)))) as store, store.write():
        pass
    return path


def copied(template: Path, folder: Path) -> str:
    """Give the URL of a copy of a migrated file, in a folder of its own."""
    path = folder / "database" / "valetkey.db"
    path.parent.mkdir(mode=0o700)
    shutil.copyfile(template, path)
    path.chmod(0o600)
    return sqlite_url(path)


def opened(url: str, clock: Clock | None = None) -> Store:
    return Store(open_database(url, clock=clock))


class _RolledBackError(Exception):
    pass


def commit(store: Any, work: Callable[[Any], object]) -> None:
    """Do some work in a transaction of its own."""
    with store.write() as tx:
        work(tx)


def roll_back(store: Any, work: Callable[[Any], object]) -> None:
    """Do some work in a transaction that then fails."""

    def fail(tx: Any) -> None:
        work(tx)
        raise _RolledBackError

    with suppress(_RolledBackError):
        commit(store, fail)
