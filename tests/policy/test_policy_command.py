"""`valetkey policy`, as people type it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from bot.cli.policy import ROLES_NOT_READ, RoleSource, policy
from bot.cli.visible import visible
from deploy.__main__ import main as deploy_main
from grants.authz.model import RoleRef, RoleSnapshot, Rule
from grants.policy.schema import json_schema
from tests.support.policies import NOW, VALID, changed

EXAMPLE = Path(__file__).parents[2] / "deploy" / "example-policy.yaml"
TEMPLATE_PROBLEM = "must hold a placeholder such as {email}, or everybody has one name"
SECRETS = Rule(("get",), ("",), ("secrets",))


def run(*arguments: object, obj: Any = None) -> Result:
    return CliRunner().invoke(policy, [str(a) for a in arguments], obj=obj)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(VALID)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(changed(("oidc:{email}", "oidc:"), ("clusters: [prod]", "clusters: [dev]")))
    return path


def test_a_valid_policy_is_said_to_be_one(good: Path) -> None:
    result = run("check", good)
    assert result.exit_code == 0
    assert result.output.startswith(f"{ROLES_NOT_READ}\nvalid: 1 cluster, 1 entitlement, 0 warn")


def test_problems_are_told_as_compilers_do(bad: Path) -> None:
    result = run("check", bad)
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"{bad}:10:15: {TEMPLATE_PROBLEM} (bad-template)",
        f"{bad}:15:16: `dev` matches no cluster; there are: prod (no-cluster)",
        "2 problems",
    ]


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    result = run("check", tmp_path / "nope.yaml")
    assert result.exit_code == 1
    assert "nope.yaml can't be read: No such file or directory (unreadable)" in result.output


def test_a_folders_files_are_named_so_that_they_can_be_opened(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x")
    assert f"{tmp_path / 'a.yaml'}:1:1: " in run("check", tmp_path).output


def test_programs_get_json(good: Path, bad: Path) -> None:
    valid = json.loads(run("check", good, "--format", "json").output)
    assert valid.keys() == {"valid", "digest", "roles_read", "problems", "warnings"}
    assert (valid["valid"], valid["roles_read"], valid["problems"]) == (True, None, [])
    result = run("check", bad, "--format", "json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert told["valid"] is False
    assert told["problems"][1] == {
        "file": str(bad),
        "line": 15,
        "column": 16,
        "code": "no-cluster",
        "message": "`dev` matches no cluster; there are: prod",
    }


def test_groups_that_are_not_known_are_warnings(good: Path, tmp_path: Path) -> None:
    known = tmp_path / "groups.txt"
    known.write_text("admins\n\n leads \n")
    result = run("check", good, "--known-groups", known)
    assert result.exit_code == 0
    assert f"{good}:18:20: warning: nobody has signed in with the group `engineers`" in (
        result.output
    )
    known.write_bytes(b"\xff")
    assert run("check", good, "--known-groups", known).exit_code == 2


class Source:
    """Stands for clusters; keeps what it was opened with."""

    def __init__(self, *rules: Rule) -> None:
        self.rules = rules
        self.opened: list[Any] = []

    def open(self, kubeconfig: Path | None, contexts: Any) -> Any:
        self.opened.append((kubeconfig, dict(contexts)))
        return lambda _, ref, __: self.read(ref)

    def read(self, ref: RoleRef) -> RoleSnapshot:
        return RoleSnapshot(ref, self.rules, NOW)


@pytest.mark.security("G5")
def test_roles_are_judged_where_clusters_can_be_read(good: Path) -> None:
    source = Source(SECRETS)
    result = run(
        *("check", good, "--context", "prod=kind-prod", "--context", "lab"),
        obj=RoleSource(source.open),
    )
    assert source.opened == [(None, {"prod": "kind-prod", "lab": "lab"})]
    assert result.exit_code == 1
    assert "needs `accept_risk` with: secrets-read" in result.output
    assert ROLES_NOT_READ not in result.output
    safe = run("check", good, "--kubeconfig", good, obj=RoleSource(Source().open))
    assert safe.exit_code == 0
    assert ROLES_NOT_READ not in safe.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["check", "policy.yaml", "--format", "xml"],
        ["check", "policy.yaml", "--known-groups", "/nowhere/at/all"],
        ["frobnicate"],
    ],
)
def test_wrong_use_is_told_apart(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_the_schema_is_printed() -> None:
    assert json.loads(run("schema").output) == json_schema()


def test_who_may_ask_for_what_is_shown() -> None:
    result = run("show", EXAMPLE)
    assert result.exit_code == 0
    lines = [line.strip() for line in result.output.splitlines()]
    assert lines[0] == "view-team-namespaces"
    assert "where:        payments-*, shop-* of prod" in lines
    assert "may ask:      group engineers" in lines
    assert "decided by:   2 of: group oncall, group platform" in lines
    assert any(line.startswith("risks:        impersonate, secrets-read") for line in lines)


def test_who_may_ask_for_what_is_shown_to_programs_too(tmp_path: Path, bad: Path) -> None:
    path = tmp_path / "wide.yaml"
    path.write_text(
        changed(
            ('    namespaces: [shop, "shop-*"]\n', "    cluster_wide: true\n"),
            ("{groups: [engineers]}", "{everyone: true}"),
            ("auditors:\n  people: [ida@example.com]\n", ""),
        )
    )
    told = json.loads(run("show", path, "--format", "json").output)
    assert told["auditors"] == "nobody"
    assert told["entitlements"][0]["where"] == "the whole cluster of prod"
    assert told["entitlements"][0]["may_ask"] == "everyone"
    assert "risks" not in told["entitlements"][0]
    assert run("show", bad).exit_code == 1


@pytest.mark.security("D1")
def test_nothing_from_a_file_acts_on_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(VALID + '"a\\e[2Jb\\u202ec": 1\n')
    output = run("check", path).output
    assert "\x1b" not in output
    assert "\\x1b[2Jb\\u202ec" in output
    assert visible("Grüße\n") == "Grüße\\n"


@pytest.mark.security("B1")
def test_the_role_that_a_policy_needs_is_the_one_that_is_shipped() -> None:
    shipped = (EXAMPLE.parent / "kustomize" / "base" / "clusterrole-bind.yaml").read_text()
    assert run("rbac", EXAMPLE).stdout == shipped
    made = CliRunner().invoke(deploy_main, ["bind-role", str(EXAMPLE)])
    assert made.stdout == shipped
    as_json = json.loads(run("rbac", EXAMPLE, "--format", "json").output)
    assert as_json == yaml.safe_load(shipped)


def test_cluster_role_bindings_are_asked_for_only_where_they_are_needed(
    good: Path, tmp_path: Path
) -> None:
    wide = tmp_path / "wide.yaml"
    wide.write_text(changed(('namespaces: [shop, "shop-*"]', "cluster_wide: true")))
    asked = [
        {
            resource
            for rule in yaml.safe_load(run("rbac", path).stdout)["rules"]
            for resource in rule["resources"]
        }
        for path in (good, wide)
    ]
    assert "clusterrolebindings" not in asked[0]
    assert "clusterrolebindings" in asked[1]
