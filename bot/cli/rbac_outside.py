"""What is told of rights outside of RBAC, and what was not seen of them: no answer pretends."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bot.cli.visible import visible
from bot.wording import error_sentence
from grants.authz.model import rule_as_json
from grants.authz.outside import Outside, OutsideRight, OutsideWay, Sight
from grants.authz.words import in_few_words
from grants.errors import BadInput

_NOT_SEEN = (
    "Other authorizers (EKS access entries, GKE IAM, Azure RBAC, webhooks) were not seen: --outside"
    " tells of them."
)
_SOME = "Not all of what other authorizers give was told: {kinds}."


def outside_in(path: Path) -> Outside:
    """Read the file; one that can't be read is a mistake of the call, and never a "no"."""
    from grants.review.outside import read_outside  # noqa: PLC0415 - as what is not always needed

    try:
        return read_outside(path.read_bytes(), str(path))
    except BadInput as error:
        raise click.BadParameter(visible(error_sentence(error)), param_hint="--outside") from None


def write_outside(outside: Outside, ways: Sequence[OutsideWay], *, whole: bool = False) -> None:
    """Write what gives something beside RBAC; on standard error, what was not seen of that.

    `whole`: the answer is yes already, and what was not seen can't change it.
    """
    for kind, right in ways:
        where = "everywhere" if right.namespaces is None else f"in {', '.join(right.namespaces)}"
        words = in_few_words(right.rules) or "nothing"
        click.echo(visible(f"outside of RBAC, {where}: {words}"))
        name = f" {right.name}" if right.name else ""
        click.echo(visible(f"  by {kind}{name} to {right.subject}"))
    if whole:
        return
    if outside.sight is Sight.NOT_SEEN:
        click.echo(_NOT_SEEN, err=True)
    elif outside.sight is Sight.SOME:
        kinds = sorted({each.kind for each in outside.authorizers if each.sight is not Sight.ALL})
        click.echo(_SOME.format(kinds=", ".join(kinds)), err=True)


def outside_json(outside: Outside, ways: Sequence[OutsideWay]) -> dict[str, Any]:
    """Give how much is known of other authorizers, and what of it answers."""
    return {
        "seen": outside.sight.value,
        "authorizers": [
            {"kind": each.kind, "seen": each.sight, "read_at": each.read_at.isoformat()}
            for each in outside.authorizers
        ],
        "by": [_way(kind, right) for kind, right in ways],
    }


def _way(kind: str, right: OutsideRight) -> dict[str, Any]:
    subject = right.subject
    return {
        "kind": kind,
        "as": right.name or None,
        "subject": {"kind": subject.kind, "name": subject.name, "namespace": subject.namespace},
        "namespaces": None if right.namespaces is None else list(right.namespaces),
        "rules": [rule_as_json(rule) for rule in right.rules],
    }
