"""The bot's own credential can do what its work needs, and was tried at what it must not do."""

from http import HTTPStatus

import pytest

from bot.playground.controlplane.client import Answer
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.scene import bot_token
from deploy import manifests
from grants.access.watch_port import RoleChange
from grants.authz.model import Question, RoleRef
from grants.errors import ClusterForbidden
from tests.support.cluster_lab import RBAC, RealLab, new_person
from tests.support.shipped import BOT_NAMESPACE, apply

pytestmark = pytest.mark.security("B1")


def as_bot(lab: RealLab, method: str, path: str, body: object = None) -> Answer:
    return lab.plane.request(method, path, body, token=bot_token(lab.plane))


def role_binding(role: str, kind: str = "RoleBinding") -> dict[str, object]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": "tried"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [
            {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": new_person()}
        ],
    }


def rules_of(name: str) -> list[dict[str, list[str]]]:
    (role,) = (
        m for m in manifests.base() if m["kind"] == "ClusterRole" and m["metadata"]["name"] == name
    )
    rules: list[dict[str, list[str]]] = role["rules"]
    return rules


def listed_roles() -> list[str]:
    return [
        name
        for rule in rules_of("valetkey-bind")
        if "clusterroles" in rule["resources"]
        for name in rule["resourceNames"]
    ]


def test_the_whole_base_is_taken_by_an_api_server(control_plane: ControlPlane) -> None:
    apply(control_plane, manifests.base())
    for manifest in manifests.base():
        path = f"{manifests.collection_path(manifest)}/{manifest['metadata']['name']}"
        assert control_plane.admin_request("GET", path)["metadata"]["uid"]


def test_the_pods_of_the_deployment_pass_the_restricted_level(control_plane: ControlPlane) -> None:
    """The namespace enforces it, so an API server that makes the pod is the proof."""
    apply(control_plane, manifests.base())
    (deployment,) = (m for m in manifests.base() if m["kind"] == "Deployment")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "tried"},
        "spec": deployment["spec"]["template"]["spec"],
    }
    path = f"/api/v1/namespaces/{BOT_NAMESPACE}/pods?dryRun=All"
    made = control_plane.admin_request("POST", path, pod)
    assert made["spec"]["serviceAccountName"] == "valetkey"
    pod["spec"] = {**pod["spec"], "hostNetwork": True}
    refused = control_plane.request("POST", path, pod, token=control_plane.admin_token)
    assert refused.status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("role", listed_roles())
def test_the_bot_can_give_each_role_of_the_policy(lab: RealLab, role: str) -> None:
    path = f"{RBAC}/namespaces/{lab.namespace}/rolebindings?dryRun=All"
    assert as_bot(lab, "POST", path, role_binding(role)).status == HTTPStatus.CREATED


@pytest.mark.parametrize("role", listed_roles())
def test_the_bot_can_watch_each_role_of_the_policy_by_its_name(lab: RealLab, role: str) -> None:
    stream = lab.cluster.watcher(RoleRef("ClusterRole", role)).open()
    (change,) = next(stream.batches())
    stream.close()
    assert isinstance(change, RoleChange)
    assert (change.ref.name, change.namespace) == (role, None)


@pytest.mark.parametrize("role", ["cluster-admin", "valetkey", "view,metadata.name=admin"])
def test_the_bot_cannot_watch_a_role_that_is_not_in_the_policy(lab: RealLab, role: str) -> None:
    with pytest.raises(ClusterForbidden):
        lab.cluster.watcher(RoleRef("ClusterRole", role)).open()


@pytest.mark.parametrize("role", ["cluster-admin", "admin", "system:node"])
def test_the_bot_cannot_give_a_role_that_is_not_in_the_policy(lab: RealLab, role: str) -> None:
    assert role not in listed_roles()
    path = f"{RBAC}/namespaces/{lab.namespace}/rolebindings"
    answer = as_bot(lab, "POST", path, role_binding(role))
    assert answer.status == HTTPStatus.FORBIDDEN


