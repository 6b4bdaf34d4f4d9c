"""docs/bad-input.md names tests that are there, and sentences that are said."""

import ast
import re
from pathlib import Path

import pytest

from bot.slack.endpoint import REFUSALS
from bot.slack.guard import BROKEN, NOT_TAKEN
from bot.web.refusals import _LOGINS
from bot.wording import problem_sentence
from bot.wording.errors import ACTIONS, LINKS, LOGINS, SENTENCES, STRANGERS, TOO_MANY
from bot.wording.problems import PROBLEMS
from bot.wording.reasons import REASONS
from grants.errors import Problem

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "bad-input.md").read_text(encoding="utf-8")
NAMED = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
HEADER = "| bad input | what is said | what is kept | test |"


def rows() -> list[list[str]]:
    lines = [line for line in TEXT.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] not in {"bad input", "---"}]


def functions(path: Path) -> set[str]:
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_every_row_is_whole_and_names_a_test_that_is_there(row: list[str]) -> None:
    assert len(row) == 4
    assert all(row)
    found = NAMED.fullmatch(row[3])
    assert found is not None, row[3]
    assert found[2] in functions(ROOT / found[1]), row[3]
    assert found[2].startswith("test_")


@pytest.mark.parametrize(
    "item",
    [
        "unsigned",
        "comes twice",
        "at two replicas",
        "overtakes",
        "six minutes late",
        "before the ack",
        "go silent",
        "a refresh of every connection",
        "stale",
        "replayed",
        "malformed JSON",
        "an unknown action",
        "forged ids",
        "somebody else's",
        "closed",
        "whose time is up",
        "a cluster that is not",
        "a namespace that is gone",
        "a role that is gone",
        "a reason that is too long",
        "a reason that is empty",
        "full of markup",
        "zero or negative",
        "absurd",
        "broken at the start",
        "missing at the start",
        "pointing at nothing",
        "the provider is down",
        "another issuer",
        "a forged token",
        "down or slow when somebody asks",
        "forbidden",
        "locked by another process",
        "an old schema",
        "a second `serve`",
    ],
)
def test_what_was_promised_has_a_row(item: str) -> None:
    assert any(item in row[0] for row in rows())


@pytest.mark.parametrize(
    "sentence",
    [
        *(REFUSALS[code] for code in ("unsigned", "bad-signature", "stale", "too-large")),
        REFUSALS["malformed"],
        REFUSALS["stopping"],
        NOT_TAKEN,
        TOO_MANY["sign-in-offer"].replace("{until}", "…"),
        SENTENCES["already-done"],
        SENTENCES["store-unavailable"],
        SENTENCES["store-schema"],
        SENTENCES["store-in-use"],
        ACTIONS["cancel-request"],
        ACTIONS["give-back"],
        ACTIONS["revoke-grant"],
        STRANGERS["guest"],
        LINKS["used"],
        _LOGINS["unavailable"][1],
        *(
            PROBLEMS[code]
            for code in (
                "entitlement-unknown",
                "reason-empty",
                "duration-not-positive",
                "duration-absurd",
                "duration-unreadable",
            )
        ),
        problem_sentence(Problem("reason", "reason-too-long", (("length", "…"), ("maximum", "…")))),
        *(
            re.sub(r"{\w+}", "…", REASONS[code])
            for code in (
                "cluster-known",
                "namespace-exists",
                "role-missing",
                "role-unread",
                "role-forbidden",
                "not-own",
                "open-requests-within",
            )
        ),
        BROKEN.format(reference="…"),
        LOGINS["unavailable"].replace("{who}", "Your company's login"),
        SENTENCES["cluster-unavailable"].replace("{cluster}", "…"),
        SENTENCES["cluster-changed"].replace("{cluster}", "…"),
    ],
)
def test_sentences_stand_here_as_they_are_said(sentence: str) -> None:
    assert sentence in TEXT


def test_every_table_has_the_same_columns() -> None:
    assert TEXT.count(HEADER) == TEXT.count("\n## ")
