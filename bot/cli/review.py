"""`valetkey review`: what service accounts may do, what of it is risky, and what shows it.

Exit codes of `scan`: 0 when nothing open weighs as much as `--fail-on`, 1 when something does, 5
when a cluster did not answer and 6 when something else could not be read, if nothing else fails;
and those of every command.
"""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

import click

from bot.cli.failing import EXIT_CLUSTER, EXIT_REFUSED, failing
from bot.cli.review_answers import answers
from bot.cli.review_diff import diff
from bot.cli.right_size import right_size
from bot.cli.visible import visible
from grants.garbage import without_gc
from grants.policy.model import Policy
from grants.review.finding import Severity
from grants.review.scan import Scan

EXIT_PARTIAL: Final = 6
_FAIL_ON: Final = "high"
Form = Literal["table", "json", "sarif", "html"]

_SEVERITIES: Final = [severity.word for severity in Severity]


@click.group()
def review() -> None:
    """See what service accounts may do, what of it is risky, and what shows it."""


review.add_command(answers)
review.add_command(diff)
review.add_command(right_size)


@review.command("scan")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option(
    "--namespace",
    "-n",
    default="default",
    show_default=True,
    help="Where objects of files stand that name no namespace, as for kubectl.",
)
@click.option(
    "--cluster",
    "clusters",
    multiple=True,
    metavar="NAME",
    help="A cluster of the clusters file, or else a context of the kubeconfig; may be repeated.",
)
@click.option("--all-clusters", "every", is_flag=True, help="Every cluster of the clusters file.")
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Names are contexts of this file, whatever the clusters file says.",
)
@click.option(
    "--token-secrets", is_flag=True, help="Read which Secrets hold tokens: metadata only."
)
@click.option(
    "--audit",
    "audit",
    multiple=True,
    metavar="FILE",
    help="An audit log of the cluster, to judge use by; may be repeated.",
)
@click.option(
    "--outside",
    "outside",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rights of a cluster that RBAC does not know, told by a file; may be repeated.",
)
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(exists=True, path_type=Path),
    help="Policy file or folder; its section `review:` is gone by.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "sarif", "html"]),
    default="table",
    show_default=True,
)
@click.option(
    "--paths",
    "with_paths",
    is_flag=True,
    help="Look for escalation paths, too; of large clusters that takes seconds. HTML always does.",
)
@click.option(
    "--store",
    "store",
    is_flag=True,
    help="Keep what clusters hold and which findings are known, and judge by imported use.",
)
@click.option(
    "--database-url",
    metavar="URL",
    help="The database of --store; default: the setting VALETKEY_DATABASE_URL. Never with a"
    " password.",
)
@click.option(
    "--baseline",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An earlier scan's JSON: what it knew does not fail again.",
)
@click.option("--explain", metavar="ID", help="All about one finding, by the id of its line.")
@click.option(
    "--fail-on",
    type=click.Choice([*_SEVERITIES, "never"]),
    help="From which severity on to end with 1; else policy says, or high.",
)
@click.option("--all", "everything", is_flag=True, help="Every line, also what is set apart.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing of the progress.")
def scan_command(
    policy_path: Path | None,
    form: Form,
    baseline: Path | None,
    explain: str | None,
    fail_on: str | None,
    audit: tuple[str, ...],
    outside: tuple[Path, ...],
    database_url: str | None,
    *,
    store: bool,
    with_paths: bool,
    everything: bool,
    quiet: bool,
    **source: Any,
) -> None:
    """Review files or clusters: who may do what that is risky, and what would mend it.

    PATH is a file, a folder or `-` for standard input: manifests, a rendered chart, or dumps of
    `kubectl get -o json`.
    """
    # Short-lived, and full of small values that live to its end: nothing to collect.
    if store and outside:
        # Scans without the file would take what it showed for mended.
        raise click.UsageError("--outside goes without --store")
    with failing(), without_gc():
        policy = _policy(policy_path)
        database = _database(database_url) if store else None
        with_paths = with_paths or form == "html"
        hear = _hearing(quiet=quiet)
        told = audit, outside
        found = _scan(source, policy, told, baseline, database, hear, with_paths=with_paths)
        code = _exit_code(found, fail_on or (policy.review.fail_on if policy else _FAIL_ON))
        if explain is not None:
            _explain(found, explain)
        elif form == "table":
            _print_table(found, everything=everything)
        else:
            _print_whole(found, form)
    _leave(0 if explain is not None else code)


