"""Random roles and bindings that somebody writes: refused alike, in the same words, or not."""

import random
import secrets

import pytest

from tests.contracts.api.manifests import (
    BINDINGS,
    RBAC_GROUP,
    ROLES,
    Json,
    binding,
    role,
    rule,
    user,
)
from tests.contracts.api.served import Served
from tests.contracts.api.stage import Stage, new_stage

VERBS = ("get", "list", "watch", "create", "delete", "*")
GROUPS = ("core", "apps", RBAC_GROUP, "*")
RESOURCES = ("pods", "pods/log", "secrets", "deployments", "roles", "*", "*/scale")
OBJECTS = ("a", "b", "c")
WRITE = rule("create update patch", "roles rolebindings", RBAC_GROUP)
ATTEMPTS = 25


def drawn_rule(dice: random.Random) -> Json:
    """Draw a rule of one to three of each."""

    def some(words: tuple[str, ...], most: int = 3) -> str:
        return " ".join(dice.sample(words, dice.randint(1, most)))

    names = some(OBJECTS) if dice.random() < 0.3 else ""
    return rule(some(VERBS), some(RESOURCES), some(GROUPS, 2), names)


def drawn_rules(dice: random.Random) -> list[Json]:
    return [drawn_rule(dice) for _ in range(dice.randint(1, 3))]


def attempt(stage: Stage, number: int, rules: list[Json], way: str) -> str:
    """Try to write something; tells what was answered."""
    name = f"try-{number}"
    if way == "role":
        reply = stage.send("POST", ROLES, role(name, *rules), by="ada", dryRun="All")
    else:
        stage.do("POST", ROLES, role(name, *rules))
        made = binding(name, f"Role/{name}", user("grace"))
        reply = stage.send("POST", BINDINGS, made, by="ada", dryRun="All")
    said = reply.message if reply.body["kind"] == "Status" else "made"
    return str(stage.masks.text(f"{reply.status} {said}"))


@pytest.mark.parametrize("number", range(4))
def test_what_nobody_may_give_is_refused_alike(
    embedded_api: Served, real_api: Served, dice: random.Random, number: int
) -> None:
    word, held = secrets.token_hex(5), drawn_rules(dice)
    tries = [
        (held if dice.random() < 0.1 else drawn_rules(dice), dice.choice(["role", "binding"]))
        for _ in range(ATTEMPTS)
    ]
    with new_stage(embedded_api, word) as double, new_stage(real_api, word) as real:
        for stage in (double, real):
            stage.grant("ada", *held, WRITE)
        for at, (rules, way) in enumerate(tries):
            wanted = attempt(real, at, rules, way)
            assert (rules, attempt(double, at, rules, way)) == (rules, wanted)
