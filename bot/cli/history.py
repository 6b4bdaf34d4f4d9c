"""`valetkey history`: who had what, when, why, and who let them; reads beside a running serve.

The fields of `--format json` and `--format csv` are a contract: see CHANGELOG.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

import click

from bot.cli.database import database_option
from bot.cli.failing import failing
from bot.cli.history_forms import write_csv, write_json, write_table, write_view, write_view_json
from grants.access.model import GrantState, RequestState
from grants.errors import NotFound
from grants.history.model import HistoryFilter, HistoryPage, HistoryRow, RequestView
from grants.history.ports import HistoryTx
from grants.ids import Prefix, is_id
from grants.store import schema
from grants.store.engine import open_database
from grants.store.store import Store

Format = Literal["table", "json", "csv"]

_STATES: Final = [str(state) for state in (*RequestState, *GrantState)]
_PAGE: Final = 500


class Moment(click.ParamType[datetime]):
    """A date or a time in ISO 8601; without a zone it is UTC."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read what was typed."""
        if isinstance(value, datetime):
            return value
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"not a date or time: {value!r} (such as 2026-01-31T18:00Z)", param, ctx)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


@click.group()
def history() -> None:
    """Who had what, when, why, and who let them."""


@history.command("list")
@database_option
@click.option("--person", help="Person id, email, subject, or Slack account as TEAM/USER.")
@click.option("--cluster", help="The cluster's name.")
@click.option("--namespace", help="The namespace; cluster-wide access is in none.")
@click.option("--role", help="The role's name, or Kind/name.")
@click.option("--state", type=click.Choice(_STATES), help="Where the grant, or request, stands.")
@click.option("--since", type=Moment(), help="What was open at this time or later (UTC).")
@click.option("--until", type=Moment(), help="What was asked for before this time (UTC).")
@click.option("--limit", type=click.IntRange(1), help="At most so many; default: all.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
)
def list_(
    database_url: str,
    person: str | None,
    state: str | None,
    limit: int | None,
    form: Format,
    **filters: Any,
) -> None:
    """List requests and the access that followed, the newest first."""
    with failing(), _reading(database_url) as tx:
        people = None if person is None else _people(tx, person)
        wanted = HistoryFilter(people=people, state=_state(state), **filters)
        # All read before the first is written: a pager left open must not hold a transaction.
        rows = list(_every(tx, wanted, limit))
    {"table": write_table, "json": write_json, "csv": write_csv}[form](rows)


@history.command()
@database_option
@click.argument("name", metavar="ID")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def show(database_url: str, name: str, form: Format) -> None:
    """Show one request (req-...) or grant (gra-...) with its decisions, proofs and events."""
    with failing(), _reading(database_url) as tx:
        view = _view(tx, name)
        events = tx.events_about(name)
    (write_view_json if form == "json" else write_view)(view, events)


@contextmanager
def _reading(url: str) -> Iterator[HistoryTx]:
    schema.check(url)
    with closing(Store(open_database(url))) as store, store.read() as tx:
        yield tx


def _people(tx: HistoryTx, called: str) -> frozenset[str]:
    found = tx.people_called(called)
    if not found:
        raise NotFound("person", called)
    return found


def _state(word: str | None) -> RequestState | GrantState | None:
    if word is None:
        return None
    return GrantState(word) if word in set(GrantState) else RequestState(word)


def _every(tx: HistoryTx, wanted: HistoryFilter, limit: int | None) -> Iterator[HistoryRow]:
    """Read page after page, all of the one moment of the transaction."""
    left = limit
    cursor: str | None = None
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page: HistoryPage = tx.history(_paged(wanted, size, cursor))
        yield from page.rows
        left = None if left is None else left - len(page.rows)
        cursor = page.next
        if cursor is None:
            return


def _paged(wanted: HistoryFilter, limit: int, cursor: str | None) -> HistoryFilter:
    return replace(wanted, limit=limit, cursor=cursor)


def _view(tx: HistoryTx, name: str) -> RequestView:
    found = tx.grant_view(name) if is_id(name, Prefix.GRANT) else tx.request_view(name)
    if found is None:
        raise NotFound("request", name)
    return found