@review.command()
@click.argument("of", type=click.Choice(["scan", "diff", "right-size"]), default="scan")
def schema(of: str) -> None:
    """Print the JSON Schema of what `scan`, `diff` or `right-size` writes as JSON."""
    # Imported late, as all that not every command needs: `--help` stays quick.
    import json  # noqa: PLC0415

    from bot.cli.review_json import json_schema  # noqa: PLC0415
    from bot.cli.review_shapes import shape_schema  # noqa: PLC0415

    found = json_schema() if of == "scan" else shape_schema(of)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


def _database(given: str | None) -> str:
    # Imported late: without a database no setting is read, and none can be wrong.
    from bot.cli.database import chosen_url  # noqa: PLC0415

    return chosen_url(given)


def _policy(path: Path | None) -> Policy | None:
    if path is None:
        return None
    from grants.policy.load import load_review  # noqa: PLC0415
    from grants.policy.source import PolicyPath  # noqa: PLC0415

    return load_review(PolicyPath(path).files())


def _scan(
    source: dict[str, Any],
    policy: Policy | None,
    told: tuple[tuple[str, ...], tuple[Path, ...]],
    baseline: Path | None,
    database_url: str | None,
    heard: Callable[[str], None],
    *,
    with_paths: bool,
) -> Scan:
    from bot.cli.review_sources import Wanted, heard_of_use, inventories, looks  # noqa: PLC0415
    from grants.review.scan import scan  # noqa: PLC0415

    wanted = Wanted(**source)
    wanted.check()
    if database_url is not None and (wanted.paths or baseline):
        raise click.UsageError("--store goes with clusters, and without --baseline")
    known = None
    if baseline is not None:
        from bot.cli.review_baseline import read_baseline  # noqa: PLC0415

        known = read_baseline(baseline)
    found = inventories(wanted, heard)
    audit, outside = told
    use = heard_of_use(audit, found, heard)
    heard("judging")
    if database_url is not None:
        from bot.cli.review_store import stored_scan  # noqa: PLC0415

        return stored_scan(database_url, looks(found, policy), use, with_paths=with_paths)
    return scan(looks(found, policy, outside), known, use, with_paths=with_paths)


def _hearing(*, quiet: bool) -> Callable[[str], None]:
    """Tell of progress where somebody watches, on a line of its own that is written over."""
    if quiet or not sys.stderr.isatty():
        return lambda _: None

    def hear(said: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        click.echo(f"\r\x1b[K{visible(said)[:width]}", err=True, nl=False)

    return hear


def _exit_code(found: Scan, fail_on: str) -> int:
    if fail_on != "never" and found.fails_on(Severity[fail_on.upper()]):
        return EXIT_REFUSED
    if found.silent:
        return EXIT_CLUSTER
    return EXIT_PARTIAL if found.partial else 0


def _print_whole(found: Scan, form: Form) -> None:
    """Write what programs, forges and browsers read, as UTF-8 whatever the terminal takes."""
    if form == "sarif":
        from bot.review_report.sarif import render_sarif  # noqa: PLC0415

        text = render_sarif(found).encode()
    elif form == "html":
        from bot.review_report.html import render_html  # noqa: PLC0415

        text = render_html(found).encode()
    else:
        from bot.cli.review_json import as_json  # noqa: PLC0415

        text = as_json(found)
    _end_progress()
    sys.stdout.buffer.write(text + b"\n")
    sys.stdout.buffer.flush()


def _print_table(found: Scan, *, everything: bool) -> None:
    from bot.cli.review_table import Look, table  # noqa: PLC0415

    is_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if is_terminal else None
    colours = is_terminal and not os.environ.get("NO_COLOR")
    _end_progress()
    click.echo("\n".join(table(found, Look(width, colours, everything))))


def _explain(found: Scan, id_: str) -> None:
    from bot.cli.review_explain import ID_LEAST, explain, matching  # noqa: PLC0415
    from grants.errors import NotFound  # noqa: PLC0415

    _end_progress()
    those = matching(found, id_) if len(id_) >= ID_LEAST else []
    if not those:
        raise NotFound("finding", id_)
    click.echo("\n\n".join("\n".join(explain(found, one)) for one in those))


def _end_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


def _leave(code: int) -> None:
    if code:
        sys.exit(code)
