"""A server's answers on file, so that the fast tests hear it too."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grants.authz.model import Question
from grants.authz.objects import Binding, Caller, Role
from tests.support.agreement.manifests import (
    binding_manifest,
    binding_of_manifest,
    role_manifest,
    role_of_manifest,
)
from tests.support.agreement.rounds import Round
from tests.support.agreement.semantics import Ask, Request, Semantic

FILE = Path(__file__).parents[2] / "authz" / "recorded" / "agreement.json"


@dataclass(frozen=True)
class Heard:
    """One thing that was asked, and what the server answered."""

    asked: Ask | Request
    allowed: bool


@dataclass(frozen=True)
class Scene:
    """Objects as they were made, and what was heard about them."""

    roles: tuple[Role, ...]
    bindings: tuple[Binding, ...]
    heard: tuple[Heard, ...]


def written(round_: Round, answers: Sequence[tuple[Ask | Request, bool]]) -> str:
    """Write a round with its answers, which come in the order of asking."""
    late = len(answers) - len(round_.late_asks)
    kept = {
        "roles": [role_manifest(role) for role in round_.roles],
        "late": [role_manifest(role) for role in round_.late],
        "bindings": [binding_manifest(binding) for binding in round_.bindings],
        "asks": [_row(asked, allowed) for asked, allowed in answers[:late]],
        "late_asks": [_row(asked, allowed) for asked, allowed in answers[late:]],
    }
    return _lines(kept)


def _lines(kept: dict[str, list[Any]]) -> str:
    """Write one object a line: a change of one case is a change of few lines."""
    parts = []
    for key, items in kept.items():
        lines = (json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items)
        parts.append(f"{json.dumps(key)}:[\n" + ",\n".join(lines) + "\n]")
    return "{" + ",\n".join(parts) + "}\n"


def _row(asked: Ask | Request, allowed: bool) -> dict[str, Any]:  # noqa: FBT001 - a file's row
    row: dict[str, Any] = {"of": asked.semantic.name, "user": asked.caller.user}
    row["groups"] = sorted(asked.caller.groups)
    if isinstance(asked, Ask):
        question = {key: held for key, held in asdict(asked.question).items() if held}
        return row | {"question": question, "yes": allowed}
    row |= {"method": asked.method, "path": asked.path, "query": asked.query}
    if isinstance(asked.writes, Role):
        row["role"] = role_manifest(asked.writes)
    elif isinstance(asked.writes, Binding):
        row["binding"] = binding_manifest(asked.writes)
    return row | {"yes": allowed}


def read() -> tuple[Scene, Scene]:
    """Give what was heard: first, and when all roles were there."""
    kept = json.loads(FILE.read_text())
    roles = tuple(role_of_manifest(body, body["kind"]) for body in kept["roles"])
    late = tuple(role_of_manifest(body, body["kind"]) for body in kept["late"])
    bindings = tuple(binding_of_manifest(body, body["kind"]) for body in kept["bindings"])
    first, second = tuple(_heard(kept["asks"])), tuple(_heard(kept["late_asks"]))
    return Scene(roles, bindings, first), Scene((*roles, *late), bindings, second)


def _heard(rows: list[dict[str, Any]]) -> Iterator[Heard]:
    for row in rows:
        caller = Caller(row["user"], frozenset(row["groups"]))
        semantic = Semantic[row["of"]]
        asked: Ask | Request
        if "question" in row:
            asked = Ask(semantic, caller, Question(**{"verb": "", **row["question"]}))
        else:
            writes: Role | Binding | None = None
            if "role" in row:
                writes = role_of_manifest(row["role"], row["role"]["kind"])
            elif "binding" in row:
                writes = binding_of_manifest(row["binding"], row["binding"]["kind"])
            asked = Request(semantic, caller, row["method"], row["path"], row["query"], writes)
        yield Heard(asked, row["yes"])
