"""`valetkey db`: bring the schema up, say where it stands, put a restored copy right."""

from contextlib import ExitStack, closing
from dataclasses import dataclass

import click

from bot.cli.database import database_option
from bot.cli.failing import failing
from grants.access.note_restored import note_restored
from grants.clock import Clock, SystemClock
from grants.store import schema
from grants.store.engine import open_database, serve_lock
from grants.store.store import Store


@click.group()
def db() -> None:
    """Bring the database's schema up, or say where it stands."""


@db.command()
@database_option
@click.option(
    "--runtime-role",
    metavar="ROLE",
    help="PostgreSQL: the role that `serve` signs in as; it is given what it needs and no more, "
    "so that it can add to the record and never change it. Run this as the tables' owner.",
)
def upgrade(database_url: str, runtime_role: str | None) -> None:
    """Make the schema, or bring it up to this version. Stop `serve` first."""
    with failing():
        before = schema.current(database_url)
        after = schema.upgrade(database_url, runtime_role=runtime_role)
    click.echo(f"already at {after}" if before == after else f"upgraded to {after}")


@db.command()
@database_option
def check(database_url: str) -> None:
    """Say whether the schema is this version's; ends with 4 when it is not."""
    with failing():
        schema.check(database_url)
    click.echo(f"at {schema.head()}, as this version needs")


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
