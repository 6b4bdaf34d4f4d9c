"""`valetkey rbac`: who may do what by RBAC, in a cluster or in files. It changes nothing.

Exit codes: 0 yes or done; 1 no; 2 used wrongly; 5 the cluster can't be read; 6 not known, because
not everything could be read. The fields of `--format json` are a contract: see CHANGELOG.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import click

from bot.cli import rbac_forms as forms
from bot.cli.failing import EXIT_REFUSED, failing
from bot.cli.rbac_outside import outside_in, outside_json, write_outside
from bot.cli.rbac_words import read_question, read_subject
from grants.authz.builtin import with_builtin
from grants.authz.objects import MASTERS
from grants.authz.outside import Outside, not_seen
from grants.authz.rbac import Rbac
from grants.review.inventory import Inventory
from grants.review.reading import read_paths

EXIT_NOT_KNOWN: Final = 6

Format = Literal["table", "json"]
_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True)
class RbacSource:
    """How a cluster's roles and bindings are read; tests give theirs as `ctx.obj`.

    `open` takes a kubeconfig (None: the usual one) and a context (None: the current one).
    """

    open: Callable[[Path | None, str | None], Inventory]


def _options(command: _F) -> _F:
    for option in (
        click.option(
            "--format",
            "form",
            type=click.Choice(["table", "json"]),
            default="table",
            show_default=True,
        ),
        click.option("--context", help="Read the cluster of this context of the kubeconfig."),
        click.option(
            "--kubeconfig",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Read the cluster with this file; default: as kubectl does.",
        ),
        click.option(
            "-f",
            "--file",
            "files",
            multiple=True,
            metavar="PATH",
            help="Read files, folders or standard input (-) instead of a cluster.",
        ),
        click.option(
            "--outside",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="Rights that RBAC does not know, told by a file.",
        ),
    ):
        command = option(command)
    return command


@click.group()
def rbac() -> None:
    """Who may do what by RBAC, in a cluster or in files."""


@rbac.command("who-can")
@click.argument("verb")
@click.argument("what", metavar="RESOURCE")
@click.argument("name", required=False, default="")
@click.option("-n", "--namespace", help="Ask in this namespace; default: cluster-wide.")
@_options
def who_can(
    verb: str,
    what: str,
    name: str,
    namespace: str | None,
    form: Format,
    **source: Any,
) -> None:
    """List everybody who may do something, and by which binding.

    RESOURCE is KIND[.GROUP][/SUBRESOURCE], such as pods/exec or widgets.example.com, or a path
    such as /metrics.
    """
    inventory, found, outside = _read(source)
    question = read_question(verb, what, name, namespace, found.roles)
    holders, others = found.who_can(question), outside.who_can(question)
    if form == "json":
        ways = [forms.way_json(one) for one in holders]
        body = {"question": forms.question_json(question), "holders": ways}
        body |= {"beyond_rbac": [MASTERS], "outside": outside_json(outside, others)}
        forms.write_json(inventory, **body)
    else:
        forms.write_holders(question, holders)
        write_outside(outside, others)
    _end(inventory, form, 0)


@rbac.command()
@click.argument("subject")
@click.option("--group", "groups", multiple=True, help="A group that the subject is in, too.")
@click.option("--rules", is_flag=True, help="Show the rules to the letter, too.")
@_options
def show(
    subject: str,
    groups: tuple[str, ...],
    rules: bool,  # noqa: FBT001 - click hands flags over so
    form: Format,
    **source: Any,
) -> None:
    """Show all that a subject holds, by which binding and where.

    SUBJECT is sa:NAMESPACE/NAME, group:NAME, user:NAME or a user's name.
    """
    caller = read_subject(subject, groups)
    inventory, found, outside = _read(source)
    rights, others = found.rights(caller), outside.rights(caller)
    if form == "json":
        held = [forms.right_json(right) for right in rights]
        body = {"caller": forms.caller_json(caller), "rights": held}
        forms.write_json(inventory, **body, outside=outside_json(outside, others))
    else:
        forms.write_rights(rights, rules=rules)
        write_outside(outside, others)
    _end(inventory, form, 0)


@rbac.command()
@click.argument("subject")
@click.argument("verb")
@click.argument("what", metavar="RESOURCE")
@click.argument("name", required=False, default="")
@click.option("-n", "--namespace", help="Ask in this namespace; default: cluster-wide.")
@click.option("--group", "groups", multiple=True, help="A group that the subject is in, too.")
@_options
def can(
    subject: str,
    verb: str,
    what: str,
    name: str,
    namespace: str | None,
    groups: tuple[str, ...],
    form: Format,
    **source: Any,
) -> None:
    """Tell whether a subject may do something, and by which bindings. Ends with 1 for no.

    SUBJECT as for `show`, RESOURCE as for `who-can`.
    """
    caller = read_subject(subject, groups)
    inventory, found, outside = _read(source)
    question = read_question(verb, what, name, namespace, found.roles)
    ways = tuple(found.allowances(caller, question))
    others = outside.allowances(caller, question)
    master = MASTERS in caller.groups
    sure = forms.is_whole(inventory)
    if form == "json":
        forms.write_json(
            inventory,
            caller=forms.caller_json(caller),
            question=forms.question_json(question),
            allowed=True if ways or others or master else (False if sure else None),
            by=[forms.way_json(one) for one in ways],
            beyond_rbac=[MASTERS] if master else [],
            outside=outside_json(outside, others),
        )
    elif master:
        click.echo(f"yes\n  as a member of {MASTERS}, without RBAC")
    else:
        forms.write_allowances(ways, sure=sure, yes=bool(others))
        write_outside(outside, others, whole=bool(ways or others))
    yes = bool(ways or others or master)
    _end(inventory, form, 0 if yes else EXIT_REFUSED, yes=yes)


def _read(source: dict[str, Any]) -> tuple[Inventory, Rbac, Outside]:
    files, told = source["files"], source["outside"]
    if files and (source["kubeconfig"] or source["context"]):
        raise click.UsageError("read files or a cluster, not both")
    with failing():
        # Before the cluster: a file that can't be read need not wait for an answer.
        outside = not_seen("") if told is None else outside_in(told)
        if files:
            inventory = read_paths(files, sys.stdin.buffer, now=datetime.now(UTC))
            return inventory, Rbac(with_builtin(inventory.roles), inventory.bindings), outside
        inventory = _cluster().open(source["kubeconfig"], source["context"])
    return inventory, Rbac(inventory.roles, inventory.bindings, aggregate=False), outside


def _cluster() -> RbacSource:
    # Imported late: whoever reads files needs no client, and it takes its time to load.
    from bot.wiring import read_rbac  # noqa: PLC0415

    return click.get_current_context().find_object(RbacSource) or RbacSource(read_rbac)


def _end(inventory: Inventory, form: Format, code: int, *, yes: bool = False) -> None:
    """End. What could not be read makes a "no", or a list, not known; a "yes" stays one."""
    if form == "table":
        forms.write_gaps(inventory)
    sys.exit(code if yes or forms.is_whole(inventory) else EXIT_NOT_KNOWN)
