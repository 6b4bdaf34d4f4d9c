"""The embedded cluster as a part: what it is born with, its audit log, its start and its end."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from bot.playground.cluster.plane import EmbeddedPlane

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bot.playground.certs import Authority
    from bot.playground.controlplane.plane import ControlPlane
    from bot.playground.plane import Plane
    from tests.support.issuer import SmallIssuer

RBAC = "/apis/rbac.authorization.k8s.io/v1"
BY_CHANCE = ("uid", "resourceVersion", "creationTimestamp", "managedFields")


@pytest.fixture
def own(authority: Authority, tmp_path: Path) -> Iterator[EmbeddedPlane]:
    """One that keeps ten changes, and nobody else uses."""
    with EmbeddedPlane(tmp_path / "plane", authority, log_most=10) as plane:
        yield plane


def born_with(plane: Plane, plural: str) -> dict[str, Any]:
    found = plane.admin_request("GET", f"{RBAC}/{plural}?labelSelector=kubernetes.io/bootstrapping")
    kept = {}
    for item in found["items"]:
        meta = item["metadata"]
        item["metadata"] = {key: meta[key] for key in meta if key not in BY_CHANCE}
        kept[f"{meta.get('namespace', '')}/{meta['name']}"] = item
    return kept


@pytest.mark.parametrize("plural", ["clusterroles", "clusterrolebindings", "roles", "rolebindings"])
def test_it_is_born_with_what_the_real_one_is(
    control_plane: ControlPlane, own: EmbeddedPlane, plural: str
) -> None:
    assert born_with(own, plural) == born_with(control_plane, plural)


def role(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "rules": []}


def test_a_list_that_lasted_too_long_has_expired(own: EmbeddedPlane) -> None:
    path = f"{RBAC}/namespaces/default/roles"
    for number in range(3):
        own.admin_request("POST", path, role(f"r{number}"))
    first = own.admin_request("GET", f"{path}?limit=2")
    assert [item["metadata"]["name"] for item in first["items"]] == ["r0", "r1"]
    after = first["metadata"]["continue"]
    own.admin_request("DELETE", f"{path}/r2")
    rest = own.admin_request("GET", f"{path}?limit=2&continue={after}")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["r2"]
    for number in range(20):
        own.admin_request("POST", path, role(f"later{number}"))
    gone = own.request("GET", f"{path}?limit=2&continue={after}", token=own.admin_token)
    assert (gone.status, gone.body["reason"]) == (410, "Expired")


def test_a_watch_from_too_long_ago_is_told_so(own: EmbeddedPlane) -> None:
    path = f"{RBAC}/namespaces/default/roles"
    for number in range(20):
        own.admin_request("POST", path, role(f"r{number}"))
    told = own.admin_request("GET", f"{path}?watch=1&resourceVersion=1&timeoutSeconds=1")
    assert (told["type"], told["object"]["code"]) == ("ERROR", 410)


def test_stopping_ends_watches_and_frees_the_port(authority: Authority, tmp_path: Path) -> None:
    plane = EmbeddedPlane(tmp_path / "plane", authority)
    plane.start()
    port = int(plane.url.rpartition(":")[2])
    pool = urllib3.PoolManager(ca_certs=str(authority.ca_file), retries=False)
    headers = {"Authorization": f"Bearer {plane.admin_token}"}
    watch = pool.request(
        "GET", f"{plane.url}{RBAC}/roles?watch=1", headers=headers, preload_content=False
    )
    ended = threading.Event()
    reader = threading.Thread(target=lambda: (watch.read(), ended.set()))
    reader.start()
    assert not ended.is_set()
    plane.stop()
    reader.join(10)
    assert ended.is_set()
    pool.clear()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_two_at_once_know_nothing_of_each_other(authority: Authority, tmp_path: Path) -> None:
    with (
        EmbeddedPlane(tmp_path / "one", authority) as one,
        EmbeddedPlane(tmp_path / "two", authority) as two,
    ):
        uids = {
            plane.admin_request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
            for plane in (one, two)
        }
        assert len(uids) == 2
        assert two.request("GET", "/api/v1/namespaces", token=one.admin_token).status == 401


def audit_of(plane: Plane, namespace: str, issuer: SmallIssuer) -> list[Any]:
    """Ask for a few things, and give what the audit log says of them, without chance."""
    token = issuer.token(email="ada@example.com", email_verified=True, groups=["dev"], jti="one")
    path = f"/api/v1/namespaces/{namespace}/pods"
    binding = {
        "metadata": {"name": "viewers"},
        "roleRef": {"kind": "ClusterRole", "name": "view", "apiGroup": RBAC.split("/")[2]},
        "subjects": [{"kind": "Group", "name": "oidc:dev", "apiGroup": RBAC.split("/")[2]}],
    }
    plane.request("GET", path, token=token)
    bindings = f"{RBAC}/namespaces/{namespace}/rolebindings"
    plane.admin_request("POST", bindings, binding)
    while plane.request("GET", f"{path}/none", token=token).status == 403:
        pass
    plane.request("GET", f"{path}?watch=1&timeoutSeconds=1", token=token)
    plane.admin_request("DELETE", f"{bindings}/viewers")

    def ours(event: dict[str, Any]) -> bool:
        return event["userAgent"].startswith("python-urllib3") and namespace in event["requestURI"]

    plane.wait_audit(lambda event: ours(event) and event["verb"] == "delete")
    told = [event for event in plane.audit_lines(ours) if event["verb"] != "get" or told_404(event)]
    return [chanceless(event, namespace) for event in told]


def told_404(event: dict[str, Any]) -> bool:
    return bool(event["responseStatus"]["code"] == 404)


def chanceless(event: dict[str, Any], namespace: str) -> Any:
    for name in ("auditID", "requestReceivedTimestamp", "stageTimestamp"):
        assert event.pop(name)
    for name in ("uid", "resourceVersion"):
        event.get("objectRef", {}).pop(name, None)
    event["responseStatus"].get("details", {}).pop("uid", None)
    return json.loads(json.dumps(event).replace(namespace, "NS"))


def test_the_audit_log_tells_what_the_real_one_tells(
    control_plane: ControlPlane,
    namespace: str,
    embedded: EmbeddedPlane,
    embedded_namespace: str,
    small_issuer: SmallIssuer,
) -> None:
    wanted = audit_of(control_plane, namespace, small_issuer)
    assert len(wanted) >= 6
    for mine, real in zip(
        audit_of(embedded, embedded_namespace, small_issuer), wanted, strict=True
    ):
        assert mine == real
