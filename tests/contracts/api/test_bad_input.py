"""What cannot be understood: told as it is, and nothing is done."""

import json
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.kinds import shown
from tests.contracts.api.manifests import (
    AUTHORIZATION,
    BINDINGS,
    NAMESPACES,
    ROLES,
    binding,
    cluster_role,
    namespace,
    review,
    role,
)
from tests.contracts.api.stage import Stage

YAML = (
    b"apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: one\n"
    b"rules:\n- apiGroups: ['']\n  resources: [pods]\n  verbs: [get]\n"
)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"nonsense", id="word"),
        pytest.param(b"{", id="half"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"null", id="null"),
        pytest.param(b'"text"', id="text"),
        pytest.param(b"{}", id="empty"),
        pytest.param(b'{"kind":"Role"}', id="no-version"),
        pytest.param(b'{"apiVersion":"rbac.authorization.k8s.io/v1"}', id="no-kind"),
        pytest.param(b'{"kind":"Role","apiVersion":"rbac.authorization.k8s.io/v9"}', id="version"),
        pytest.param(b'{"kind":"Roll","apiVersion":"rbac.authorization.k8s.io/v1"}', id="kind"),
        pytest.param(b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}', id="other-kind"),
        pytest.param(b'{"kind":1,"apiVersion":"v1"}', id="kind-number"),
        pytest.param(b"\xff\xfe\x00", id="bytes"),
    ],
)
def test_a_body_that_is_no_such_object_is_refused(
    stage: Stage, answers: SnapshotAssertion, body: bytes
) -> None:
    stage.ask("POST", ROLES, body)
    assert stage.do("GET", ROLES).items == []
    assert stage.told == answers


def test_a_kind_and_version_that_are_not_said_are_those_of_the_path(stage: Stage) -> None:
    made = role("one")
    del made["kind"], made["apiVersion"]
    answer = stage.send("POST", ROLES, made)
    assert answer.status == 201
    assert answer.body["kind"] == "Role"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"metadata": 5}, id="metadata"),
        pytest.param({"metadata": {"name": 5}}, id="name"),
        pytest.param({"metadata": {"name": "x", "labels": []}}, id="labels"),
        pytest.param({"metadata": {"name": "x", "labels": {"a": 1}}}, id="label-value"),
        pytest.param({"metadata": {"name": "x", "creationTimestamp": "soon"}}, id="time"),
        pytest.param({"metadata": {"name": "x", "finalizers": "a/b"}}, id="finalizers"),
        pytest.param({"rules": {}}, id="rules"),
        pytest.param({"rules": [5]}, id="rule"),
        pytest.param({"rules": [{"verbs": [{}]}]}, id="verb"),
    ],
)
def test_a_field_of_another_type_is_refused(
    stage: Stage, answers: SnapshotAssertion, fields: dict[str, Any]
) -> None:
    refused = stage.send("POST", ROLES, role("one") | fields)
    assert (refused.status, refused.reason) == (400, "BadRequest")
    assert stage.do("GET", ROLES).items == []
    stage.tell(refused.message)
    assert stage.told == answers


@pytest.mark.parametrize("how", ["", "Ignore", "Warn", "Strict", "Perhaps"])
def test_fields_that_nobody_knows_are_told_as_asked(
    stage: Stage, answers: SnapshotAssertion, how: str
) -> None:
    made = role("one", nonsense=1) | {"more": {"a": 1}}
    made["rules"][0] = made["rules"][0] | {"color": "red"}
    query = {"fieldValidation": how} if how else {}
    stage.ask("POST", ROLES, made, **query)
    assert stage.told == answers


@pytest.mark.parametrize("how", ["Ignore", "Warn", "Strict"])
def test_a_field_that_comes_twice_is_told_as_asked(
    stage: Stage, answers: SnapshotAssertion, how: str
) -> None:
    text = json.dumps(role("one")).replace('"name": "one"', '"name": "two", "name": "one"')
    stage.ask("POST", ROLES, text.encode(), fieldValidation=how)
    assert stage.told == answers


