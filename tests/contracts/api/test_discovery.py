"""What the API says of itself, and of paths that it doesn't have."""

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.manifests import (
    BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    PODS,
    RBAC,
    ROLES,
    role,
)
from tests.contracts.api.stage import MERGE, Stage

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
GROUPS = ("authentication.k8s.io", "authorization.k8s.io", "rbac.authorization.k8s.io")
CORE = (
    "namespaces",
    "namespaces/finalize",
    "namespaces/status",
    "pods",
    "pods/status",
    "serviceaccounts",
    "serviceaccounts/token",
)
REVIEWS = (
    "localsubjectaccessreviews",
    "selfsubjectaccessreviews",
    "selfsubjectreviews",
    "selfsubjectrulesreviews",
    "subjectaccessreviews",
)
RBACS = ("clusterrolebindings", "clusterroles", "rolebindings", "roles")
OURS = (*CORE, *REVIEWS, *RBACS)


def resources(body: Any) -> Any:
    """Show what an APIResourceList says of what both have."""
    kept = [item for item in body["resources"] if item["name"] in OURS]
    for item in kept:
        item.pop("storageVersionHash", None)
    return body | {"resources": sorted(kept, key=lambda item: str(item["name"]))}


def groups(body: Any) -> Any:
    """Show those groups that both have."""
    return body | {"groups": [one for one in body["groups"] if one["name"] in GROUPS]}


def aggregated(body: Any) -> Any:
    """Show what aggregated discovery says of what both have, by group and resource."""
    return {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "items": {
            item["metadata"].get("name", "core"): [_version(one) for one in item["versions"]]
            for item in body["items"]
            if item["metadata"].get("name", "core") in ("core", *GROUPS)
        },
    }


def _version(version: Any) -> Any:
    kept = [one for one in version["resources"] if one["resource"] in OURS]
    for one in kept:
        own = f"{one['resource']}/"
        subs = [sub for sub in one.get("subresources", []) if own + sub["subresource"] in OURS]
        one["subresources"] = sorted(subs, key=lambda sub: str(sub["subresource"]))
    return version | {"resources": {one["resource"]: one for one in kept}}


def test_the_core_group_has_one_version(stage: Stage) -> None:
    body = stage.send("GET", "/api", by="ada").body
    assert (body["kind"], body["versions"]) == ("APIVersions", ["v1"])


def test_groups_are_listed(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.ask("GET", "/apis", by="ada", show=groups)
    stage.ask("GET", "/apis/rbac.authorization.k8s.io", by="ada")
    assert stage.told == answers


@pytest.mark.parametrize("path", ["/api/v1", RBAC, *(f"/apis/{name}/v1" for name in GROUPS[:2])])
def test_resources_are_listed(stage: Stage, answers: SnapshotAssertion, path: str) -> None:
    stage.ask("GET", path, by="ada", show=resources)
    assert stage.told == answers


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_all_may_be_had_at_once(stage: Stage, answers: SnapshotAssertion, path: str) -> None:
    headers = {"Accept": f"{AGGREGATED},application/json"}
    reply = stage.ask("GET", path, by="ada", headers=headers, show=aggregated)
    assert reply.headers["content-type"] == AGGREGATED
    assert stage.told == answers


def test_the_version_is_told(stage: Stage) -> None:
    body = stage.send("GET", "/version", by="ada").body
    assert (body["major"], body["minor"]) == ("1", "37")
    assert body["gitVersion"].startswith("v1.37.")
    assert {"gitCommit", "buildDate", "goVersion", "platform"} <= set(body)


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_in_many_words_ends_in_one(stage: Stage, path: str) -> None:
    name = path.strip("/")
    reply = stage.send("GET", path, verbose="")
    assert reply.text.startswith("[+]ping ok\n")
    assert reply.text.endswith(f"{name} check passed\n")


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/apis/nowhere.example/v1",
        "/apis/nowhere.example/v1/namespaces/{ns}/things",
        "/api/v2",
        "/api/v1/nowheres",
        "/api/v1/namespaces/{ns}/nowheres",
        "/api/v1/namespaces/{ns}/nowheres/one",
        f"{RBAC}/nowheres",
        f"{RBAC}/namespaces/{{ns}}/clusterroles",
        f"{ROLES}/one/nowhere",
        "/api/v1/namespaces/{ns}/pods/one/nowhere",
        f"{RBAC}/roles/one",
    ],
)
def test_what_is_not_there_is_not_found(
    stage: Stage, answers: SnapshotAssertion, path: str
) -> None:
    assert stage.ask("GET", path).status == 404
    assert stage.ask("POST", path, role("one")).status == 404
    assert stage.told == answers


@pytest.mark.parametrize("path", ["/nowhere", "/apis/nowhere.example/v1", "/api/v1/nowheres"])
def test_who_may_not_does_not_learn_what_is_there(
    stage: Stage, answers: SnapshotAssertion, path: str
) -> None:
    stage.ask("GET", path, by="ada")
    assert stage.told == answers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", ROLES),
        ("PUT", ROLES),
        ("POST", f"{ROLES}/one"),
        ("DELETE", NAMESPACES),
        ("DELETE", f"{RBAC}/roles"),
        ("POST", f"{RBAC}/rolebindings"),
        ("POST", "/api/v1/pods"),
        ("GET", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
        ("POST", "/version"),
        ("POST", "/api"),
    ],
)
def test_what_cannot_be_done_there_is_not_allowed(
    stage: Stage, answers: SnapshotAssertion, method: str, path: str
) -> None:
    body = None if method in {"GET", "DELETE"} else role("one")
    kind = MERGE if method == "PATCH" else "application/json"
    assert stage.ask(method, path, body, kind=kind).status == 405
    assert stage.told == answers


def test_the_root_lists_paths(stage: Stage) -> None:
    listed = stage.send("GET", "/").body["paths"]
    wanted = {"/api", "/api/v1", "/apis", RBAC, "/healthz", "/livez", "/readyz", "/version"}
    assert wanted <= set(listed)


@pytest.mark.parametrize("path", [CLUSTER_ROLES, f"{RBAC}/rolebindings", BINDINGS, PODS])
def test_a_list_may_be_asked_with_a_slash_at_its_end(stage: Stage, path: str) -> None:
    assert stage.send("GET", f"{path}/", limit=1).status in {200, 404}


def test_every_answer_says_when_and_what_it_was(stage: Stage) -> None:
    reply = stage.send("GET", ROLES)
    assert reply.headers["cache-control"] == "no-cache, private"
    assert reply.headers["content-type"] == "application/json"
    assert "GMT" in reply.headers["date"]
    assert len(reply.headers["audit-id"]) == 36
