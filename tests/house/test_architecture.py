"""ARCHITECTURE.md says what the code says."""

import re
import tomllib
from pathlib import Path

from grants.access.model import GRANT_MOVES, REQUEST_MOVES
from grants.access.reconcile import ROADS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def _diagrams() -> list[set[tuple[str, str]]]:
    found = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", TEXT, re.DOTALL)
    return [set(re.findall(r"(\w+) --> (\w+)", diagram)) for diagram in found]


def _moves(table: dict[str, frozenset[str]]) -> set[tuple[str, str]]:
    return {(str(source), str(to)) for source, targets in table.items() for to in targets}


def test_the_diagrams_are_the_tables_of_moves() -> None:
    requests, grants = _diagrams()
    assert requests == _moves(REQUEST_MOVES)  # type: ignore[arg-type]
    assert grants == _moves(GRANT_MOVES)  # type: ignore[arg-type]


def test_the_roads_are_those_of_the_reconciler() -> None:
    table = TEXT.partition("<!-- roads -->")[2].partition("<!-- /roads -->")[0]
    said = re.findall(r"^\| ([a-z-]+\.[a-z-]+) \| (\w+) \|$", table, re.MULTILINE)
    steps = [(step.name, str(step.touches)) for road in ROADS.values() for step in road]
    assert said == steps


def test_every_room_is_there_and_every_folder_of_the_core_is_a_room() -> None:
    rooms = {path.parent.name for path in (ROOT / "grants").glob("*/__init__.py")}
    block = TEXT.partition("```\n")[2].partition("```")[0]
    said = set(re.findall(r"^  (\w+)/ ", block.partition("\nbot/")[0], re.MULTILINE))
    assert said == rooms


def test_every_dependency_says_why_it_is_here_and_instead_of_what() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\[><=]", line)[0] for line in project["dependencies"]}
    table = TEXT.partition("## Dependencies")[2]
    said: set[str] = set()
    for row in re.findall(r"^\| ([a-z0-9, -]+) \| [^|]+ \| [^|]+ \|$", table, re.MULTILINE):
        said.update(name.strip() for name in row.split(","))
    assert names <= said | {"package"}
    extra = project["optional-dependencies"]["playground"]
    for line in extra:
        assert re.split(r"[\[><=]", line)[0] in table
