"""`valetkey clusters`: how each cluster stands and what waits there; and the clusters file.

Exit codes of `list`: 0 when every cluster is up, 5 when one is not.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import click

from bot.cli.database import database_option
from bot.cli.failing import EXIT_CLUSTER, failing
from bot.cli.visible import visible
from bot.clusters_file import ClusterAccess, json_schema, read_clusters
from bot.settings import load_settings
from bot.wording.clusters import standing_words
from grants.access.cluster_states import ClusterState, cluster_states
from grants.clock import SystemClock

Format = Literal["table", "json"]

_HEADINGS: Final = (
    "cluster",
    "state",
    "since",
    "live",
    "due",
    "overdue",
    "stuck",
    "oldest overdue",
    "proof by",
    "more",
)


class _ListByDefault(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListByDefault)
def clusters() -> None:
    """How each cluster stands and what waits there; the clusters file.

    Without a command: `list`.
    """


@clusters.command("list")
@database_option
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def list_(database_url: str, form: Format) -> None:
    """List every cluster: how it stands, since when, and what waits for it.

    By the record, which the running processes keep: this command calls no cluster. Ends with 5 when
    one is not up.
    """
    with failing():
        accesses = _configured()
        states = _states(database_url, None if accesses is None else set(accesses))
    if form == "json":
        rows = [_facts(state, (accesses or {}).get(state.alias)) for state in states]
        click.echo(json.dumps({"clusters": rows}))
    else:
        for line in _table(states, accesses or {}):
            click.echo(line)
    if not all(state.is_well for state in states):
        sys.exit(EXIT_CLUSTER)


@clusters.command()
@click.argument("path", type=click.Path(path_type=Path))
def check(path: Path) -> None:
    """Say what is wrong with a clusters file; it calls no cluster."""
    with failing():
        found = read_clusters(path)
    for alias, access in found.items():
        click.echo(visible(f"{alias}: {_way(access)}"))
    lacking = [a for a in found.values() if a.kubeconfig and not a.kubeconfig.is_file()]
    for access in lacking:
        click.echo(visible(f"warning: there is no file {access.kubeconfig} here"), err=True)


@clusters.command()
def schema() -> None:
    """Print the JSON Schema of the clusters file, for editors."""
    click.echo(json.dumps(json_schema(), indent=2))


def _configured() -> dict[str, ClusterAccess] | None:
    """Give the clusters of the file that the settings name; None where they name none.

    Without a file `serve` knows the one cluster that it runs in, but this command may run anywhere.
    """
    path = load_settings().clusters_path
    return None if path is None else read_clusters(path)


def _states(database_url: str, configured: set[str] | None) -> tuple[ClusterState, ...]:
    # Imported late: `check` and `schema` need no database.
    from grants.store import schema as store_schema  # noqa: PLC0415
    from grants.store.engine import open_database  # noqa: PLC0415
    from grants.store.store import Store  # noqa: PLC0415

    store_schema.check(database_url)
    with closing(Store(open_database(database_url))) as store, store.read() as tx:
        return cluster_states(configured, SystemClock().now(), tx=tx)


def _facts(state: ClusterState, access: ClusterAccess | None) -> Mapping[str, Any]:
    """Give what is shown; the names are a contract of `--format json`."""
    waiting = state.waiting
    return {
        "cluster": state.alias,
        "uid": state.uid or None,
        "state": str(state.standing),
        "problem": state.problem or None,
        "since": _moment(state.since),
        "looked_at": _moment(state.looked_at),
        "live": waiting.live,
        "due": waiting.due,
        "activating": waiting.activating,
        "overdue": waiting.overdue,
        "stuck": waiting.stuck,
        "oldest_overdue": _moment(waiting.oldest_overdue),
        "endpoints": None if access is None else list(access.endpoints),
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _table(
    states: tuple[ClusterState, ...], accesses: Mapping[str, ClusterAccess]
) -> Iterator[str]:
    if not states:
        yield "no cluster was seen yet"
        return
    lines = [_HEADINGS, *(_line(state, accesses.get(state.alias)) for state in states)]
    shown = [[visible(cell) for cell in line] for line in lines]
    widths = [max(len(cell) for cell in column) for column in zip(*shown, strict=True)]
    for line in shown:
        padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _line(state: ClusterState, access: ClusterAccess | None) -> tuple[str, ...]:
    waiting = state.waiting
    return (
        state.alias,
        str(state.standing),
        _minute(state.since),
        str(waiting.live),
        str(waiting.due),
        str(waiting.overdue),
        str(waiting.stuck),
        _minute(waiting.oldest_overdue),
        _proof(access),
        "" if state.is_well else standing_words(state),
    )


def _minute(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}Z"


def _proof(access: ClusterAccess | None) -> str:
    if access is None:
        return ""
    return f"{len(access.endpoints)} endpoints" if access.endpoints else "one endpoint"


def _way(access: ClusterAccess) -> str:
    if access.in_cluster:
        way = "the cluster that Valetkey runs in"
    else:
        way = f"{access.kubeconfig}, context {access.context or '(the current one)'}"
    through = ", by a proxy" if access.proxy else ""
    return f"{way}{through}; proof by {_proof(access)}"
