"""Every row of the threat model that is in force is tried by a test that bears its id."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| ([PGBD]\d) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
MARK = re.compile(r"security\(([^)]*)\)")


def _rows() -> dict[str, str]:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    return {name: state.strip() for name, state in ROW.findall(text)}


def _tried() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for marks in MARK.findall(path.read_text(encoding="utf-8")):
            for name in re.findall(r"\"([A-Z]\d)\"", marks):
                found.setdefault(name, set()).add(path.name)
    return found


def test_every_row_in_force_is_tried() -> None:
    tried = _tried()
    untried = [n for n, state in _rows().items() if state != "later" and n not in tried]
    assert untried == []


def test_no_test_bears_an_id_that_the_page_does_not_know() -> None:
    assert set(_tried()) <= set(_rows())
