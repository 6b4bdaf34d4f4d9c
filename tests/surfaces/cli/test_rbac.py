"""`valetkey rbac`: who may do what, in files and in clusters."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from bot.cli.rbac import RbacSource
from grants.authz.objects import Role
from grants.errors import ClusterUnavailable
from grants.review.inventory import Inventory, Seen
from tests.support.rbac_objects import account, bind, gathering, label, labelled, role, rule, user

MANIFESTS = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: [""], resources: [pods, pods/exec, nodes], verbs: [get, create]}
- {apiGroups: [example.com], resources: [widgets], verbs: ["*"]}
- {nonResourceURLs: [/metrics], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: near, namespace: team}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects:
- {kind: ServiceAccount, name: robot}
- {kind: Group, name: devs, apiGroup: rbac.authorization.k8s.io}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: wide}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: User, name: ada, apiGroup: rbac.authorization.k8s.io}]
"""

Ask = Callable[..., Result]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask about the manifests above."""
    monkeypatch.chdir(tmp_path)
    Path("m.yaml").write_text(MANIFESTS)

    def run(*args: str, obj: object = None, **more: Any) -> Result:
        files = () if obj else ("-f", "m.yaml")
        return CliRunner().invoke(main, ["rbac", *args, *files], obj=obj, **more)

    return run


def test_who_can_lists_each_way(ask: Ask) -> None:
    answer = ask("who-can", "create", "pods/exec", "-n", "team")
    assert answer.exit_code == 0
    assert answer.stderr == UNSEEN
    assert answer.stdout.splitlines() == [
        "create pods/exec in namespace team:",
        "who                        where       by                       of",
        "User ada                   everywhere  ClusterRoleBinding wide  ClusterRole/reader",
        "ServiceAccount team/robot  team        RoleBinding team/near    ClusterRole/reader",
        "Group devs                 team        RoleBinding team/near    ClusterRole/reader",
        "Beyond RBAC, members of system:masters may do anything.",
    ]


UNSEEN = (
    "Other authorizers (EKS access entries, GKE IAM, Azure RBAC, webhooks) were not seen: --outside"
    " tells of them.\n"
)


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., str]:
    """A file of what an authorizer gives beside RBAC."""

    def write(seen: str = "all") -> str:
        path = tmp_path / "outside.yaml"
        path.write_text(
            "apiVersion: valetkey/outside/v1\ncluster: prod\nauthorizers:\n"
            f"- kind: eks-access-entries\n  seen: {seen}\n  read_at: 2026-05-01T00:00:00Z\n"
            "  rights:\n  - subject: {kind: User, name: eve}\n    as: AmazonEKSEditPolicy\n"
            "    namespaces: [shop]\n"
            "    rules: [{apiGroups: [apps], resources: [deployments], verbs: [update]}]\n"
        )
        return str(path)

    return write


def test_what_was_told_of_other_authorizers_answers_too(ask: Ask, told: Any) -> None:
    asked = ("eve", "update", "deployments.apps", "-n", "shop")
    answer = ask("can", *asked)
    assert (answer.exit_code, answer.stdout, answer.stderr) == (1, "no\n", UNSEEN)
    answer = ask("can", *asked, "--outside", told())
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.splitlines() == [
        "yes",
        "outside of RBAC, in shop: change deployments",
        "  by eks-access-entries AmazonEKSEditPolicy to User eve",
    ]
    assert ask("can", "eve", "update", "deployments.apps", "--outside", told()).exit_code == 1
    assert "by eks-access-entries" in ask("show", "eve", "--outside", told()).stdout
    assert "User eve" in ask("who-can", *asked[1:], "--outside", told()).stdout


def test_a_no_says_whether_all_was_told_that_may_say_yes(ask: Ask, told: Any) -> None:
    assert ask("can", "eve", "get", "secrets", "--outside", told()).stderr == ""
    some = ask("can", "eve", "get", "secrets", "--outside", told("some"))
    assert some.stderr == "Not all of what other authorizers give was told: eks-access-entries.\n"
    listed = ask("show", "eve", "--outside", told("some"))
    assert listed.stderr == some.stderr


def test_what_was_told_of_other_authorizers_stands_in_json(ask: Ask, told: Any) -> None:
    words = ("can", "eve", "update", "deployments.apps", "-n", "shop", "--format", "json")
    found = json.loads(ask(*words, "--outside", told()).stdout)
    assert (found["allowed"], found["by"], found["outside"]["seen"]) == (True, [], "all")
    (way,) = found["outside"]["by"]
    assert (way["kind"], way["as"]) == ("eks-access-entries", "AmazonEKSEditPolicy")
    assert found["outside"]["authorizers"][0]["read_at"] == "2026-05-01T00:00:00+00:00"


def test_a_file_about_other_authorizers_that_is_wrong_is_named(ask: Ask, told: Any) -> None:
    answer = ask("show", "eve", "--outside", told("maybe"))
    assert answer.exit_code == 2
    assert "rights outside of RBAC" in answer.stderr


def test_nobody_is_said(ask: Ask) -> None:
    answer = ask("who-can", "delete", "secrets")
    assert answer.output.splitlines()[:2] == ["delete secrets cluster-wide:", "nobody by RBAC"]


def test_show_says_what_where_and_by_what(ask: Ask) -> None:
    answer = ask("show", "sa:team/robot", "--rules")
    assert answer.stdout.splitlines() == [
        "in namespace team: do anything with widgets; create pods; open a shell in pods; read pods",
        "  by RoleBinding team/near of ClusterRole/reader to ServiceAccount team/robot (m.yaml:9)",
        "    get,create pods,pods/exec in core",
        "    * widgets in example.com",
    ]
    assert ask("show", "eve").stdout == "nothing by RBAC\n"
    assert "ClusterRoleBinding wide" in ask("show", "user:ada").output
    assert "RoleBinding team/near" in ask("show", "eve", "--group", "devs").output


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("group:devs get widgets -n team", 0, "yes"),
        ("group:devs get widgets", 1, "no"),
        ("sa:team/robot get /metrics", 1, "no"),
        ("ada get /metrics", 0, "yes"),
        ("ada get pods one -n team", 0, "yes"),
        # A node is asked for in no namespace, whatever somebody says.
        ("sa:team/robot get nodes -n team", 1, "no"),
        ("system:serviceaccount:team:robot get pods -n team", 0, "yes"),
        ("SERVICEACCOUNT:team/robot get pods -n team", 0, "yes"),
        ("system:anonymous get pods", 1, "no"),
        ("eve delete secrets --group system:masters", 0, "yes"),
        ("ada get widgets.", 1, "no"),
        ("ada get widgets.example.com/status -n team", 1, "no"),
    ],
)
def test_can_tells_yes_or_no(ask: Ask, asked: str, code: int, said: str) -> None:
    answer = ask("can", *asked.split())
    assert (answer.exit_code, answer.output.splitlines()[0]) == (code, said)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("ada get gadgets", "which group is gadgets of"),
        ("ada get .apps", "it names no kind"),
        ("sa:robot get pods", "not NAMESPACE/NAME"),
        ("group: get pods", "it names nobody"),
        ("user: get pods", "it names nobody"),
        ("ada get pods --context x", "not both"),
    ],
)
def test_what_is_not_understood_is_said(ask: Ask, asked: str, told: str) -> None:
    answer = ask("can", *asked.split())
    assert answer.exit_code == 2
    assert told in answer.stderr


def test_without_a_cluster_that_can_be_read_it_ends_with_its_own_code(
    tmp_path: Path,
) -> None:
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text("no kubeconfig")
    args = ["rbac", "show", "ada", "--kubeconfig", str(nowhere)]
    answer = CliRunner().invoke(main, args)
    assert answer.exit_code == 5
    assert "does not answer" in answer.stderr


def test_json_is_a_contract(ask: Ask) -> None:
    found = json.loads(ask("can", "ada", "get", "pods", "--format", "json").output)
    way = {
        "namespace": None,
        "subject": {"kind": "User", "name": "ada", "namespace": ""},
        "binding": {"kind": "ClusterRoleBinding", "name": "wide", "namespace": None,
                    "file": "m.yaml", "line": 17},
        "role": {"kind": "ClusterRole", "name": "reader", "namespace": None,
                 "file": "m.yaml", "line": 1},
    }  # fmt: skip
    rule_ = {"apiGroups": [""], "nonResourceURLs": [], "resourceNames": [],
             "resources": ["nodes", "pods", "pods/exec"], "verbs": ["create", "get"]}  # fmt: skip
    question = {"verb": "get", "group": "", "resource": "pods", "subresource": "", "name": "",
                "namespace": None}  # fmt: skip
    outside = {"seen": "not-seen", "authorizers": [], "by": []}
    whole = {"complete": True, "not_seen": [], "problems": [], "outside": outside}
    caller = {"user": "ada", "groups": ["system:authenticated"]}
    assert found == {"caller": caller, "question": question, "allowed": True,
                     "by": [way | {"rule": rule_}], "beyond_rbac": []} | whole  # fmt: skip

    found = json.loads(ask("who-can", "get", "/metrics", "--format", "json").output)
    assert found["question"] == {"verb": "get", "path": "/metrics"}
    assert [one["subject"]["name"] for one in found["holders"]] == ["ada"]
    assert found["beyond_rbac"] == ["system:masters"]
    assert set(found) == {"question", "holders", "beyond_rbac", *whole}

    found = json.loads(ask("show", "group:devs", "--format", "json").output)
    assert set(found) == {"caller", "rights", *whole}
    assert [set(right) for right in found["rights"]] == [{*way, "rules"}]


def test_what_could_not_be_read_makes_no_unknown(ask: Ask) -> None:
    answer = ask("can", "eve", "get", "pods", "-f", "gone.yaml")
    assert answer.exit_code == 6
    assert answer.stdout == "not known: not everything could be read\n"
    assert "gone.yaml" in answer.stderr
    assert ask("can", "ada", "get", "pods", "-f", "gone.yaml").exit_code == 0
    assert ask("who-can", "get", "pods", "-f", "gone.yaml").exit_code == 6
    answer = ask("can", "eve", "get", "pods", "-f", "gone.yaml", "--format", "json")
    found = json.loads(answer.stdout)
    assert found["allowed"] is None
    assert found["complete"] is False
    assert found["problems"][0]["code"] == "unreadable"


def test_a_built_in_role_need_not_stand_in_the_files(ask: Ask) -> None:
    text = MANIFESTS.replace("name: reader}\nsubjects: [", "name: view}\nsubjects: [")
    args = ["rbac", "can", "ada", "list", "deployments", "-f", "-"]
    assert CliRunner().invoke(main, args, input=MANIFESTS).exit_code == 1
    assert CliRunner().invoke(main, args, input=text).exit_code == 0


def test_standard_input_is_read() -> None:
    args = ["rbac", "can", "ada", "get", "pods", "-f", "-"]
    assert CliRunner().invoke(main, args, input=MANIFESTS).exit_code == 0


class Reading:
    """A cluster whose objects a test says."""

    def __init__(self, *roles: Role, **seen: Seen) -> None:
        bindings = tuple(bind(f"b{i}", one, user("ada")) for i, one in enumerate(roles))
        bindings += (bind("x", roles[0], account("robot", "team"), namespace="team"),)
        now = datetime(2031, 5, 6, tzinfo=UTC)
        self.inventory = Inventory("", now, roles=roles, bindings=bindings, seen=seen)
        self.asked: list[tuple[Path | None, str | None]] = []

    def __call__(self, kubeconfig: Path | None, context: str | None) -> Inventory:
        self.asked.append((kubeconfig, context))
        return self.inventory


def test_a_cluster_is_read_where_no_file_is_named(ask: Ask) -> None:
    reading = Reading(role("r", rule("get", "pods")))
    answer = ask("can", "ada", "get", "pods", "--context", "prod", obj=RbacSource(reading))
    assert answer.exit_code == 0
    assert answer.output == "yes\n  by ClusterRoleBinding b0 of ClusterRole/r to User ada\n"
    assert reading.asked == [(None, "prod")]


def test_a_clusters_aggregated_roles_are_believed_as_they_stand(ask: Ask) -> None:
    roles = gathering("all", label(a="b")), labelled("one", rule("get", "secrets"), a="b")
    reading = Reading(roles[0])
    reading.inventory = Inventory(
        "", reading.inventory.taken_at, roles=roles, bindings=reading.inventory.bindings
    )
    assert ask("can", "ada", "get", "secrets", obj=RbacSource(reading)).exit_code == 1


def test_a_kind_that_may_not_be_read_makes_no_unknown(ask: Ask) -> None:
    reading = Reading(role("r", rule("get", "pods")), RoleBinding=Seen.FORBIDDEN)
    answer = ask("can", "eve", "get", "pods", obj=RbacSource(reading))
    assert answer.exit_code == 6
    assert answer.stderr == UNSEEN + "RoleBinding: not seen: forbidden\n"
    found = ask("show", "ada", "--format", "json", obj=RbacSource(reading)).stdout
    assert json.loads(found)["not_seen"] == ["RoleBinding"]


def test_a_cluster_that_does_not_answer_ends_with_its_own_code(ask: Ask) -> None:
    def fail(_kubeconfig: Path | None, _context: str | None) -> Inventory:
        raise ClusterUnavailable("prod", "list roles", "no answer")

    assert ask("show", "ada", obj=RbacSource(fail)).exit_code == 5
