"""Copies of a database: made of a SQLite file that is served, or by PostgreSQL's own program."""

import os
import shlex
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, create_engine
from sqlalchemy.pool import NullPool

from grants.errors import StoreError, StoreUnavailable
from grants.store.engine import database_url, sqlite_path
from grants.store.errors import translated
from grants.store.fit import revision_of
from grants.store.soundness import last_event, problems_in


@dataclass(frozen=True)
class Backup:
    """A copy that was made and read again: its schema, its size, the number of its last event."""

    revision: str
    size_bytes: int
    last_event: int


def backup(url: str, to: Path) -> Backup:
    """Copy the SQLite file of a URL, at one moment, while others read and write it.

    The copy is one file, nobody else's to read (0600), whole on the disk and read again before it
    gets its name. FileExistsError when there is something of that name; StoreError when the copy
    is not sound, and StoreUnavailable when it could not be made; then there is none.
    """
    source = sqlite_path(url)
    if source is None:
        raise StoreError("PostgreSQL is copied by its own program")
    if not source.exists():
        raise StoreUnavailable(f"{source}: no such file")
    if to.exists():
        raise FileExistsError(to)
    partial = to.with_name(f".{to.name}.{os.getpid()}.partial")
    try:
        _copy(source, partial)
        made = _look_at(partial)
        # A link, unlike a renaming, never takes the place of another file.
        os.link(partial, to)
        _sync(to.parent)
    except FileExistsError:
        raise
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise StoreUnavailable(f"{to}: {why}") from None
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
    return made


def dump_command(url: str, to: Path) -> str:
    """Give the command that copies a PostgreSQL database; the password is left to be asked for."""
    parts = ("pg_dump", "--format=custom", f"--file={to}", f"--dbname={_for_libpq(url)}")
    return " ".join(map(shlex.quote, parts))


def _copy(source: Path, partial: Path) -> None:
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    with (
        closing(sqlite3.connect(source)) as there,
        closing(sqlite3.connect(partial, isolation_level=None)) as here,
    ):
        # All pages in one step: in many, each commit of a busy writer would begin it anew.
        there.backup(here, pages=-1)
        # One file, with no log beside it that could be forgotten.
        here.execute("PRAGMA journal_mode = DELETE")
    _sync(partial)


def _look_at(copy: Path) -> Backup:
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(copy)), poolclass=NullPool)
    with translated(), engine.connect() as connection:
        revision = revision_of(connection)
        if revision is None:
            raise StoreError("the file holds no Valetkey database")
        problems = problems_in(connection)
        if problems:
            raise StoreError("; ".join(problems))
        return Backup(revision, copy.stat().st_size, last_event(connection))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _for_libpq(url: str) -> str:
    """Give a URL as PostgreSQL's programs read it: all hosts in front, no password."""
    found = database_url(url)
    query = {name: _joined(value) for name, value in found.query.items()}
    for ours in ("password", "prepared_statements"):
        query.pop(ours, None)
    hosts = found.host or ""
    if found.port is not None:
        hosts += f":{found.port}"
    if not query.get("host", "/").startswith("/"):
        hosts = query.pop("host")
    user = f"{quote(found.username, safe='')}@" if found.username else ""
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    place = f"postgresql://{user}{hosts}/{quote(found.database or '', safe='')}"
    return f"{place}?{asked}" if asked else place


def _joined(value: "str | tuple[str, ...]") -> str:
    return value if isinstance(value, str) else ",".join(value)
