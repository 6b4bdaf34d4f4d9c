"""docs/record.md names every kind of event, and the facts that the code writes of each."""

import ast
import re
from pathlib import Path

from grants.record.model import EventType

ROOT = Path(__file__).parents[2]


def test_the_record_page_tells_every_kind_of_event_in_order():
    said = [row[0] for row in event_rows()]
    assert said == [str(kind) for kind in EventType]


def test_the_record_page_names_the_facts_that_the_code_writes():
    told = told_facts()
    written = written_facts()
    assert len(written) > len(EventType) / 2
    assert {kind: told[kind] for kind in written} == written


def test_the_facts_of_refusals_and_of_what_the_sweep_finds_are_told_alike():
    """Their events are made by one function for several kinds."""
    told = told_facts()
    one_function = {
        ("code", "failed", "more_left_out_until"): [
            "request.refused",
            "decision.refused",
            "grant.action-refused",
        ],
        ("cluster", "namespace", "binding", "binding_uid", "finding", "installation"): [
            "binding.unknown",
            "binding.deleted",
            "binding.stuck",
            "binding.foreign",
        ],
        ("cluster", "rule", "finding"): [f"finding.{move}" for move in ("new", "back", "gone")],
        ("detail",): [f"request.{end}" for end in ("approved", "denied", "cancelled", "expired")],
    }
    for facts, kinds in one_function.items():
        assert [told[kind] for kind in kinds] == [set(facts)] * len(kinds)


def told_facts() -> dict[str, set[str]]:
    return {row[0]: set(re.findall(r"`([a-z_]+)`", row[3])) for row in event_rows()}


def written_facts() -> dict[str, set[str]]:
    """The facts of each kind, where an event and its facts are written in one function."""
    found: dict[str, set[str]] = {}
    for room in ("grants", "bot"):
        for path in (ROOT / room).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            if "Event(" in source:
                for node in ast.walk(ast.parse(source)):
                    if isinstance(node, ast.FunctionDef):
                        found |= facts_in(node)
    return found


def facts_in(function: ast.FunctionDef) -> dict[str, set[str]]:
    dicts: dict[str, set[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            dicts[ast.unparse(target)] = keys_of(node.value)
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            key = ast.literal_eval(node.slice) if isinstance(node.slice, ast.Constant) else ""
            dicts.get(ast.unparse(node.value), set()).add(key)
    return {
        str(EventType[call.args[0].attr]): dicts[given] if given in dicts else keys_of(fact.value)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Event" and call.args
        if isinstance(call.args[0], ast.Attribute)
        for fact in call.keywords
        if fact.arg == "facts"
        and (isinstance(fact.value, ast.Dict) or ast.unparse(fact.value) in dicts)
        for given in [ast.unparse(fact.value)]
    }


def keys_of(node: ast.expr) -> set[str]:
    assert isinstance(node, ast.Dict)
    return {key.value for key in node.keys if isinstance(key, ast.Constant)}


def event_rows() -> list[tuple[str, str, str, str]]:
    text = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")
    table = text.partition("<!-- events -->")[2].partition("<!-- /events -->")[0]
    row = r"^\| `([a-z.-]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$"
    found: list[tuple[str, str, str, str]] = re.findall(row, table, re.MULTILINE)
    return found
