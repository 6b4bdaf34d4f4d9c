"""`valetkey review right-size`: the least rights that let a service account go on.

Exit codes: 0 proposed, or nothing to take away; 1 evidence is insufficient, or the replay failed;
2 used wrongly; 6 roles, bindings or audit logs could not all be read, so nothing is proposed.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from bot.cli.failing import EXIT_REFUSED
from bot.cli.visible import visible
from grants.clock import SystemClock
from grants.errors import InsufficientEvidence

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from grants.review.inventory import Inventory
    from grants.review.rightsizing.model import Proposal, Target, Window
    from grants.usage.coverage import Coverage
    from grants.usage.folded import Folded

EXIT_PARTIAL: Final = 6
WINDOW: Final = "90d"
Form = Literal["words", "yaml", "json"]
_ALIAS: Final = "-"


@click.command("right-size")
@click.argument("subjects", nargs=-1, required=True, metavar="NAMESPACE/NAME...")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    metavar="PATH",
    help="Roles, bindings and accounts: dumps of `kubectl get -o json|yaml`, files or folders.",
)
@click.option(
    "--audit",
    "logs",
    multiple=True,
    required=True,
    metavar="PATH",
    help="Audit logs of the whole window, of any form that is known; gzip too.",
)
@click.option("--window", default=WINDOW, show_default=True, help="How far back to look.")
@click.option(
    "--names",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Whether rules name what was used: where it looks settled, wherever possible, or never.",
)
@click.option(
    "--exactly", is_flag=True, help="Only what was seen; nothing that follows or can't be seen."
)
@click.option(
    "--keep-unjudged", is_flag=True, help="Keep what evidence can't judge instead of refusing."
)
@click.option(
    "--vouch",
    is_flag=True,
    help="You say that all was logged and that rights are older than the window.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["words", "yaml", "json"]),
    default="words",
    show_default=True,
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write what to apply, to delete and to replace into this folder.",
)
def right_size(
    subjects: tuple[str, ...],
    files: tuple[str, ...],
    logs: tuple[str, ...],
    form: Form,
    out: Path | None,
    **how: Any,
) -> None:
    """Propose the least rights that let service accounts go on, with the proof.

    What an account was seen to do, and was allowed to, is what it needs. The proposal is replayed:
    every request that was seen is still allowed, and nothing is that was not.
    """
    targets = [_target(text) for text in subjects]
    now = SystemClock().now()
    window = _window(how["window"], now)
    inventory, folded = _inventory(files, now), _folded(logs, now)
    codes = [0]
    for target in targets:
        try:
            proposal = _propose(target, window, inventory, folded, how)
        except InsufficientEvidence as error:
            _say_lacks(error)
            codes.append(EXIT_REFUSED)
            continue
        click.echo(_written(proposal, form), nl=form != "yaml")
        if out is not None:
            _write(out, proposal)
        codes.append(0 if proposal.replay.holds else EXIT_REFUSED)
    sys.exit(max(codes))


def _target(text: str) -> Target:
    from grants.review.rightsizing.model import Target  # noqa: PLC0415

    namespace, _, name = text.removeprefix("sa:").partition("/")
    if text.startswith("system:serviceaccount:"):
        namespace, _, name = text.removeprefix("system:serviceaccount:").partition(":")
    if not namespace or not name or "/" in name or {namespace, name} & {".", ".."}:
        raise click.BadParameter(f"not NAMESPACE/NAME: {text}", param_hint="SUBJECT")
    return Target(namespace, name)


def _window(text: str, now: datetime) -> Window:
    from grants.policy.durations import parse_duration  # noqa: PLC0415
    from grants.review.rightsizing.model import Window  # noqa: PLC0415

    length = parse_duration(text)
    if length is None or length <= timedelta(0):
        raise click.BadParameter("must be a length of time such as 90d", param_hint="--window")
    return Window(now - length, now)


def _inventory(files: Sequence[str], now: datetime) -> Inventory:
    """Read roles and bindings; with some of them missing, what is held is not known."""
    from bot.wording.reading import read_problem_sentence  # noqa: PLC0415
    from grants.review.reading import read_paths  # noqa: PLC0415

    found = read_paths(files, sys.stdin.buffer if "-" in files else None, now=now)
    for problem in found.problems:
        click.echo(visible(read_problem_sentence(problem)), err=True)
    if found.partial:
        click.echo("Not all could be read, so nothing is proposed.", err=True)
        sys.exit(EXIT_PARTIAL)
    return found


def _folded(logs: Sequence[str], now: datetime) -> Folded:
    """Read audit logs as those of one cluster; what is lost counts against the evidence."""
    from grants.usage.reading import Reader  # noqa: PLC0415

    reader = Reader(now, cluster=_ALIAS)
    for name in logs:
        try:
            with Path(name).open("rb") as stream:
                reader.read(stream, name)
        except OSError as error:
            raise click.BadParameter(
                f"{name} can't be read: {error.strerror}", param_hint="--audit"
            ) from None
    folded = reader.folded
    for file, line, word in folded.places:
        click.echo(visible(f"{file}:{line}: {word}"), err=True)
    return folded


def _propose(
    target: Target, window: Window, inventory: Inventory, folded: Folded, how: dict[str, Any]
) -> Proposal:
    from grants.authz.builtin import with_builtin  # noqa: PLC0415
    from grants.authz.rbac import Rbac  # noqa: PLC0415
    from grants.review.rightsizing import propose  # noqa: PLC0415
    from grants.review.rightsizing.evidence import Complete  # noqa: PLC0415
    from grants.review.rightsizing.names import Names  # noqa: PLC0415
    from grants.review.rightsizing.watched import Watched, observed  # noqa: PLC0415

    rbac = Rbac(with_builtin(inventory.roles), inventory.bindings)
    coverage, uses = _heard(folded, target.user)
    created = {(a.meta.namespace, a.meta.name): a.meta.created for a in inventory.accounts}
    born = created.get((target.namespace, target.name))
    ask = propose.RightSize(
        target,
        tuple(observed(use) for use in uses),
        window,
        Names(how["names"]),
        exactly=how["exactly"],
        keep_unjudged=how["keep_unjudged"],
    )
    return propose.right_size(ask, rbac, Complete() if how["vouch"] else Watched(coverage, born))


def _heard(folded: Folded, user: str) -> tuple[Coverage, list[Any]]:
    from grants.usage.coverage import coverage_of  # noqa: PLC0415
    from grants.usage.model import Use  # noqa: PLC0415
    from grants.usage.times import as_time  # noqa: PLC0415

    part = folded.parts[_ALIAS]
    uses = [
        Use("", act, as_time(row.first), as_time(row.last), row.count)
        for act, row in part.rows
        if act.user == user
    ]
    return coverage_of("", part.seen, part.losses), uses


def _say_lacks(error: InsufficientEvidence) -> None:
    from bot.wording import error_sentence  # noqa: PLC0415
    from bot.wording.right_sizing import lack_lines  # noqa: PLC0415

    click.echo(visible(error_sentence(error)), err=True)
    for line in lack_lines(error.lacks):
        click.echo(visible(f"  {line}"), err=True)


def _written(proposal: Proposal, form: Form) -> str:
    from bot.cli.right_size_forms import proposal_json, proposal_yaml  # noqa: PLC0415
    from bot.wording.right_sizing import proposal_lines  # noqa: PLC0415

    if form == "yaml":
        return proposal_yaml(proposal)
    if form == "json":
        return proposal_json(proposal)
    return "\n".join(visible(line) for line in proposal_lines(proposal))


def _write(folder: Path, proposal: Proposal) -> None:
    """Write the files for kubectl; one account's never overwrite another's."""
    from bot.cli.right_size_forms import (  # noqa: PLC0415
        narrowed_yaml,
        proposal_yaml,
        removals_yaml,
    )

    to = folder / proposal.target.namespace / proposal.target.name
    to.mkdir(parents=True, exist_ok=True)
    (to / "apply.yaml").write_text(proposal_yaml(proposal), encoding="utf-8")
    (to / "delete.yaml").write_text(removals_yaml(proposal), encoding="utf-8")
    (to / "replace.yaml").write_text(narrowed_yaml(proposal), encoding="utf-8")
