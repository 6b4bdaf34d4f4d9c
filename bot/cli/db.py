"""`valetkey db`: bring the schema up to this version, or say where it stands."""

import click

from bot.cli.database import database_option
from bot.cli.failing import failing
from grants.store import schema


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