def test_what_the_bot_holds_itself_rbac_lets_it_give_on(lab: RealLab) -> None:
    """No RBAC can forbid this, as no `bind` is needed for rights already held: whoever steals the
    bot's token can share them. They stay few for that reason; only admission can say more.
    """
    path = f"{RBAC}/namespaces/{lab.namespace}/rolebindings?dryRun=All"
    assert as_bot(lab, "POST", path, role_binding("valetkey")).status == HTTPStatus.CREATED


def test_the_bot_cannot_give_a_role_for_the_whole_cluster(lab: RealLab) -> None:
    can_create = any(
        "clusterrolebindings" in rule["resources"] for rule in rules_of("valetkey-bind")
    )
    if can_create:
        body = role_binding("cluster-admin", "ClusterRoleBinding")
    else:
        body = role_binding(listed_roles()[0], "ClusterRoleBinding")
    answer = as_bot(lab, "POST", f"{RBAC}/clusterrolebindings", body)
    assert answer.status == HTTPStatus.FORBIDDEN


FORBIDDEN = [
    Question("get", resource="secrets", namespace="{ns}"),
    Question("list", resource="secrets"),
    Question("create", resource="pods", namespace="{ns}"),
    Question("create", resource="pods", subresource="exec", namespace="{ns}"),
    Question("get", resource="pods", namespace="{ns}"),
    Question("create", resource="serviceaccounts", subresource="token", namespace=BOT_NAMESPACE),
    Question("impersonate", resource="users"),
    Question("create", resource="namespaces"),
    Question("delete", resource="namespaces", name="{ns}"),
    Question("update", resource="configmaps", namespace=BOT_NAMESPACE),
    *(
        Question(verb, "rbac.authorization.k8s.io", resource, namespace="{ns}")
        for verb, resource in (
            ("create", "roles"),
            ("update", "roles"),
            ("list", "roles"),
            ("escalate", "roles"),
            ("bind", "roles"),
            ("bind", "clusterroles"),
            ("patch", "rolebindings"),
            ("list", "clusterroles"),
            ("watch", "roles"),
            ("watch", "clusterroles"),
            ("deletecollection", "rolebindings"),
        )
    ),
    Question("escalate", "rbac.authorization.k8s.io", "clusterroles"),
    Question("update", "rbac.authorization.k8s.io", "clusterroles", name="valetkey-bind"),
    Question("get", path="/metrics"),
]


def test_the_bot_can_do_nothing_that_its_work_does_not_need(lab: RealLab) -> None:
    """Asked as a cluster's administrator, of the bot's account; the positive control comes last."""
    bot = f"system:serviceaccount:{BOT_NAMESPACE}:valetkey"
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{BOT_NAMESPACE}"]
    needed = Question(
        "create", "rbac.authorization.k8s.io", "rolebindings", namespace=lab.namespace
    )
    asked = [
        Question(
            q.verb,
            q.api_group,
            q.resource,
            q.subresource,
            q.name.replace("{ns}", lab.namespace),
            q.namespace.replace("{ns}", lab.namespace) if q.namespace else None,
            q.path,
        )
        for q in FORBIDDEN
    ]
    endpoint = lab.cluster.endpoints()[0]
    answers = lab.cluster.ask(bot, groups, [*asked, needed], endpoint)
    assert [a.question for a in answers[:-1] if a.allowed] == []
    assert answers[-1].allowed


def test_secrets_and_pods_are_refused_when_they_are_really_tried(lab: RealLab) -> None:
    for method, path, body in (
        ("GET", f"/api/v1/namespaces/{lab.namespace}/secrets", None),
        ("GET", "/api/v1/secrets", None),
        (
            "POST",
            f"/api/v1/namespaces/{lab.namespace}/pods",
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "p"},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        ),
        (
            "POST",
            f"/api/v1/namespaces/{BOT_NAMESPACE}/serviceaccounts/valetkey/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        ),
    ):
        assert as_bot(lab, method, path, body).status == HTTPStatus.FORBIDDEN, path
