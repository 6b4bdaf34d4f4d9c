"""The example policy against the roles that a real cluster has, `edit` and `view`."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.policy import policy
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import wait_until
from grants.authz.model import RoleRef, RoleSnapshot, Rule
from grants.authz.risks import ACCEPTABLE, risks_of
from grants.policy.load import LoadedPolicy, load_policy
from grants.policy.role_check import check_roles
from grants.policy.source import PolicyFile
from tests.support.shipped import bot_kubeconfig

EXAMPLE = Path(__file__).parents[2] / "deploy" / "example-policy.yaml"


def as_rule(body: dict[str, list[str]]) -> Rule:
    return Rule(
        tuple(body.get("verbs", ())),
        tuple(body.get("apiGroups", ())),
        tuple(body.get("resources", ())),
        tuple(body.get("resourceNames", ())),
        tuple(body.get("nonResourceURLs", ())),
    )


def read_from(plane: ControlPlane, ref: RoleRef) -> RoleSnapshot | None:
    path = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{ref.name}"
    answer = plane.request("GET", path, token=plane.admin_token)
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    rules = tuple(as_rule(rule) for rule in answer.body.get("rules") or ())
    return RoleSnapshot(ref, rules, datetime.now(UTC))


def example() -> LoadedPolicy:
    return load_policy([PolicyFile(EXAMPLE.name, EXAMPLE.read_bytes())])


def let_roles_fill(plane: ControlPlane) -> None:
    def aggregated() -> bool:
        found = read_from(plane, RoleRef("ClusterRole", "admin"))
        return found is not None and any("rolebindings" in rule.resources for rule in found.rules)

    what = "the controller manager to fill the role `admin`"
    wait_until(aggregated, within=timedelta(seconds=30), what=what)


def test_the_example_accepts_exactly_the_risks_of_its_roles(control_plane: ControlPlane) -> None:
    let_roles_fill(control_plane)
    found = check_roles(example(), lambda _, ref, __: read_from(control_plane, ref))
    assert found.problems == ()
    assert found.warnings == ()
    assert found.read == 2


EDIT_RISKS = {"impersonate", "secrets-read", "secrets-write", "token-create", "workload-create"}


@pytest.mark.parametrize(
    ("role", "namespace", "risks"),
    [
        ("view", "team", set()),
        ("view", None, set()),
        ("edit", "team", EDIT_RISKS),
        ("edit", None, EDIT_RISKS | {"system-namespace", "own-namespace"}),
        ("admin", "team", EDIT_RISKS | {"rbac-write"}),
        ("cluster-admin", None, set(ACCEPTABLE)),
    ],
)
def test_roles_that_every_cluster_has_are_judged_rightly(
    control_plane: ControlPlane, role: str, namespace: str | None, risks: set[str]
) -> None:
    let_roles_fill(control_plane)
    found = read_from(control_plane, RoleRef("ClusterRole", role))
    assert found is not None
    assert risks_of(found.rules, namespace) == risks


def test_the_command_reads_the_roles_of_a_real_cluster(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    kubeconfig = bot_kubeconfig(control_plane, tmp_path / "kubeconfig")
    run = ["check", str(EXAMPLE), "--kubeconfig", str(kubeconfig)]
    known = CliRunner().invoke(policy, [*run, "--context", "prod=playground"])
    assert known.exit_code == 0, known.output
    assert "roles were not read" not in known.output
    unknown = CliRunner().invoke(policy, [*run, "--context", "prod=nowhere"])
    assert "could not be read" in unknown.output
