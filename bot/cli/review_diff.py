"""`valetkey review diff`: what a change of manifests gives and takes, before it is applied.

Exit codes: 0 nothing new weighs as much as `--fail-on`; 1 something does; 2 used wrongly; 6 not
everything could be read, and nothing else fails.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from bot.cli.failing import EXIT_REFUSED, failing
from bot.cli.visible import visible
from grants.clock import SystemClock
from grants.review.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grants.policy.review_model import ReviewPolicy
    from grants.review.changes.model import Change
    from grants.review.inventory import Inventory

EXIT_PARTIAL: Final = 6
FORMS: Final = ("table", "json", "sarif", "markdown")
Form = Literal["table", "json", "sarif", "markdown"]

_SEVERITIES: Final = [severity.word for severity in Severity]


@click.command("diff")
@click.argument("paths", nargs=-1, required=True, metavar="BASE HEAD | PATH...")
@click.option(
    "--since",
    metavar="REVISION",
    help="Compare PATH... with what stands there at this revision of git, such as origin/main.",
)
@click.option(
    "--namespace",
    "-n",
    default="default",
    show_default=True,
    help="Where objects stand that name no namespace, as for kubectl.",
)
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(exists=True, path_type=Path),
    help="Policy file or folder; its section `review:` says what is allowed for whom.",
)
@click.option("--format", "form", type=click.Choice(FORMS), default="table", show_default=True)
@click.option(
    "--fail-on",
    type=click.Choice([*_SEVERITIES, "never"]),
    help="From which severity on to end with 1; else policy says, or medium.",
)
def diff(
    paths: tuple[str, ...],
    since: str | None,
    namespace: str,
    policy_path: Path | None,
    form: Form,
    fail_on: str | None,
) -> None:
    """Say what a change of manifests gives and takes: effectively, for each service account.

    BASE and HEAD are files or folders as they were and as they are to be. What counts is what each
    subject may do after and might not before, by roles, aggregation and groups.
    """
    with failing():
        policy, own = _policy(policy_path)
        base, head = _read(paths, since, namespace)
        change = _compare(base, head, policy, own)
    _tell(base, head)
    click.echo(_written(change, form), nl=form != "markdown")
    sys.exit(_exit_code(change, fail_on or policy.fail_on_gain))


def _read(paths: Sequence[str], since: str | None, namespace: str) -> tuple[Inventory, Inventory]:
    # Imported late, as all that not every command needs: `--help` stays quick.
    from bot.cli.review_git import files_at  # noqa: PLC0415
    from grants.review.reading import read_paths  # noqa: PLC0415

    now = SystemClock().now()
    if since is None and len(paths) != 2:  # noqa: PLR2004 - a pair
        raise click.UsageError("say what was and what is to be: BASE HEAD, or --since REVISION")
    was = nullcontext(Path(paths[0])) if since is None else files_at(since, paths)
    with was as folder:
        # A folder of git without a single manifest is an empty beginning, not an error.
        read = [folder] if since is None or any(folder.iterdir()) else []
        base = read_paths(read, now=now, namespace=namespace)
    head = read_paths(paths[1:] if since is None else paths, now=now, namespace=namespace)
    return base, head


def _policy(path: Path | None) -> tuple[ReviewPolicy, frozenset[str]]:
    """Give what policy says of reviews, and the bot's own namespaces."""
    from grants.policy.review_model import ReviewPolicy  # noqa: PLC0415

    if path is None:
        return ReviewPolicy(), frozenset()
    from grants.policy.load import load_review  # noqa: PLC0415
    from grants.policy.source import PolicyPath  # noqa: PLC0415

    loaded = load_review(PolicyPath(path).files())
    return loaded.review, frozenset(cluster.own_namespace for cluster in loaded.clusters)


def _compare(base: Inventory, head: Inventory, policy: ReviewPolicy, own: frozenset[str]) -> Change:
    from grants.review.changes.comparing import compare  # noqa: PLC0415
    from grants.review.findings.look import Look  # noqa: PLC0415

    return compare(Look(base, policy, own), Look(head, policy, own))


def _tell(base: Inventory, head: Inventory) -> None:
    from bot.wording.reading import read_problem_sentence  # noqa: PLC0415

    for side, inventory in (("before", base), ("after", head)):
        for problem in inventory.problems:
            click.echo(visible(f"{side}: {read_problem_sentence(problem)}"), err=True)


def _written(change: Change, form: Form) -> str:
    from bot.cli.review_diff_json import as_json, as_sarif  # noqa: PLC0415
    from bot.cli.review_diff_text import markdown, table  # noqa: PLC0415

    match form:
        case "json":
            return as_json(change)
        case "sarif":
            return as_sarif(change)
        case "markdown":
            return markdown(change)
        case "table":
            return "\n".join(table(change))


def _exit_code(change: Change, fail_on: str) -> int:
    worst = change.worst
    if fail_on != "never" and worst is not None and worst >= Severity[fail_on.upper()]:
        return EXIT_REFUSED
    return EXIT_PARTIAL if change.partial else 0