def test_unknown_fields_of_a_change_are_told_as_asked(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    made = stage.do("POST", ROLES, role("one")).body
    stage.ask("PUT", f"{ROLES}/one", made | {"nonsense": 1}, fieldValidation="Strict")
    kind = "application/merge-patch+json"
    change = {"nonsense": 1}
    refused = stage.send("PATCH", f"{ROLES}/one", change, kind=kind, fieldValidation="Strict")
    assert (refused.status, refused.reason) == (422, "Invalid")
    assert refused.message.endswith(': strict decoding error: unknown field "nonsense"')
    stage.ask("PATCH", f"{ROLES}/one", {"nonsense": 1}, kind=kind, show=shown)
    assert stage.told == answers


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/json; q", "x"])
def test_a_body_of_no_known_type_is_refused(
    stage: Stage, answers: SnapshotAssertion, kind: str
) -> None:
    refused = stage.ask("POST", ROLES, role("one"), kind=kind)
    assert refused.status == 415
    assert stage.told == answers


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "APPLICATION/JSON", ""])
def test_the_type_of_json_may_be_written_in_ways(stage: Stage, kind: str) -> None:
    assert stage.send("POST", ROLES, role("one"), kind=kind).status == 201


def test_yaml_is_taken_as_well(stage: Stage) -> None:
    assert stage.send("POST", ROLES, YAML, kind="application/yaml").status == 201
    assert stage.do("GET", f"{ROLES}/one").body["rules"][0]["verbs"] == ["get"]


def test_what_is_too_large_is_refused(stage: Stage, answers: SnapshotAssertion) -> None:
    huge = role("one", annotations={"a": "x" * (3 * 1024 * 1024 + 200_000)})
    refused = stage.ask("POST", ROLES, huge)
    assert (refused.status, refused.reason) == (413, "RequestEntityTooLarge")
    large = role("one", annotations={"a": "x" * 300_000})
    stage.ask("POST", ROLES, large)
    assert stage.told == answers


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"dryRun": "Perhaps"}, id="dry-run"),
        pytest.param({"dryRun": ""}, id="dry-run-empty"),
        pytest.param({"fieldManager": "x" * 129}, id="manager"),
        pytest.param({"pretty": "perhaps"}, id="pretty"),
        pytest.param({"nonsense": "1"}, id="unknown"),
    ],
)
def test_options_of_a_write_are_checked(
    stage: Stage, answers: SnapshotAssertion, query: dict[str, str]
) -> None:
    stage.ask("POST", ROLES, role("one"), **query)
    assert stage.told == answers


def test_the_namespace_of_a_cluster_wide_object_is_refused(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    stage.ask("POST", NAMESPACES, namespace("one-{word}", namespace="x"))
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    stage.ask("POST", path, cluster_role("one-{word}", namespace="x"))
    assert stage.told == answers


def test_a_review_that_is_none_is_refused(stage: Stage, answers: SnapshotAssertion) -> None:
    path = f"{AUTHORIZATION}/subjectaccessreviews"
    stage.ask("POST", path, b"nonsense")
    stage.ask("POST", path, role("one"))
    stage.ask("POST", path, review("SubjectAccessReview", user=5))
    stage.ask("POST", path, review("SelfSubjectAccessReview"))
    assert stage.told == answers


def test_wrong_objects_are_all_told_of_at_once(stage: Stage, answers: SnapshotAssertion) -> None:
    made = binding("a%b", "Pod/", {"kind": "Robot", "name": ""}, labels={"a b": "c d"})
    refused = stage.ask("POST", BINDINGS, made)
    assert refused.status == 422
    assert len(refused.body["details"]["causes"]) > 3
    assert stage.told == answers


def protobuf(api_version: str, kind: str, message: bytes) -> bytes:
    """Wrap a message as `kubectl` does: a mark, and what it is."""
    typed = field(1, api_version.encode()) + field(2, kind.encode())
    return b"k8s\x00" + field(1, typed) + field(2, message) + field(3, b"") + field(4, b"")


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def test_a_body_may_be_protobuf(stage: Stage) -> None:
    """Of what `kubectl` makes so."""
    named = field(1, field(1, b"one") + field(11, field(1, b"a") + field(2, b"b")))
    made = stage.send(
        "POST",
        "/api/v1/namespaces/{ns}/serviceaccounts",
        protobuf("v1", "ServiceAccount", named),
        kind="application/vnd.kubernetes.protobuf",
    )
    assert made.status == 201
    assert made.body["metadata"]["name"] == "one"
    assert made.body["metadata"]["labels"] == {"a": "b"}


def test_a_body_that_is_no_protobuf_is_refused(stage: Stage, answers: SnapshotAssertion) -> None:
    for body in (b"nonsense", b"k8s\x00\xff\xff", b"k8s\x00\x0a\x70", b""):
        stage.ask("POST", ROLES, body, kind="application/vnd.kubernetes.protobuf")
    assert stage.told == answers
