"""What somebody reads who may not: exactly, since people and scripts rest on the words."""

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.manifests import (
    ACCOUNTS,
    AUTHORIZATION,
    BINDINGS,
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    PODS,
    RBAC,
    READ_PODS,
    ROLES,
    binding,
    namespace,
    pod,
    review,
    role,
    rule,
    user,
    username,
)
from tests.contracts.api.stage import APPLY, MERGE, Stage, until


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", PODS, 'list resource "pods" in API group "" in the namespace "{ns}"'),
        ("GET", f"{PODS}/one", 'get resource "pods" in API group "" in the namespace "{ns}"'),
        (
            "GET",
            f"{PODS}/one/log",
            'get resource "pods/log" in API group "" in the namespace "{ns}"',
        ),
        ("GET", "/api/v1/pods", 'list resource "pods" in API group "" at the cluster scope'),
        ("GET", NAMESPACES, 'list resource "namespaces" in API group "" at the cluster scope'),
        (
            "GET",
            f"{NAMESPACES}/{{ns}}",
            'get resource "namespaces" in API group "" in the namespace "{ns}"',
        ),
        (
            "GET",
            ROLES,
            (
                'list resource "roles" in API group "rbac.authorization.k8s.io"'
                ' in the namespace "{ns}"'
            ),
        ),
        (
            "GET",
            f"{CLUSTER_ROLES}/view",
            (
                'get resource "clusterroles" in API group "rbac.authorization.k8s.io"'
                " at the cluster scope"
            ),
        ),
        (
            "DELETE",
            f"{BINDINGS}/one",
            (
                'delete resource "rolebindings" in API group "rbac.authorization.k8s.io"'
                ' in the namespace "{ns}"'
            ),
        ),
        (
            "DELETE",
            BINDINGS,
            (
                'deletecollection resource "rolebindings" in API group "rbac.authorization.k8s.io"'
                ' in the namespace "{ns}"'
            ),
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/{ns}/deployments",
            'list resource "deployments" in API group "apps" in the namespace "{ns}"',
        ),
        (
            "GET",
            "/apis/nowhere.example/v1/namespaces/{ns}/things/one",
            'get resource "things" in API group "nowhere.example" in the namespace "{ns}"',
        ),
    ],
)
def test_what_may_not_be_done_is_said(
    stage: Stage, answers: SnapshotAssertion, method: str, path: str, said: str
) -> None:
    reply = stage.ask(method, path, by="ada")
    assert (reply.status, reply.reason) == (403, "Forbidden")
    assert reply.message.endswith(
        stage.fill(f' is forbidden: User "{username("ada")}" cannot {said}')
    )
    assert stage.told == answers


@pytest.mark.parametrize("path", ["/metrics", "/nowhere", "/logs/", "/debug/pprof"])
def test_a_path_may_not_be_read(stage: Stage, answers: SnapshotAssertion, path: str) -> None:
    reply = stage.ask("GET", path, by="ada")
    user_name = stage.fill(username("ada"))
    assert reply.message == f'forbidden: User "{user_name}" cannot get path "{path}"'
    assert stage.told == answers


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_a_path_is_told_by_the_verb_of_its_method(
    stage: Stage, answers: SnapshotAssertion, method: str
) -> None:
    assert stage.ask(method, "/nowhere", by="ada").status == 403
    assert stage.told == answers


