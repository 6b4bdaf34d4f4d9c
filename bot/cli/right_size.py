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

from bot.cli.failing import EXIT_REFUSED, failing
from bot.cli.visible import visible
from grants.authz.objects import ACCOUNT_PREFIX
from grants.errors import InsufficientEvidence
from grants.review.inventory import Seen

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from grants.review.findings.verdicts import UseEvidence
    from grants.review.inventory import Inventory
    from grants.review.rightsizing.model import Proposal, Target, Window

EXIT_PARTIAL: Final = 6
Form = Literal["words", "yaml", "json"]
_RULE: Final = "unused-permission"
_NEEDED: Final = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ServiceAccount")
_NOT_WHOLE: Final = frozenset({Seen.PARTLY, Seen.FORBIDDEN, Seen.FAILED})


@click.command("right-size")
@click.argument("subjects", nargs=-1, required=True, metavar="NAMESPACE/NAME...")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="PATH",
    help="Roles, bindings and accounts: dumps of `kubectl get -o json|yaml`, files or folders.",
)
@click.option(
    "--cluster",
    metavar="NAME",
    help="Read them from a cluster of the clusters file, or else a context of the kubeconfig.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="NAME is a context of this file, whatever the clusters file says.",
)
@click.option(
    "--audit",
    "logs",
    multiple=True,
    metavar="PATH",
    help="Audit logs of the whole window, of any form that is known; gzip too.",
)
@click.option("--store", is_flag=True, help="Judge by imported use, instead of by audit logs.")
@click.option(
    "--used-in",
    metavar="NAME",
    help="The cluster whose imported use counts; else that of --cluster, or the only one.",
)
@click.option(
    "--database-url",
    metavar="URL",
    help="The database of --store; default: the setting VALETKEY_DATABASE_URL. Never with a"
    " password.",
)
@click.option("--window", help="How far back to look; else policy says, or 90d.")
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(exists=True, path_type=Path),
    help="Policy file or folder; its section `review:` says how far back to look for whom.",
)
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
    cluster: str | None,
    kubeconfig: Path | None,
    logs: tuple[str, ...],
    form: Form,
    out: Path | None,
    **how: Any,
) -> None:
    """Propose the least rights that let service accounts go on, with the proof.

    What an account was seen to do, and was allowed to, is what it needs. The proposal is replayed:
    every request that was seen is still allowed, and nothing is that was not.
    """
    targets = [_target(text, cluster or "") for text in subjects]
    if how["store"] == bool(logs) or (how["used_in"] and not how["store"]):
        raise click.UsageError("name audit logs by --audit, or say --store (and --used-in)")
    with failing():
        window_of = _windows(how["window"], how["policy_path"])
        inventory = _inventory(files, cluster, kubeconfig)
        heard = _stored(how, cluster) if how["store"] else _heard(logs, inventory)
    codes = [0]
    for target in targets:
        window = _window(window_of(target), inventory.taken_at)
        try:
            proposal = _propose(target, window, inventory, heard, how)
        except InsufficientEvidence as error:
            _say_lacks(error)
            codes.append(EXIT_REFUSED)
            continue
        click.echo(_written(proposal, form), nl=form != "yaml")
        if out is not None:
            _write(out, proposal)
        codes.append(0 if proposal.replay.holds else EXIT_REFUSED)
    sys.exit(max(codes))


def _target(text: str, cluster: str) -> Target:
    from grants.review.rightsizing.model import Target  # noqa: PLC0415

    namespace, _, name = text.removeprefix("sa:").partition("/")
    if text.startswith(ACCOUNT_PREFIX):
        namespace, _, name = text.removeprefix(ACCOUNT_PREFIX).partition(":")
    if not namespace or not name or "/" in name or {namespace, name} & {".", ".."}:
        raise click.BadParameter(f"not NAMESPACE/NAME: {text}", param_hint="SUBJECT")
    return Target(namespace, name, cluster)


def _windows(text: str | None, policy: Path | None) -> Callable[[Target], timedelta]:
    """Say how far back to look for whom: as was typed, else as policy says."""
    from grants.policy.durations import parse_duration  # noqa: PLC0415
    from grants.policy.review_model import ReviewPolicy  # noqa: PLC0415

    if text is not None:
        length = parse_duration(text)
        if length is None or length <= timedelta(0):
            raise click.BadParameter("must be a length of time such as 90d", param_hint="--window")
        return lambda _: length
    found = ReviewPolicy()
    if policy is not None:
        from grants.policy.load import load_review  # noqa: PLC0415
        from grants.policy.source import PolicyPath  # noqa: PLC0415

        found = load_review(PolicyPath(policy).files()).review
    return lambda target: found.window_for(
        _RULE, target.cluster, namespace=target.namespace, account=str(target)
    )


def _window(length: timedelta, now: datetime) -> Window:
    from grants.review.rightsizing.model import Window  # noqa: PLC0415

    return Window(now - length, now)


def _inventory(files: tuple[str, ...], cluster: str | None, kubeconfig: Path | None) -> Inventory:
    """Read roles and bindings; with some of them missing, what is held is not known."""
    from bot.cli.review_sources import Wanted, inventories  # noqa: PLC0415
    from bot.wording.reading import read_problem_sentence  # noqa: PLC0415

    named = (cluster,) if cluster else ()
    wanted = Wanted(
        paths=files,
        namespace="default",
        clusters=named,
        every=False,
        kubeconfig=kubeconfig,
        token_secrets=False,
    )
    wanted.check()
    (found,) = inventories(wanted, lambda _: None)
    for problem in found.problems:
        click.echo(visible(read_problem_sentence(problem)), err=True)
    lacking = [kind for kind in _NEEDED if found.seen.get(kind) in _NOT_WHOLE]
    if lacking or any(problem.loses for problem in found.problems):
        said = f" ({', '.join(lacking)})" if lacking else ""
        click.echo(f"Not all could be read{said}, so nothing is proposed.", err=True)
        sys.exit(EXIT_PARTIAL)
    return found


def _heard(logs: tuple[str, ...], inventory: Inventory) -> UseEvidence:
    from bot.cli.review_sources import heard_of_use  # noqa: PLC0415

    return heard_of_use(logs, (inventory,), lambda _: None)[inventory.cluster]


def _stored(how: dict[str, Any], cluster: str | None) -> UseEvidence:
    from bot.cli.database import chosen_url  # noqa: PLC0415
    from bot.cli.review_store import stored_use  # noqa: PLC0415

    return stored_use(chosen_url(how["database_url"]), how["used_in"] or cluster)


def _propose(
    target: Target, window: Window, inventory: Inventory, heard: UseEvidence, how: dict[str, Any]
) -> Proposal:
    from grants.review.findings.look import Look  # noqa: PLC0415
    from grants.review.rightsizing import propose  # noqa: PLC0415
    from grants.review.rightsizing.evidence import Complete  # noqa: PLC0415
    from grants.review.rightsizing.names import Names  # noqa: PLC0415
    from grants.review.rightsizing.watched import Watched, observed  # noqa: PLC0415

    look = Look(inventory)
    account = look.accounts.get((target.namespace, target.name))
    born = account.meta.created if account else None
    ask = propose.RightSize(
        target,
        tuple(observed(use) for use in heard.uses.get(target.user, ())),
        window,
        Names(how["names"]),
        exactly=how["exactly"],
        keep_unjudged=how["keep_unjudged"],
    )
    evidence = Complete() if how["vouch"] else Watched(heard.coverage, born, heard.judging)
    return propose.right_size(ask, look.rbac, evidence)


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
