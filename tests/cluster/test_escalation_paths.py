"""Paths walked on the real control plane: what a path says, its actor does, and is cluster-admin.

The objects are read back from the cluster and looked for paths in, so that it is our own answer
that is walked, step by step, with the tokens that the steps give.
"""

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path as File
from typing import Any

import pytest

from bot.playground.controlplane.client import Answer
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import wait_until
from grants.authz.paths.find import Paths
from grants.authz.paths.model import Party, PartyKind, Step, account
from grants.review.findings.escalations import paths_of
from grants.review.findings.look import Look
from grants.review.reading import read_paths
from tests.support.cluster_lab import EVENTUALLY, RBAC, new_word

pytestmark = pytest.mark.needs_cluster

ADMIN = PartyKind.CLUSTER_ADMIN
GROUP = "rbac.authorization.k8s.io"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
EVERYTHING = {"spec": {"resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}}}
Rules = list[dict[str, Any]]


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {
        "verbs": verbs.split(),
        "apiGroups": [group],
        "resources": resources.split(),
    }
    return made | ({"resourceNames": names.split()} if names else {})


@dataclass
class Scene:
    """A namespace with `app`, who holds what a test says, and `boss`, who is cluster-admin."""

    plane: ControlPlane
    namespace: str
    folder: File
    made: list[str] = field(default_factory=list)

    def make(self, path: str, body: dict[str, Any]) -> None:
        self.plane.admin_request("POST", path, body)
        self.made.append(f"{path}/{body['metadata']['name']}")

    def account(self, name: str) -> None:
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        self.make(path, {"metadata": {"name": name}})

    def role(self, rules: Rules, *, everywhere: bool, more: dict[str, Any] | None = None) -> str:
        """Give rules to `app`, by a ClusterRole, or a Role of the namespace."""
        name = f"w-{new_word()}"
        kind = "ClusterRole" if everywhere else "Role"
        place = RBAC if everywhere else f"{RBAC}/namespaces/{self.namespace}"
        body = {"metadata": {"name": name}, "rules": rules} | (more or {})
        self.make(f"{place}/{kind.lower()}s", body)
        self.bind(name, kind, "app", everywhere=everywhere)
        return name

    def bind(self, role: str, kind: str, who: str, *, everywhere: bool) -> None:
        place = RBAC if everywhere else f"{RBAC}/namespaces/{self.namespace}"
        subject = {"kind": "ServiceAccount", "name": who, "namespace": self.namespace}
        body = {
            "metadata": {"name": f"w-{new_word()}"},
            "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
            "subjects": [subject],
        }
        self.make(f"{place}/{'clusterrolebindings' if everywhere else 'rolebindings'}", body)

    def paths(self) -> Paths:
        """Read back all that paths rest on, and find them."""
        items = []
        for path, kind in (
            (f"{RBAC}/clusterroles", "ClusterRole"),
            (f"{RBAC}/clusterrolebindings", "ClusterRoleBinding"),
            (f"{RBAC}/roles", "Role"),
            (f"{RBAC}/rolebindings", "RoleBinding"),
            ("/api/v1/serviceaccounts", "ServiceAccount"),
            ("/api/v1/namespaces", "Namespace"),
            ("/api/v1/secrets", "Secret"),
        ):
            found = self.plane.admin_request("GET", path)
            version = found["apiVersion"]
            items += [{"apiVersion": version, "kind": kind, **one} for one in found["items"]]
        dump = self.folder / "dump.json"
        dump.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        return paths_of(Look(read_paths([dump], now=datetime.now(UTC))))


@pytest.fixture
def scene(control_plane: ControlPlane, namespace: str, tmp_path: File) -> Iterator[Scene]:
    made = Scene(control_plane, namespace, tmp_path)
    made.account("app")
    made.account("boss")
    made.bind("cluster-admin", "ClusterRole", "boss", everywhere=True)
    yield made
    for path in reversed(made.made):
        control_plane.request("DELETE", path, token=control_plane.admin_token)


@dataclass
class Walker:
    """Somebody on the way: what was gained so far is a token, and whom it acts as."""

    scene: Scene
    token: str
    acts_as: str = ""

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        plane = self.scene.plane
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json"}
        if self.acts_as:
            headers["Impersonate-User"] = self.acts_as
        if body is not None:
            kind = "merge-patch+json" if method == "PATCH" else "json"
            headers["Content-Type"] = f"application/{kind}"
        answer = plane._client._pool.request(
            method,
            plane.url + path,
            headers=headers,
            body=None if body is None else json.dumps(body).encode(),
        )
        return Answer(answer.status, json.loads(answer.data))

    def does(self, method: str, path: str, body: object = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status < HTTPStatus.BAD_REQUEST, answer
        return answer.body

    def is_admin(self) -> bool:
        """Ask whether it may do anything to anything."""
        return bool(self.does("POST", REVIEWS, EVERYTHING)["status"]["allowed"])

    def becomes_admin(self) -> None:
        wait_until(self.is_admin, within=EVENTUALLY, what="cluster-admin")

    def me(self) -> dict[str, str]:
        return {"kind": "ServiceAccount", "name": "app", "namespace": self.scene.namespace}


def mint(walker: Walker, step: Step) -> None:
    place, name = step.gains.namespace, step.gains.name
    path = f"/api/v1/namespaces/{place}/serviceaccounts/{name}/token"
    walker.token = walker.does("POST", path, {"spec": {}})["status"]["token"]


def write_secret(walker: Walker, step: Step) -> None:
    name = "walked"
    path = f"/api/v1/namespaces/{step.gains.namespace}/secrets"
    annotations = {"kubernetes.io/service-account.name": step.gains.name}
    walker.does(
        "POST",
        path,
        {
            "metadata": {"name": name, "annotations": annotations},
            "type": "kubernetes.io/service-account-token",
        },
    )
    read_token(walker, f"{path}/{name}")


def read_token(walker: Walker, path: str) -> None:
    def filled() -> bool:
        return "token" in walker.does("GET", path).get("data", {})

    wait_until(filled, within=EVENTUALLY, what="a token in the Secret")
    walker.token = base64.b64decode(walker.does("GET", path)["data"]["token"]).decode()


def read_secret(walker: Walker, step: Step) -> None:
    (held,) = [need for need in step.needs if need.kind == "token-secret"]
    read_token(walker, f"/api/v1/namespaces/{held.namespace}/secrets/{held.name}")


def impersonate(walker: Walker, step: Step) -> None:
    walker.acts_as = f"system:serviceaccount:{step.gains.namespace}:{step.gains.name}"


def bind(walker: Walker, _: Step) -> None:
    name = f"w-{new_word()}"
    path = f"{RBAC}/clusterrolebindings"
    body = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [walker.me()],
    }
    walker.does("POST", path, body)
    walker.scene.made.append(f"{path}/{name}")


def escalate(walker: Walker, step: Step) -> None:
    (held,) = [need for need in step.needs if need.kind == "holds-role"]
    name = held.name.removeprefix("ClusterRole/")
    walker.does("PATCH", f"{RBAC}/clusterroles/{name}", {"rules": [rule("*", "*", "*")]})


def label(walker: Walker, step: Step) -> None:
    name, path = f"w-{new_word()}", f"{RBAC}/clusterroles"
    labels = {"walked": walker.scene.namespace}
    body = {"metadata": {"name": name, "labels": labels}, "rules": [rule("*", "*", "*")]}
    walker.does("POST", path, body)
    walker.scene.made.append(f"{path}/{name}")


def already(_walker: Walker, _step: Step) -> None:
    """Nothing is left to do: whoever it is by now may do anything."""


STEPS: dict[str, Callable[[Walker, Step], None]] = {
    "token-create": mint,
    "secrets-write": write_secret,
    "secrets-read": read_secret,
    "impersonate": impersonate,
    "bind": bind,
    "escalate": escalate,
    "aggregate-label": label,
    "wildcard-all": already,
}


def walk(scene: Scene, *kinds: str) -> None:
    """Find the path of `app` to cluster-admin, see that it has these steps, and go by it."""
    start: Party = account(scene.namespace, "app")
    path = scene.paths().path(start, ADMIN)
    assert path is not None
    assert [step.kind for step in path.steps] == list(kinds)
    tokens = f"/api/v1/namespaces/{scene.namespace}/serviceaccounts/app/token"
    token = scene.plane.admin_request("POST", tokens, {"spec": {}})["status"]["token"]
    walker = Walker(scene, token)
    assert not walker.is_admin()
    for step in path.steps:
        STEPS[step.kind](walker, step)
    walker.becomes_admin()


@pytest.mark.parametrize(
    ("kind", "rules"),
    [
        ("token-create", [rule("create", "serviceaccounts/token", names="boss")]),
        ("secrets-write", [rule("create", "secrets"), rule("get", "secrets", names="walked")]),
        ("impersonate", [rule("impersonate", "serviceaccounts")]),
    ],
)
def test_rights_in_a_namespace_lead_to_its_strongest_account(
    scene: Scene, kind: str, rules: Rules
) -> None:
    scene.role(rules, everywhere=False)
    walk(scene, kind, "wildcard-all")


def test_a_token_in_a_secret_is_as_good_as_its_account(scene: Scene) -> None:
    annotations = {"kubernetes.io/service-account.name": "boss"}
    path = f"/api/v1/namespaces/{scene.namespace}/secrets"
    scene.make(
        path,
        {
            "metadata": {"name": "old", "annotations": annotations},
            "type": "kubernetes.io/service-account-token",
        },
    )
    scene.role([rule("get", "secrets", names="old")], everywhere=False)
    walk(scene, "secrets-read", "wildcard-all")


def test_whoever_binds_cluster_admin_is_it(scene: Scene) -> None:
    rules = [
        rule("create", "clusterrolebindings", GROUP),
        rule("bind", "clusterroles", GROUP, "cluster-admin"),
    ]
    scene.role(rules, everywhere=True)
    walk(scene, "bind")


def test_without_bind_a_binding_can_not_be_made_and_there_is_no_path(scene: Scene) -> None:
    scene.role([rule("create", "clusterrolebindings", GROUP)], everywhere=True)
    assert scene.paths().path(account(scene.namespace, "app"), ADMIN) is None
    tokens = f"/api/v1/namespaces/{scene.namespace}/serviceaccounts/app/token"
    token = scene.plane.admin_request("POST", tokens, {"spec": {}})["status"]["token"]
    walker = Walker(scene, token)
    with pytest.raises(AssertionError, match="403"):
        bind(walker, Step("bind", account("n", "app"), Party(ADMIN), (), ()))


def test_whoever_widens_their_own_role_is_cluster_admin(scene: Scene) -> None:
    scene.role([rule("escalate patch", "clusterroles", GROUP)], everywhere=True)
    walk(scene, "escalate")


def test_a_role_that_gathers_takes_what_is_labelled_for_it(scene: Scene) -> None:
    """It may write roles, but not change those that it holds; one of them gathers others."""
    selector = {"matchLabels": {"walked": scene.namespace}}
    gathers = {"aggregationRule": {"clusterRoleSelectors": [selector]}}
    scene.role([], everywhere=True, more=gathers)
    scene.role([rule("escalate create", "clusterroles", GROUP)], everywhere=True)
    walk(scene, "aggregate-label")


HOST_POD = {
    "metadata": {"name": "host"},
    "spec": {
        "containers": [
            {
                "name": "one",
                "image": "example.com/none",
                "volumeMounts": [{"name": "root", "mountPath": "/host"}],
            }
        ],
        "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
    },
}


def test_pod_security_keeps_pods_off_the_node_until_its_label_is_gone(scene: Scene) -> None:
    """What `namespace-mutate` says: whoever sets the label away may then start such a pod."""
    place = f"/api/v1/namespaces/{scene.namespace}"
    wait_until(
        lambda: (
            scene.plane.request(
                "GET", f"{place}/serviceaccounts/default", token=scene.plane.admin_token
            ).status
            == HTTPStatus.OK
        ),
        within=EVENTUALLY,
        what="the default account",
    )
    enforce = "pod-security.kubernetes.io/enforce"
    scene.plane.admin_request("PATCH", place, {"metadata": {"labels": {enforce: "baseline"}}})
    scene.role([rule("create", "pods"), rule("patch", "namespaces")], everywhere=False)
    path = scene.paths().path(account(scene.namespace, "app"), PartyKind.NODE)
    assert path is not None
    assert [step.kind for step in path.steps] == ["namespace-mutate"]
    tokens = f"{place}/serviceaccounts/app/token"
    token = scene.plane.admin_request("POST", tokens, {"spec": {}})["status"]["token"]
    walker = Walker(scene, token)
    refused = walker.ask("POST", f"{place}/pods", HOST_POD)
    assert refused.status == HTTPStatus.FORBIDDEN
    assert "hostPath" in refused.body["message"]
    walker.does("PATCH", place, {"metadata": {"labels": {enforce: None}}})
    walker.does("POST", f"{place}/pods", HOST_POD)


def test_a_claim_on_a_nodes_files_passes_pod_security(scene: Scene) -> None:
    """What `pv-create` says: a volume of the node's own disk is no hostPath to the guard."""
    place = f"/api/v1/namespaces/{scene.namespace}"
    enforce = "pod-security.kubernetes.io/enforce"
    scene.plane.admin_request("PATCH", place, {"metadata": {"labels": {enforce: "baseline"}}})
    scene.role([rule("create", "pods")], everywhere=False)
    scene.role([rule("create", "persistentvolumes")], everywhere=True)
    path = scene.paths().path(account(scene.namespace, "app"), PartyKind.NODE)
    assert path is not None
    assert [step.kind for step in path.steps] == ["pv-create"]
    tokens = f"{place}/serviceaccounts/app/token"
    token = scene.plane.admin_request("POST", tokens, {"spec": {}})["status"]["token"]
    walker = Walker(scene, token)
    volume = {
        "metadata": {"name": f"w-{new_word()}"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "walked",
            "hostPath": {"path": "/"},
        },
    }
    walker.does("POST", "/api/v1/persistentvolumes", volume)
    scene.made.append(f"/api/v1/persistentvolumes/{volume['metadata']['name']}")
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "walked",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    pod = {
        "metadata": {"name": "claims"},
        "spec": {
            "serviceAccountName": "app",
            "containers": [
                {
                    "name": "one",
                    "image": "example.com/none",
                    "volumeMounts": [{"name": "root", "mountPath": "/host"}],
                }
            ],
            # The claim is made by a controller, so that no right to make claims is needed.
            "volumes": [{"name": "root", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}}],
        },
    }
    walker.does("POST", f"{place}/pods", pod)
