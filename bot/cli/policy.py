"""`valetkey policy`: check a policy before it is in force, show what it says, print what follows.

Exit codes: 0 valid (warnings are printed), 1 invalid, 2 used wrongly.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import click
import yaml

from bot.cli.failing import EXIT_REFUSED, failing
from bot.cli.visible import visible
from deploy.rbac import bind_role
from grants.errors import PolicyInvalid, PolicyProblem
from grants.policy.durations import format_duration
from grants.policy.load import LoadedPolicy, load_policy
from grants.policy.model import Entitlement, Notify, OnRoleChange, Policy, Who
from grants.policy.role_check import ReadRole, RoleFindings, check_roles
from grants.policy.schema import json_schema
from grants.policy.source import PolicyPath

ROLES_NOT_READ: Final = "roles were not read: risks are judged at request"

Format = Literal["table", "json"]

_PATH: Final = click.argument("path", type=click.Path(path_type=Path))
_FORMAT: Final = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@dataclass(frozen=True)
class RoleSource:
    """How roles are read from clusters; whoever puts the program together gives it as `ctx.obj`.

    `open` takes a kubeconfig (None: the usual one) and contexts by cluster alias.
    """

    open: Callable[[Path | None, Mapping[str, str]], ReadRole]


@click.group()
def policy() -> None:
    """Check and show policy."""


@policy.command()
@_PATH
@click.option(
    "--known-groups",
    "known_groups",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with one group a line; groups of the policy that are not in it are warned of.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read roles from clusters with this file, and judge their risks now.",
)
@click.option(
    "--context",
    "contexts",
    multiple=True,
    metavar="ALIAS=CONTEXT",
    help="Read the roles of a cluster with this context; may be given for each cluster. "
    "Default: the context that is called as the cluster is.",
)
@click.option(
    "--slack",
    "ask_slack",
    is_flag=True,
    help="Ask Slack about the channels of `notify`, with the bot token of the settings.",
)
@_FORMAT
@click.pass_context
def check(
    ctx: click.Context,
    path: Path,
    known_groups: Path | None,
    kubeconfig: Path | None,
    contexts: tuple[str, ...],
    ask_slack: bool,  # noqa: FBT001 - click hands flags over so
    form: Format,
) -> None:
    """Check a policy file, or a folder of them, and say everything that is wrong with it."""
    read_role = _role_reader(ctx, kubeconfig, contexts)
    groups = _lines(known_groups) if known_groups else None
    outcome = _check(path, groups, read_role)
    if ask_slack and outcome.loaded is not None:
        outcome = _with_channels(outcome, path, outcome.loaded.policy)
    (_print_json if form == "json" else _print_table)(outcome)
    ctx.exit(EXIT_REFUSED if outcome.problems else 0)


@policy.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors."""
    click.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@policy.command()
@_PATH
@click.option(
    "--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True
)
def rbac(path: Path, form: Literal["yaml", "json"]) -> None:
    """Print the ClusterRole by which the bot may bind this policy's roles, and no other.

    It allows writing ClusterRoleBindings only where the policy has cluster-wide entitlements.
    """
    with failing():
        outcome = _check(path, None, None)
        if outcome.loaded is None:
            raise PolicyInvalid(outcome.problems)
        text = bind_role(outcome.loaded.policy)
    if form == "json":
        text = json.dumps(yaml.safe_load(text), indent=2, ensure_ascii=False) + "\n"
    click.echo(text, nl=False)


@policy.command()
@_PATH
@_FORMAT
@click.pass_context
def show(ctx: click.Context, path: Path, form: Format) -> None:
    """Show who may ask for what, and who decides."""
    outcome = _check(path, None, None)
    if outcome.loaded is None:
        _print_table(outcome)
        ctx.exit(EXIT_REFUSED)
    found = [_row(entitlement) for entitlement in outcome.loaded.policy.entitlements]
    if form == "json":
        click.echo(json.dumps(_shown(outcome.loaded.policy, found), indent=2, ensure_ascii=False))
        return
    for row in found:
        click.echo(visible(row.pop("name")))
        for name, value in row.items():
            click.echo(f"  {name.replace('_', ' ') + ':':<13} {visible(value)}")


@dataclass(frozen=True)
class _Outcome:
    loaded: LoadedPolicy | None
    problems: tuple[PolicyProblem, ...]
    warnings: tuple[PolicyProblem, ...]
    roles_read: int | None


def _check(path: Path, known_groups: frozenset[str] | None, read_role: ReadRole | None) -> _Outcome:
    try:
        loaded = load_policy(PolicyPath(path).files(), known_groups=known_groups)
    except PolicyInvalid as error:
        return _Outcome(None, _located(error.problems, path), (), None)
    if read_role is None:
        return _Outcome(loaded, (), _located(loaded.warnings, path), None)
    found: RoleFindings = check_roles(loaded, read_role)
    warnings = _located((*loaded.warnings, *found.warnings), path)
    return _Outcome(loaded, _located(found.problems, path), warnings, found.read)


