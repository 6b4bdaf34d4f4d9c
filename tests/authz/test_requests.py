"""What real requests ask. The same are put to a real API server by the tests of agreement."""

import pytest

from grants.authz.model import Question
from grants.authz.requests import as_requested, question_of

TEAM = "/api/v1/namespaces/team"
APPS = "/apis/apps/v1"


def q(verb: str, kind: str, name: str = "", **more: str | None) -> Question:
    kind, _, sub = kind.partition("/")
    return Question(verb, str(more.pop("group", "")), kind, sub, name, more.get("namespace"))


@pytest.mark.parametrize(
    ("request_", "question"),
    [
        ("GET /api/v1/pods", q("list", "pods")),
        ("HEAD /api/v1/pods", q("list", "pods")),
        ("GET /api/v1/pods?watch=1", q("watch", "pods")),
        ("GET /api/v1/pods?watch", q("watch", "pods")),
        ("GET /api/v1/pods?watch=False", q("list", "pods")),
        ("GET /api/v1/pods?watch=0", q("list", "pods")),
        (f"GET {TEAM}/pods", q("list", "pods", namespace="team")),
        (f"GET {TEAM}/pods/", q("list", "pods", namespace="team")),
        (f"GET {TEAM}/pods/a", q("get", "pods", "a", namespace="team")),
        (f"GET {TEAM}/pods/a/log", q("get", "pods/log", "a", namespace="team")),
        (f"GET {TEAM}/pods/a/proxy/x/y", q("get", "pods/proxy", "a", namespace="team")),
        (f"POST {TEAM}/pods", q("create", "pods", namespace="team")),
        (f"POST {TEAM}/pods/a/exec", q("create", "pods/exec", "a", namespace="team")),
        (f"PUT {TEAM}/pods/a", q("update", "pods", "a", namespace="team")),
        (f"PATCH {TEAM}/pods/a", q("patch", "pods", "a", namespace="team")),
        (f"DELETE {TEAM}/pods/a", q("delete", "pods", "a", namespace="team")),
        (f"DELETE {TEAM}/pods", q("deletecollection", "pods", namespace="team")),
        (f"DELETE {TEAM}/pods?fieldSelector=metadata.name%3Da",
         q("deletecollection", "pods", namespace="team")),
        (f"TRACE {TEAM}/pods/a", q("", "pods", "a", namespace="team")),
        (f"GET {APPS}/namespaces/team/deployments/a/scale",
         q("get", "deployments/scale", "a", namespace="team", group="apps")),
        (f"GET {APPS}/deployments", q("list", "deployments", group="apps")),
        ("GET /api/v1/nodes/n/proxy/pods", q("get", "nodes/proxy", "n")),
        ("GET /api/v1/namespaces", q("list", "namespaces")),
        ("POST /api/v1/namespaces", q("create", "namespaces")),
        (f"GET {TEAM}", q("get", "namespaces", "team", namespace="team")),
        (f"DELETE {TEAM}", q("delete", "namespaces", "team", namespace="team")),
        (f"PUT {TEAM}/finalize", q("update", "namespaces/finalize", "team", namespace="team")),
        (f"GET {TEAM}/status", q("get", "namespaces/status", "team", namespace="team")),
        ("GET /api/v1/watch/pods", q("watch", "pods")),
        ("GET /api/v1/watch/namespaces/team/pods/a", q("watch", "pods", "a", namespace="team")),
        ("GET /api/v1/proxy/nodes/n/a", q("proxy", "nodes", "n")),
    ],
)  # fmt: skip
def test_a_request_on_resources(request_: str, question: Question) -> None:
    method, _, target = request_.partition(" ")
    path, _, query = target.partition("?")
    assert question_of(method, path, query) == question


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        ("metadata.name=a", "a"),
        ("metadata.name==a", "a"),
        ("spec.nodeName%3Dx,metadata.name%3Da", "a"),
        ("metadata.name!=a", ""),
        ("metadata.namespace=a", ""),
        ("xmetadata.name=a", ""),
        ("metadata.name=", ""),
        ("metadata.name=a/b", ""),
        ("metadata.name=..", ""),
        (r"metadata.name=a\,b", "a,b"),
        (r"metadata.name=a\=b", "a=b"),
        ("metadata.name=a=b", ""),
        ("", ""),
    ],
)
def test_the_one_name_of_a_field_selector_is_the_name(selector: str, name: str) -> None:
    asked = question_of("GET", f"{TEAM}/secrets", f"fieldSelector={selector}")
    assert asked == q("list", "secrets", name, namespace="team")
    asked = question_of("GET", f"{TEAM}/secrets", f"watch=true&fieldSelector={selector}")
    assert asked == q("watch", "secrets", name, namespace="team")


@pytest.mark.parametrize(
    "path",
    ["/", "", "/healthz", "/healthz/etcd", "/api", "/api/v1", "/apis", "/apis/apps",
     "/apis/apps/v1", "/metrics/a/b/c"],
)  # fmt: skip
def test_a_request_outside_of_resources(path: str) -> None:
    assert question_of("GET", path) == Question("get", path=path)
    assert question_of("POST", path) == Question("post", path=path)


def test_a_request_that_names_no_kind_is_no_question() -> None:
    assert question_of("GET", "/api/v1/watch") is None


@pytest.mark.parametrize(
    ("question", "put"),
    [
        (q("get", "pods", "a", namespace="team"), q("get", "pods", "a", namespace="team")),
        (q("get", "pods", "a", namespace=""), q("get", "pods", "a")),
        (q("get", "nodes", "a", namespace="team"), q("get", "nodes", "a")),
        (q("get", "nodes/proxy", "a", namespace="team"), q("get", "nodes/proxy", "a")),
        (q("get", "namespaces", "b", namespace="team"),
         q("get", "namespaces", "b", namespace="b")),
        (q("list", "namespaces", namespace="team"), q("list", "namespaces")),
        (Question("get", path="/x", namespace="team"), Question("get", path="/x")),
    ],
)  # fmt: skip
def test_a_question_is_put_as_a_request_would(question: Question, put: Question) -> None:
    assert as_requested(question) == put
