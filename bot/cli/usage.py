"""`valetkey usage`: what audit logs show of who did what, and of what they could have shown.

The fields of `--format json` are a contract: see CHANGELOG.
"""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

import click

from bot.cli.database import database_option
from bot.cli.failing import EXIT_REFUSED, failing
from bot.cli.progress import Progress
from bot.cli.usage_files import (
    STDIN,
    Piece,
    Task,
    fingerprint,
    pieces_of,
    processors,
    read_all,
)
from bot.cli.usage_forms import write_coverage, write_import, write_uses
from bot.settings_kinds import PREFIX
from bot.web.audit_tokens import digest_of, new_token, read_tokens
from grants.authz.objects import ACCOUNT_PREFIX
from grants.clock import Clock, SystemClock
from grants.store import schema
from grants.store.engine import open_database
from grants.store.store import Store
from grants.usage.folded import NO_CLUSTER, Folded
from grants.usage.take_in import TakeIn, take_in, take_in_much

Format = Literal["table", "json"]

_form = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@dataclass(frozen=True)
class _Ports:
    store: Store
    clock: Clock


@click.group()
def usage() -> None:
    """See what audit logs show of who did what."""


@usage.command("import")
@database_option
@click.argument("files", nargs=-1, required=True, metavar="FILE...|-")
@click.option("--cluster", default="", help="Whose log it is; else what its envelope says.")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=processors,
    help="Processes that read; default: one for each processor.",
)
@click.option("--dry-run", is_flag=True, help="Read and say what is there; keep nothing.")
@_form
def import_(
    database_url: str,
    files: tuple[str, ...],
    cluster: str,
    processes: int,
    form: Format,
    *,
    dry_run: bool,
) -> None:
    """Fold Kubernetes audit logs into who did what where, first and last seen.

    JSON lines, EventList, and what GKE, AKS, EKS, Fluent Bit and Vector make of them, also packed
    by gzip. A file that was imported is known, and not imported again.
    """
    with failing(), _ports(database_url, needed=not dry_run) as ports:
        told = Folded()
        known = _known(files, cluster, ports)
        tasks = _tasks([name for name in files if name not in known], cluster, processes)
        with Progress(_total_bytes(tasks)) as progress:
            pieces = read_all(tasks, processes, progress.say)
            for path, some in groupby(pieces, key=lambda each: each[0].piece.path):
                folded = Folded()
                for _, piece in some:
                    folded.merge(piece, folded.lines)
                if ports is not None:
                    _keep(path, cluster, folded, ports)
                told.merge(folded)
    write_import(told, known, form)
    _end(told, known)


def _known(files: tuple[str, ...], cluster: str, ports: _Ports | None) -> frozenset[str]:
    """Name the files that were imported before."""
    if ports is None:
        return frozenset()
    with ports.store.read() as tx:
        paths = (name for name in files if name != STDIN)
        return frozenset(p for p in paths if tx.came_before(f"usage:{_key(p, cluster)}"))


def _key(path: str, cluster: str) -> str:
    return f"file:{fingerprint(_file(path))}:{cluster}"


def _file(path: str) -> Path:
    found = Path(path)
    if not found.is_file():
        raise click.BadParameter(f"there is no file {path}", param_hint="FILE")
    return found


def _tasks(files: list[str], cluster: str, processes: int) -> list[Task]:
    now = SystemClock().now()
    pieces: list[Piece] = []
    for name in dict.fromkeys(files):
        pieces += [Piece(STDIN, 0, None)] if name == STDIN else pieces_of(_file(name), processes)
    return [Task(piece, cluster, now) for piece in pieces]


def _total_bytes(tasks: list[Task]) -> int | None:
    paths = {task.piece.path for task in tasks}
    return None if STDIN in paths else sum(Path(path).stat().st_size for path in paths)


def _keep(path: str, cluster: str, folded: Folded, ports: _Ports) -> None:
    if not folded.parts:
        return
    if path == STDIN:
        # What comes by a pipe can't be known again; so it is kept in one go.
        key = f"pipe:{ports.clock.now().isoformat()}"
        take_in(TakeIn(key, folded.parts), ports=ports)
        return
    take_in_much(TakeIn(_key(path, cluster), folded.parts), ports=ports)


def _end(told: Folded, known: frozenset[str]) -> None:
    if told.words[NO_CLUSTER]:
        click.echo("Some events don't say whose they are: name the cluster by --cluster.", err=True)
        sys.exit(EXIT_REFUSED)
    if not told.events and not known:
        click.echo("There is no audit event in that.", err=True)
        sys.exit(EXIT_REFUSED)


@usage.command()
@database_option
@click.option("--cluster", help="The cluster's name.")
@click.option("--account", metavar="NAMESPACE/NAME", help="A service account.")
@click.option("--user", help="A user, as Kubernetes calls them.")
@click.option("--limit", type=click.IntRange(1), default=1_000, show_default=True)
@_form
def show(
    database_url: str,
    cluster: str | None,
    account: str | None,
    user: str | None,
    limit: int,
    form: Format,
) -> None:
    """List who did what, when it was first and last seen, and through which binding."""
    if account is not None:
        namespace, slash, name = account.partition("/")
        if not (slash and namespace and name) or user is not None:
            raise click.UsageError("name one --account as NAMESPACE/NAME, or one --user")
        user = f"{ACCOUNT_PREFIX}{namespace}:{name}"
    with failing(), _store(database_url) as store, store.read() as tx:
        uses = tx.usage(cluster, user, limit + 1)
    write_uses(uses[:limit], form, is_all=len(uses) <= limit)


@usage.command()
@database_option
@click.option("--cluster", help="The cluster's name; default: all.")
@_form
def coverage(database_url: str, cluster: str | None, form: Format) -> None:
    """Say of what kinds of acts anything was seen, since when, and with what gaps."""
    with failing(), _store(database_url) as store, store.read() as tx:
        names = [cluster] if cluster is not None else list(tx.usage_clusters())
        found = [tx.coverage(name) for name in names]
    write_coverage(found, form, SystemClock().now())


@usage.command()
@click.argument("cluster")
def token(cluster: str) -> None:
    """Make a bearer token for the sender of a cluster's audit log, and what the settings need."""
    made = new_token()
    line = f"{cluster} {digest_of(made)}"
    try:
        read_tokens(line)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="CLUSTER") from None
    click.echo(f"token, for the sender alone:  {made}")
    click.echo(f"line of {PREFIX}AUDIT_TOKENS:  {line}")


@contextmanager
def _ports(url: str, *, needed: bool) -> Iterator[_Ports | None]:
    if not needed:
        yield None
        return
    with _store(url) as store:
        yield _Ports(store, SystemClock())


@contextmanager
def _store(url: str) -> Iterator[Store]:
    schema.check(url)
    with closing(Store(open_database(url))) as store:
        yield store
