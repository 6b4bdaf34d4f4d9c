"""`valetkey db`: bring the schema up, say where it stands, copy it, put a restored copy right."""

import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from bot.cli.database import database_option
from bot.cli.failing import EXIT_STORE, EXIT_USAGE, failing
from grants.access.note_restored import note_restored
from grants.clock import Clock, SystemClock
from grants.store import schema
from grants.store.backup import backup as make_backup
from grants.store.backup import dump_command
from grants.store.engine import open_database, serve_lock, sqlite_path
from grants.store.revision import REVISION
from grants.store.soundness import last_event, problems_in
from grants.store.store import Store

_READ_WITHIN: Final = timedelta(minutes=10)
"""A statement of `check --deep` may take twice that: a large record is counted."""


@click.group()
def db() -> None:
    """Bring the database's schema up, say where it stands, copy it."""


@db.command()
@database_option
@click.option(
    "--runtime-role",
    metavar="ROLE",
    help="PostgreSQL: the role that `serve` signs in as; it is given what it needs and no more, "
    "so that it can add to the record and never change it. Run this as the tables' owner.",
)
def upgrade(database_url: str, runtime_role: str | None) -> None:
    """Make the schema, or bring it up to this version.

    SQLite: stop `serve` first. PostgreSQL: also beside replicas; one whose version does not know
    the new schema changes nothing more, and says so.
    """
    with failing():
        before = schema.current(database_url)
        after = schema.upgrade(database_url, runtime_role=runtime_role)
    click.echo(f"already at {after}" if before == after else f"upgraded to {after}")


@db.command()
@database_option
@click.option("--deep", is_flag=True, help="Also read everything in it: is it whole?")
def check(database_url: str, *, deep: bool) -> None:
    """Say whether this version may work on the schema; ends with 4 when it may not."""
    with failing():
        have = schema.check(database_url)
        if deep:
            problems, last = _read_all(database_url)
            for problem in problems:
                click.echo(problem, err=True)
            if problems:
                sys.exit(EXIT_STORE)
    fits = (
        "as this version needs" if have == REVISION else f"which is fit for this one's {REVISION}"
    )
    click.echo(f"at {have}, {fits}")
    if deep:
        click.echo(f"whole, with {last} events")


def _read_all(database_url: str) -> tuple[tuple[str, ...], int]:
    database = open_database(database_url, patience=_READ_WITHIN)
    with closing(database), database.reading() as connection:
        return problems_in(connection), last_event(connection)


@db.command()
@database_option
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def backup(database_url: str, path: Path) -> None:
    """Copy a SQLite database to PATH, also while `serve` runs, and read the copy again.

    For PostgreSQL it only prints the command that makes the copy, and ends with 2.
    """
    with failing():
        if sqlite_path(database_url) is None:
            click.echo(dump_command(database_url, path))
            click.echo("PostgreSQL is copied by its own program: run that.", err=True)
            sys.exit(EXIT_USAGE)
        try:
            made = make_backup(database_url, path)
        except FileExistsError:
            raise click.BadParameter(f"{path} is there already", param_hint="PATH") from None
    size = f"{made.size_bytes / 1_000_000:.1f} MB"
    click.echo(f"{path}: {size} at {made.revision}, {made.last_event} events, read again and whole")


@db.command()
@database_option
@click.option("--yes", is_flag=True, help="Don't ask.")
def restored(database_url: str, *, yes: bool) -> None:
    """Say that this database is a restored copy, before `serve` is started on it.

    Closes requests that wait and gives up access that was still to begin: either may have been
    decided and used since the copy was made. Ends web sessions, and records that the numbers of
    events went back. Access that the copy has as active is held against the clusters by `serve`.
    """
    with failing(), ExitStack() as stack:
        schema.check(database_url)
        lock = serve_lock(database_url)
        if lock is not None:
            stack.enter_context(lock)
        if not yes:
            click.confirm("Close every request that waits, and begin nothing?", abort=True)
        store = stack.enter_context(closing(Store(open_database(database_url))))
        done = note_restored(ports=_Ports(store, SystemClock()))
    click.echo(
        f"closed {done.requests} requests, gave up {done.grants} grants, ended {done.sessions} "
        f"sessions; the copy's last event was number {done.last_number}"
    )


@dataclass(frozen=True)
class _Ports:
    store: Store
    clock: Clock
