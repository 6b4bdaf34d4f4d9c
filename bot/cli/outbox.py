"""`valetkey outbox`: what could not be told in Slack, since when and why; and telling it again."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import click

from bot.cli.database import database_option
from bot.cli.failing import failing
from bot.cli.visible import visible
from bot.wording import delivery_words, duration_words
from grants.clock import SystemClock
from grants.errors import NotFound
from grants.outbox.model import Place, PlaceKind, Undelivered
from grants.store import schema
from grants.store.engine import open_database
from grants.store.store import Store

Format = Literal["table", "json"]

_EVERYTHING = 1_000_000
_HEADINGS = ("id", "state", "since", "tried", "what", "about", "where", "why")


class PlaceName(click.ParamType[Place]):
    """A place as KIND:REFERENCE, as the list writes it."""

    name = "place"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Place:
        """Read what was typed."""
        if isinstance(value, Place):
            return value
        kind, colon, ref = str(value).partition(":")
        if not (colon and ref) or kind not in set(PlaceKind):
            kinds = ", ".join(PlaceKind)
            self.fail(f"write a place as KIND:REFERENCE, with a kind of {kinds}", param, ctx)
        return Place(PlaceKind(kind), ref)


@click.group()
def outbox() -> None:
    """Look at what could not be told in Slack, and send it again."""


@outbox.command("list")
@database_option
@click.option("--waiting", "which", flag_value="waiting", help="Only what is still tried.")
@click.option("--given-up", "which", flag_value="given-up", help="Only what was given up.")
@click.option(
    "--limit", type=click.IntRange(1), default=200, show_default=True, help="At most so many rows."
)
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def list_rows(database_url: str, which: str | None, limit: int, form: Format) -> None:
    """List what was not told.

    The oldest stands first; with --given-up the newest. Times are those of this machine's clock.
    """
    given_up = {None: None, "waiting": False, "given-up": True}[which]
    with failing(), _store(database_url) as store:
        rows = store.deliveries.undelivered(limit, given_up=given_up)
        figures = store.deliveries.figures()
    if form == "json":
        waiting = sum(figures.waiting.values())
        counts = {"waiting": waiting, "given_up": sum(figures.given_up.values())}
        click.echo(json.dumps({**counts, "rows": [_facts(row) for row in rows]}))
        return
    for line in _table(rows, SystemClock().now()):
        click.echo(line)


@outbox.command()
@database_option
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--place", type=PlaceName(), metavar="KIND:REFERENCE", help="All of one place.")
@click.option("--all", "everything", is_flag=True, help="All that was given up.")
def retry(database_url: str, ids: tuple[str, ...], place: Place | None, everything: bool) -> None:  # noqa: FBT001 - click hands flags over so
    """Send again what was given up.

    Mend the cause first. A running `serve` takes it up within a second.
    """
    if sum((bool(ids), place is not None, everything)) != 1:
        raise click.UsageError("name ids, or one --place, or --all")
    with failing(), _store(database_url) as store:
        rows = store.deliveries.undelivered(_EVERYTHING, given_up=True)
        chosen = {row.id for row in rows if everything or row.id in ids or row.place == place}
        for missing in set(ids) - chosen:
            raise NotFound("delivery", missing)
        count = store.deliveries.again(chosen)
    click.echo(f"{count} will be sent again" if count else "nothing was given up there")


@contextmanager
def _store(url: str) -> Iterator[Store]:
    schema.check(url)
    with closing(Store(open_database(url))) as store:
        yield store


def _facts(row: Undelivered) -> dict[str, object]:
    """Give what is shown of a row; the names are a contract of `--format json`."""
    return {
        "id": row.id,
        "state": "given-up" if row.given_up else "waiting",
        "since": row.since.astimezone(UTC).isoformat(),
        "tried": row.tried,
        "card": str(row.kind),
        "notice": row.code or None,
        "about": row.about,
        "place": f"{row.place.kind}:{row.place.ref}",
        "problem": row.problem or None,
    }


def _table(rows: Sequence[Undelivered], now: datetime) -> Iterator[str]:
    if not rows:
        yield "Everything was told."
        return
    cells = [_HEADINGS, *(_cells(row, now) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    for line in cells:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _cells(row: Undelivered, now: datetime) -> tuple[str, ...]:
    """Write a row for a terminal: a channel's name in a policy may hold anything."""
    state = "given up" if row.given_up else "waiting"
    age = f"{duration_words(max(now - row.since, now - now))} ago"
    what = row.code or str(row.kind)
    where = f"{row.place.kind}:{row.place.ref}"
    why = delivery_words(row.problem)
    words = (row.id, state, age, str(row.tried), what, row.about, where, why)
    return tuple(visible(word) for word in words)
