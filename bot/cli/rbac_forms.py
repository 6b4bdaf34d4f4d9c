"""How rights are written: tables for a terminal, and JSON whose fields are a contract."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from bot.cli.rbac_words import question_words
from bot.cli.visible import visible
from bot.wording.reading import read_problem_sentence, seen_words
from grants.authz.model import Question, Rule, rule_as_json
from grants.authz.objects import MASTERS, Binding, Caller, Meta, Role, Subject
from grants.authz.rbac import Allowance, Holder, Right
from grants.authz.words import in_few_words, rule_lines
from grants.review.inventory import RBAC_KINDS, Inventory, Seen


def unseen(inventory: Inventory) -> tuple[str, ...]:
    """Name the kinds of RBAC that were asked for and not read whole."""
    lacking = {Seen.PARTLY, Seen.FORBIDDEN, Seen.FAILED}
    return tuple(kind for kind in RBAC_KINDS if inventory.seen.get(kind) in lacking)


def is_whole(inventory: Inventory) -> bool:
    """Tell whether all that was to be read was read: else "no" and "nobody" are not sure."""
    return not unseen(inventory) and not any(problem.loses for problem in inventory.problems)


def write_holders(question: Question, holders: Sequence[Holder]) -> None:
    """Write who can, one line for each way."""
    click.echo(visible(f"{question_words(question)}:"))
    rows = [
        (str(one.subject), _place(one.binding), str(one.binding), str(one.role.ref))
        for one in holders
    ]
    if rows:
        _write_table(("who", "where", "by", "of"), rows)
    else:
        click.echo("nobody by RBAC")
    click.echo(f"Beyond RBAC, members of {MASTERS} may do anything.")


def write_rights(rights: Sequence[Right], *, rules: bool) -> None:
    """Write what somebody holds, a paragraph for each binding; with the rules to the letter."""
    if not rights:
        click.echo("nothing by RBAC")
    for right in rights:
        where = "everywhere" if right.namespace is None else f"in namespace {right.namespace}"
        by = f"{right.binding} of {right.role.ref} to {right.subject}"
        click.echo(visible(f"{where}: {in_few_words(right.rules) or 'nothing'}"))
        click.echo(visible(f"  by {by}{_origin(right.binding.meta)}"))
        for line in rule_lines(right.rules) if rules else ():
            click.echo(visible(f"    {line}"))


def write_allowances(allowances: Sequence[Allowance], *, sure: bool, yes: bool = False) -> None:
    """Write yes or no, and what allows it; `yes` where something else than RBAC does."""
    if not allowances and not yes:
        click.echo("no" if sure else "not known: not everything could be read")
        return
    click.echo("yes")
    for one in allowances:
        line = f"  by {one.binding} of {one.role.ref} to {one.subject}{_origin(one.binding.meta)}"
        click.echo(visible(line))


def write_gaps(inventory: Inventory) -> None:
    """Say on standard error what could not be read."""
    for problem in inventory.problems:
        click.echo(visible(read_problem_sentence(problem)), err=True)
    for kind in unseen(inventory):
        click.echo(f"{kind}: {seen_words(inventory.seen[kind])}", err=True)


def write_json(inventory: Inventory, **body: Any) -> None:
    """Write one document; `complete` says whether all that was to be read was."""
    problems = [
        {"code": problem.code, "file": problem.origin.file, "line": problem.origin.line}
        | {"message": read_problem_sentence(problem)}
        for problem in inventory.problems
    ]
    body |= {"complete": is_whole(inventory), "not_seen": unseen(inventory), "problems": problems}
    click.echo(json.dumps(body, indent=2, ensure_ascii=False))


def question_json(question: Question) -> dict[str, Any]:
    """Give a question as it was put."""
    if question.path is not None:
        return {"verb": question.verb, "path": question.path}
    return {
        "verb": question.verb,
        "group": question.api_group,
        "resource": question.resource,
        "subresource": question.subresource,
        "name": question.name,
        "namespace": question.namespace,
    }


def caller_json(caller: Caller) -> dict[str, Any]:
    """Give who asks, with every group that counted."""
    return {"user": caller.user, "groups": sorted(caller.groups)}


def way_json(one: Holder | Allowance) -> dict[str, Any]:
    """Give one way to be allowed something."""
    return {**_given(one.binding, one.role, one.subject), "rule": rule_as_json(one.rule)}


def right_json(right: Right) -> dict[str, Any]:
    """Give what one binding gives."""
    rules: Iterable[Rule] = right.rules
    given = _given(right.binding, right.role, right.subject)
    return {**given, "rules": [rule_as_json(rule) for rule in rules]}


def _given(binding: Binding, role: Role, subject: Subject) -> dict[str, Any]:
    return {
        "namespace": binding.namespace,
        "subject": {"kind": subject.kind, "name": subject.name, "namespace": subject.namespace},
        "binding": {"kind": binding.kind, **_meta_json(binding.meta)},
        "role": {"kind": role.kind, **_meta_json(role.meta)},
    }


def _meta_json(meta: Meta) -> dict[str, Any]:
    found: dict[str, Any] = {"name": meta.name, "namespace": meta.namespace or None}
    origin = meta.origin
    return found | {
        "file": origin.file if origin else None,
        "line": origin.line or None if origin else None,
    }


def _place(binding: Binding) -> str:
    return "everywhere" if binding.namespace is None else binding.namespace


def _origin(meta: Meta) -> str:
    if meta.origin is None or not meta.origin.file:
        return ""
    line = f":{meta.origin.line}" if meta.origin.line else ""
    return f" ({meta.origin.file}{line})"


def _write_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for line in _aligned([headings, *rows]):
        click.echo(line)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    shown = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(*shown, strict=True)]
    for row in shown:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()
