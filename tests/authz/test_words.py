"""Rules in plain words."""

import pytest

from grants.authz.model import Rule
from grants.authz.words import in_words, rule_lines


def r(verbs: str, resources: str, group: str = "", names: str = "") -> Rule:
    return Rule(tuple(verbs.split()), (group,), tuple(resources.split()), tuple(names.split()))


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([r("get list watch", "services pods")], ("read pods, services",)),
        ([r("list watch", "pods")], ("list pods",)),
        ([r("update patch", "deployments", "apps")], ("change deployments",)),
        ([r("create", "jobs", "batch")], ("create jobs",)),
        ([r("delete deletecollection", "pods")], ("delete pods",)),
        ([r("create get", "pods/exec")], ("open a shell in pods",)),
        ([r("get", "pods/log")], ("read logs of pods",)),
        ([r("get patch", "deployments/scale", "apps")], ("scale deployments",
                                                          "read deployments/scale")),
        ([r("get", "secrets", names="db api")], ("read secrets (api, db)",)),
        ([r("bind", "clusterroles", "rbac.authorization.k8s.io")], ("bind clusterroles",)),
        ([r("frobnicate", "pods")], ("`frobnicate` on pods",)),
        ([r("*", "*", "*")], ("do anything with everything",)),
        ([r("*", "*", "apps")], ("do anything with everything of apps",)),
        ([r("get", "*")], ("read every core kind",)),
        ([r("patch", "*/scale", "apps")], ("scale everything of apps",)),
        ([r("patch", "*/status", "apps")], ("change every kind/status",)),
        ([Rule(("get",), non_resource_urls=("/metrics",))], ("call the path /metrics",)),
        ([Rule(("*",), non_resource_urls=("*",))], ("do anything with the path *",)),
        ([], ()),
    ],
)  # fmt: skip
def test_rules_are_said_in_plain_words(rules: list[Rule], words: tuple[str, ...]) -> None:
    assert in_words(rules) == words


def test_the_heaviest_comes_first_and_looking_last() -> None:
    rules = [r("get", "pods"), r("delete", "pods"), r("patch", "pods"), r("create", "pods/exec"),
             r("*", "secrets")]  # fmt: skip
    assert in_words(rules) == (
        "do anything with secrets",
        "open a shell in pods",
        "change pods",
        "delete pods",
        "read pods",
    )


def test_the_exact_rules_stand_one_a_line() -> None:
    rules = [
        r("get list", "pods services"),
        Rule(("patch",), ("", "apps"), ("deployments",), ("web",)),
        Rule(("get",), non_resource_urls=("/metrics", "/healthz/*")),
    ]
    assert rule_lines(rules) == (
        "get,list pods,services in core",
        "patch deployments in core,apps named web",
        "get paths /metrics,/healthz/*",
    )