def test_writes_are_refused_by_their_verbs(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.ask("POST", ROLES, role("one"), by="ada")
    stage.ask("PUT", f"{ROLES}/one", role("one"), by="ada")
    stage.ask("PATCH", f"{ROLES}/one", {}, by="ada", kind=MERGE)
    stage.ask("PATCH", f"{ROLES}/one", role("one"), by="ada", kind=APPLY, fieldManager="x")
    stage.ask("POST", NAMESPACES, namespace("other-{word}"), by="ada")
    stage.ask("DELETE", f"{NAMESPACES}/{{ns}}", by="ada")
    stage.ask("POST", f"{ACCOUNTS}/one/token", {}, by="ada")
    stage.ask("POST", f"{PODS}/one/exec", by="ada", command="id")
    assert stage.told == answers


def test_a_watch_is_refused_as_a_watch(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.ask("GET", BINDINGS, by="ada", watch=1)
    stage.ask("GET", f"{RBAC}/rolebindings", by="ada", watch="true")
    stage.ask("GET", f"{PODS}", by="ada", watch=1, fieldSelector="metadata.name=one")
    stage.ask("GET", f"{PODS}", by="ada", fieldSelector="metadata.name=one")
    stage.ask("GET", f"{RBAC}/watch/rolebindings", by="ada")
    assert stage.told == answers


def test_reviews_of_others_are_refused(stage: Stage, answers: SnapshotAssertion) -> None:
    asked = review("SubjectAccessReview", user="grace")
    stage.ask("POST", f"{AUTHORIZATION}/subjectaccessreviews", asked, by="ada")
    path = f"{AUTHORIZATION}/namespaces/{{ns}}/localsubjectaccessreviews"
    stage.ask("POST", path, review("LocalSubjectAccessReview", user="grace"), by="ada")
    assert stage.told == answers


def test_an_account_is_named_in_full(stage: Stage, answers: SnapshotAssertion) -> None:
    robot = stage.add_account("robot")
    stage.ask("GET", PODS, by=robot)
    stage.ask("GET", CLUSTER_BINDINGS, by=robot)
    assert stage.told == answers


def test_a_role_that_is_not_there_is_named(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.do("POST", BINDINGS, binding("dangling", "Role/later", user("ada")))
    until(lambda: "later" in stage.send("GET", PODS, by="ada").message, "it is seen")
    reply = stage.ask("GET", PODS, by="ada")
    assert reply.message.endswith(': rbac: RBAC: role.rbac.authorization.k8s.io "later" not found')
    assert stage.told == answers


def test_two_roles_that_are_not_there_are_both_named(stage: Stage) -> None:
    stage.do("POST", BINDINGS, binding("first", "Role/later", user("ada")))
    stage.do("POST", BINDINGS, binding("second", "ClusterRole/later-{word}", user("ada")))

    def message() -> str:
        return stage.send("GET", PODS, by="ada").message

    until(lambda: "[" in message(), "both are seen")
    one = 'role.rbac.authorization.k8s.io "later" not found'
    two = stage.fill('clusterrole.rbac.authorization.k8s.io "later-{word}" not found')
    assert message().partition(": rbac: RBAC: ")[2] in {f"[{one}, {two}]", f"[{two}, {one}]"}


def test_a_right_to_one_verb_is_none_to_another(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.grant("ada", rule("get", "pods"))
    assert stage.ask("GET", f"{PODS}/one", by="ada").status == 404
    assert stage.ask("GET", PODS, by="ada").status == 403
    assert stage.ask("POST", PODS, pod("one"), by="ada").status == 403
    assert stage.told == answers


def test_a_right_in_one_namespace_is_none_in_another(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    stage.grant("ada", READ_PODS)
    stage.do("POST", NAMESPACES, namespace("other-{word}"))
    assert stage.ask("GET", PODS, by="ada").status == 200
    assert stage.ask("GET", "/api/v1/namespaces/other-{word}/pods", by="ada").status == 403
    assert stage.ask("GET", "/api/v1/namespaces/nowhere/pods", by="ada").status == 403
    assert stage.ask("GET", "/api/v1/pods", by="ada").status == 403
    assert stage.told == answers


def test_a_refusal_is_plain_whatever_was_asked_for(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    stage.ask("GET", PODS, by="ada", headers=table)
    stage.ask("GET", PODS, by="ada", headers={"Accept": "text/html"})
    assert stage.told == answers
