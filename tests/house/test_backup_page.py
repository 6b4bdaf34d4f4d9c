"""docs/backup.md names tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
NAMED = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")


def test_every_failure_has_its_test() -> None:
    table = TEXT.split("## When the database fails")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 11
    assert [row for row in rows if NAMED.search(row) is None] == []


@pytest.mark.parametrize("named", NAMED.findall(TEXT), ids=lambda named: named[1])
def test_every_test_that_is_named_is_there(named: tuple[str, str]) -> None:
    path, name = named
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
