"""The exact rules of a card: shorter than the role, and the same."""

import pytest

from bot.slack.cards.rules import rule_lines
from grants.authz.model import Rule

READ = ("watch", "get", "list")
CHANGE = ("create", "update")


@pytest.mark.parametrize(
    ("rules", "lines"),
    [
        pytest.param([], [], id="no rules"),
        pytest.param(
            [Rule(READ, ("",), ("services", "pods")), Rule(READ, ("apps",), ("deployments",))],
            ["get, list, watch", "  pods, services", "  apps: deployments"],
            id="the same verbs are said once",
        ),
        pytest.param(
            [Rule(READ, ("",), ("pods",)), Rule(CHANGE, ("",), ("pods", "secrets"))],
            [
                "create, get, list, update, watch",
                "  pods",
                "create, update",
                "  secrets",
            ],
            id="verbs of several rules add up for one resource",
        ),
        pytest.param(
            [Rule(("get",), ("",), ("pods/log", "pods/status", "nodes/proxy"))],
            ["get", "  nodes/proxy, pods/{log,status}"],
            id="subresources stand together, and not for the resource itself",
        ),
        pytest.param(
            [Rule(READ, ("",), ("pods",)), Rule(("get",), ("",), ("pods",), ("web-0",))],
            ["get, list, watch", "  pods", "get", "  pods  only web-0"],
            id="a rule for names widens no other, and is not widened",
        ),
        pytest.param(
            [Rule(("get",), non_resource_urls=("/logs/*", "/healthz"))],
            ["get", "  paths: /healthz, /logs/*"],
            id="paths",
        ),
        pytest.param(
            [Rule(("get",), ("",), ("pods",)), Rule(("*",), ("*",), ("*",))],
            ["*", "  *: *", "get", "  pods"],
            id="what only looks comes last",
        ),
    ],
)
def test_rules_are_sorted_anew(rules: list[Rule], lines: list[str]) -> None:
    assert rule_lines(rules) == lines
