"""The example workflows and the pre-commit hook are valid, and what they run is there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from bot.cli import main

ROOT = Path(__file__).parents[2]
PIPELINES = sorted((ROOT / "deploy" / "pipelines").glob("*.yaml"))
HOOKS = ROOT / ".pre-commit-hooks.yaml"


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def texts(value: Any) -> Iterator[str]:
    """Every text of a document, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)


def commands(document: Any) -> list[list[str]]:
    lines = (line.strip() for text in texts(document) for line in text.splitlines())
    return [shlex.split(line) for line in lines if line.startswith("valetkey ")]


def refused(words: list[str]) -> str:
    """Follow words as click would; why they would be refused, or nothing."""
    at: click.Command = main
    rest = words[1:]
    while isinstance(at, click.Group):
        below = at.get_command(click.Context(at), rest[0])
        if below is None:
            return f"no command {rest[0]}"
        at, rest = below, rest[1:]
    rest = rest[: rest.index(">")] if ">" in rest else rest
    try:
        at.make_context("valetkey", rest)
    except click.UsageError as error:
        return error.message
    return ""


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_every_command_of_a_pipeline_is_there_with_its_options(path: Path) -> None:
    found = commands(loaded(path))
    assert found or path.stem == "pre-commit-config"
    assert [refused(words) for words in found if refused(words)] == []


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_no_script_holds_an_expression_that_others_can_fill(path: Path) -> None:
    """A branch may be called anything; in a script its name would be run."""
    document = loaded(path)
    jobs = document.get("jobs", {})
    scripts = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert [text for text in scripts if "${{" in text] == []
    assert document.get("permissions", {}).get("contents", "read") == "read"
    # YAML 1.1 reads `on` as true.
    assert "pull_request_target" not in str(document.get(True, ""))


def test_the_hook_is_one_that_the_example_names_and_that_can_run() -> None:
    (hook,) = loaded(HOOKS)
    (repo,) = loaded(ROOT / "deploy" / "pipelines" / "pre-commit-config.yaml")["repos"]
    (used,) = repo["hooks"]
    assert used["id"] == hook["id"]
    for args in (hook["args"], used["args"]):
        assert refused([*shlex.split(hook["entry"]), *args]) == ""
    assert not hook["pass_filenames"]
    assert re.search(hook["files"], "deploy/app.yaml")


def test_a_command_that_is_not_there_is_seen() -> None:
    assert refused(["valetkey", "review", "nonsense"])
    assert refused(["valetkey", "review", "diff", "--nonsense", "a", "b"])
    assert refused(["valetkey", "review", "diff", "--fail-on", "nonsense", "a", "b"])
