"""What Slack publishes of its methods and payloads, as facts: see doubles/slack/reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1] / "doubles" / "slack" / "reference"
TYPES: dict[str, Any] = json.loads((HERE / "types.json").read_text())
ERRORS: dict[str, Any] = json.loads((HERE / "errors.json").read_text())
# Chosen by the caller, or about the call and not its result.
OF_EVERY_CALL = {"token", "team_id"}


def arguments(method: str) -> dict[str, bool]:
    """Return {argument: required} as Slack's types have them, without those of every call."""
    found: dict[str, bool] = TYPES["methods"][method]["arguments"]
    return {name: required for name, required in found.items() if name not in OF_EVERY_CALL}


def needs_team(method: str) -> bool:
    """Whether a token of an organisation must name a workspace: only these take `team_id`."""
    return "team_id" in TYPES["methods"][method]["arguments"]


def errors(method: str) -> set[str]:
    """Return every error that Slack names for the method, those of all methods among them."""
    spec: list[str] = TYPES["methods"][method]["spec_errors"]
    return {*ERRORS["common"], *ERRORS["errors"][method], *spec}


def response(method: str) -> dict[str, str]:
    """Return {path: kinds} of a response."""
    found: dict[str, str] = TYPES["methods"][method]["response"]
    return {path: kinds.rstrip("!") for path, kinds in found.items()}


def kind(value: object) -> str:
    """Return Slack's word for a value's kind."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    words = {str: "string", int: "number", float: "number", list: "array", dict: "object"}
    return words[type(value)]


def paths(body: dict[str, Any], opened: set[str], prefix: str = "") -> dict[str, set[str]]:
    """Return {path: kinds} of what is there; the fields of those paths whose fields are known."""
    found: dict[str, set[str]] = {}
    for name, value in body.items():
        path = prefix + name
        found.setdefault(path, set()).add(kind(value))
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict) and path in opened:
                for deeper, kinds in paths(inner, opened, f"{path}.").items():
                    found.setdefault(deeper, set()).update(kinds)
    return found


def opened(published: dict[str, str]) -> set[str]:
    """Return the paths whose fields are published too."""
    return {path.rpartition(".")[0] for path in published} - {""}


def strange(body: dict[str, Any], published: dict[str, str]) -> list[str]:
    """Return what of `body` Slack does not publish, or publishes as of another kind.

    Where a field may be left out, null says the same.
    """
    wrong = []
    for path, kinds in sorted(paths(body, opened(published)).items()):
        allowed = set(published.get(path, "").rstrip("!").split("|")) | {"null"}
        if path not in published:
            wrong.append(f"{path}: not published")
        elif "any" not in allowed and not kinds <= allowed:
            wrong.append(f"{path}: {sorted(kinds)}, published as {published[path]}")
    return wrong


def missing(body: dict[str, Any], published: dict[str, str]) -> list[str]:
    """Return what Slack always sends and `body` lacks."""
    there = paths(body, opened(published))
    return [
        path
        for path, kinds in published.items()
        if kinds.endswith("!")
        and path not in there
        # A field of what is not there, or null, is not asked for.
        and (not path.rpartition(".")[0] or "object" in there.get(path.rpartition(".")[0], ()))
    ]
