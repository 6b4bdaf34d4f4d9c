"""docs/out-of-step.md names tests that are there, and every case that was promised."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "out-of-step.md").read_text(encoding="utf-8")
NAMED = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")
TRIED = (
    "tests/cluster/test_two_of_a_kind.py",
    "tests/faults/test_restored_copy.py",
    "tests/integration/test_clocks_apart.py",
)


def rows() -> list[list[str]]:
    lines = [line for line in TEXT.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[-1] not in {"test", "---"}]


def functions(path: Path) -> set[str]:
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_every_row_is_whole_and_names_a_test_that_is_there(row: list[str]) -> None:
    assert len(row) in {3, 4}
    assert all(row)
    found = NAMED.fullmatch(row[-1])
    assert found is not None, row[-1]
    assert found[2] in functions(ROOT / found[1]), row[-1]


@pytest.mark.parametrize("path", TRIED)
def test_every_case_that_is_tried_is_told(path: str) -> None:
    told = {name for file, name in NAMED.findall(TEXT) if file == path}
    assert {name for name in functions(ROOT / path) if name.startswith("test_")} == told