def _with_channels(outcome: _Outcome, path: Path, found: Policy) -> _Outcome:
    """Add what Slack says of the channels that are told things."""
    # Imported late: most checks ask nobody, and Slack's library takes its time to load.
    from bot.cli.policy_channels import channel_warnings  # noqa: PLC0415

    with failing():
        warnings = _located(channel_warnings(path, found), path)
    return replace(outcome, warnings=(*outcome.warnings, *warnings))


def _located(problems: Iterable[PolicyProblem], path: Path) -> tuple[PolicyProblem, ...]:
    """Name files as the caller can open them: a folder's know only their own name."""
    if not path.is_dir():
        return tuple(problems)
    return tuple(
        PolicyProblem(str(path / p.file), p.line, p.column, p.code, p.message) for p in problems
    )


def _role_reader(
    ctx: click.Context, kubeconfig: Path | None, contexts: tuple[str, ...]
) -> ReadRole | None:
    if kubeconfig is None and not contexts:
        return None
    # Imported late: most checks read no cluster, and the client takes its time to load.
    from bot.wiring import open_roles  # noqa: PLC0415

    source = ctx.find_object(RoleSource) or RoleSource(open_roles)
    pairs = (text.partition("=") for text in contexts)
    return source.open(kubeconfig, {alias: context or alias for alias, _, context in pairs})


def _lines(path: Path) -> frozenset[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise click.BadParameter(f"can't be read: {type(error).__name__}") from None
    return frozenset(line.strip() for line in text.splitlines() if line.strip())


def _print_table(outcome: _Outcome) -> None:
    for problem in outcome.problems:
        click.echo(_line(problem, ""))
    for warning in outcome.warnings:
        click.echo(_line(warning, "warning: "))
    if outcome.loaded is None or outcome.problems:
        click.echo(_counted(len(outcome.problems), "problem"))
        return
    if outcome.roles_read is None:
        click.echo(ROLES_NOT_READ)
    found = outcome.loaded.policy
    parts = (
        _counted(len(found.clusters), "cluster"),
        _counted(len(found.entitlements), "entitlement"),
        _counted(len(outcome.warnings), "warning"),
    )
    click.echo(f"valid: {', '.join(parts)}; digest {found.digest}")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")


def _line(problem: PolicyProblem, prefix: str) -> str:
    where = f"{problem.file}:{problem.line}:{problem.column}"
    return visible(f"{where}: {prefix}{problem.message} ({problem.code})")


def _print_json(outcome: _Outcome) -> None:
    body: dict[str, Any] = {
        "valid": not outcome.problems,
        "digest": outcome.loaded.policy.digest if outcome.loaded else None,
        "roles_read": outcome.roles_read,
        "problems": [asdict(problem) for problem in outcome.problems],
        "warnings": [asdict(warning) for warning in outcome.warnings],
    }
    click.echo(json.dumps(body, indent=2, ensure_ascii=False))


def _shown(found: Policy, entitlements: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "digest": found.digest,
        "admins": _who(found.admins),
        "auditors": _who(found.auditors),
        "entitlements": entitlements,
    }


def _row(entitlement: Entitlement) -> dict[str, str]:
    stage = entitlement.stages[0]
    scope = "the whole cluster" if entitlement.cluster_wide else ", ".join(entitlement.namespaces)
    row = {
        "name": entitlement.name,
        "what": entitlement.description,
        "role": str(entitlement.role),
        "where": f"{scope} of {', '.join(entitlement.clusters)}",
        "may_ask": _who(entitlement.ask),
        "for": f"{format_duration(entitlement.duration_default)}, at most"
        f" {format_duration(entitlement.duration_maximum)}",
        "decided_by": f"{stage.quorum} of: {_who(stage.who)}",
        "told": _notify(entitlement.notify),
        "role_changes": _ROLE_CHANGES[entitlement.on_role_change],
    }
    if entitlement.accept_risk.rules:
        risks = ", ".join(sorted(entitlement.accept_risk.rules))
        row["risks"] = f"{risks}: {entitlement.accept_risk.reason}"
    return row


_ROLE_CHANGES: Final = {
    OnRoleChange.TELL: "told",
    OnRoleChange.REVOKE: "told, and live access is revoked",
    OnRoleChange.REVOKE_IF_WIDER: "told, and live access is revoked if the role gives more",
}


def _who(who: Who) -> str:
    parts = [f"group {name}" for name in sorted(who.groups)] + sorted(who.people)
    return ", ".join((["everyone"] if who.everyone else []) + parts) or "nobody"


def _notify(notify: Notify) -> str:
    return ", ".join((*notify.channels, *notify.user_groups, *notify.people)) or "nobody"
