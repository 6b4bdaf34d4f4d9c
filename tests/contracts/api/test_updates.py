"""Changes: by PUT, by patches of each kind, and what becomes of those that come too late."""

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.kinds import KINDS, NAME, Kind, ready_for_pods, shown
from tests.contracts.api.manifests import (
    ACCOUNTS,
    BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    ROLES,
    Json,
    binding,
    cluster_role,
    group,
    role,
    rule,
    service_account,
    user,
)
from tests.contracts.api.served import Reply
from tests.contracts.api.stage import APPLY, JSON_PATCH, MERGE, STRATEGIC, Stage

ANOTHER_UID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest, stage: Stage) -> Kind:
    if request.param == "pods":
        ready_for_pods(stage)
    found: Kind = KINDS[request.param]
    return found


@pytest.fixture
def one(stage: Stage) -> Reply:
    """A binding that is there."""
    made = binding("one", "ClusterRole/view", user("ada"), labels={"a": "b"})
    return stage.do("POST", BINDINGS, made)


def with_meta(body: Json, **fields: Any) -> Json:
    return body | {"metadata": body["metadata"] | fields}


def without(body: Json, *fields: str) -> Json:
    meta = {key: item for key, item in body["metadata"].items() if key not in fields}
    return body | {"metadata": meta}


def test_an_object_is_changed_by_what_was_read(
    stage: Stage, kind: Kind, answers: SnapshotAssertion
) -> None:
    made = stage.do("POST", kind.path, kind.make(NAME))
    changed = with_meta(made.body, annotations={"a": "b"})
    put = stage.ask("PUT", kind.at(NAME), changed, show=shown)
    assert (put.status, put.uid) == (200, made.uid)
    assert int(put.version) > int(made.version)
    assert stage.told == answers


def test_a_change_of_what_was_changed_meanwhile_is_refused(
    stage: Stage, kind: Kind, answers: SnapshotAssertion
) -> None:
    made = stage.do("POST", kind.path, kind.make(NAME))
    stage.do("PATCH", kind.at(NAME), {"metadata": {"labels": {"x": "y"}}}, kind=MERGE)
    late = stage.ask("PUT", kind.at(NAME), with_meta(made.body, annotations={"a": "b"}))
    assert (late.status, late.reason) == (409, "Conflict")
    assert late.message.endswith(
        ": the object has been modified; please apply your changes to the latest version and"
        " try again"
    )
    assert stage.told == answers


def test_a_change_of_another_object_of_that_name_is_refused(
    stage: Stage, kind: Kind, answers: SnapshotAssertion
) -> None:
    made = stage.do("POST", kind.path, kind.make(NAME))
    stage.masks.know(ANOTHER_UID, "<another uid>")
    wrong = stage.ask("PUT", kind.at(NAME), with_meta(made.body, uid=ANOTHER_UID))
    assert (wrong.status, wrong.reason) == (409, "Conflict")
    both = with_meta(made.body, uid=ANOTHER_UID, resourceVersion="1")
    assert stage.ask("PUT", kind.at(NAME), both).status == 409
    assert stage.told == answers


def test_a_put_without_a_version_is_for_whatever_is_there(
    stage: Stage, kind: Kind, answers: SnapshotAssertion
) -> None:
    made = stage.do("POST", kind.path, kind.make(NAME))
    bare = without(made.body, "resourceVersion", "uid", "creationTimestamp")
    stage.ask("PUT", kind.at(NAME), with_meta(bare, annotations={"a": "b"}), show=shown)
    assert stage.told == answers


def test_a_put_of_what_is_not_there_makes_only_what_rbac_knows(
    stage: Stage, kind: Kind, answers: SnapshotAssertion
) -> None:
    put = stage.ask("PUT", kind.at(NAME), kind.make(NAME), show=shown)
    assert (put.status == 201) == ("rbac" in kind.path)
    assert stage.told == answers


@pytest.mark.parametrize("name", [name for name in KINDS if name not in {"namespaces", "pods"}])
def test_a_put_with_a_uid_never_makes_anything(
    stage: Stage, answers: SnapshotAssertion, name: str
) -> None:
    """A stale worker's PUT must not bring back what was deleted."""
    kind = KINDS[name]
    made = stage.do("POST", kind.path, kind.make(NAME))
    stage.do("DELETE", kind.at(NAME))
    late = stage.ask("PUT", kind.at(NAME), made.body)
    assert (late.status, late.reason) == (
        (409, "Conflict") if "rbac" in kind.path else (404, "NotFound")
    )
    assert stage.send("GET", kind.at(NAME)).status == 404
    assert stage.told == answers


def test_a_put_with_a_version_alone_makes_a_binding_again(stage: Stage, one: Reply) -> None:
    """The reason why ours carry the uid."""
    stage.do("DELETE", f"{BINDINGS}/one")
    late = stage.send("PUT", f"{BINDINGS}/one", without(one.body, "uid"))
    assert late.status == 201
    assert late.uid != one.uid


def test_a_change_that_changes_nothing_keeps_the_version(stage: Stage, kind: Kind) -> None:
    made = stage.do("POST", kind.path, kind.make(NAME))
    assert stage.do("PUT", kind.at(NAME), made.body).version == made.version
    assert stage.do("PATCH", kind.at(NAME), {}, kind=MERGE).version == made.version


def test_the_name_of_a_put_is_that_of_its_path(
    stage: Stage, one: Reply, answers: SnapshotAssertion
) -> None:
    stage.ask("PUT", f"{BINDINGS}/other", one.body)
    stage.ask("PUT", f"{BINDINGS}/one", without(one.body, "name"))
    stage.ask("PUT", f"{BINDINGS}/one", with_meta(one.body, namespace="another"))
    elsewhere = without(one.body, "namespace")
    assert stage.send("PUT", f"{BINDINGS}/one", elsewhere).status == 200
    assert stage.told == answers


def test_a_dry_run_changes_nothing(stage: Stage, one: Reply) -> None:
    changed = with_meta(one.body, labels={"c": "d"})
    tried = stage.do("PUT", f"{BINDINGS}/one", changed, dryRun="All")
    assert tried.body["metadata"]["labels"] == {"c": "d"}
    change = {"metadata": {"labels": {"c": "d"}}}
    tried = stage.do("PATCH", f"{BINDINGS}/one", change, kind=MERGE, dryRun="All")
    assert tried.body["metadata"]["labels"] == {"a": "b", "c": "d"}
    now = stage.do("GET", f"{BINDINGS}/one")
    assert (now.body, now.version) == (one.body, one.version)


def test_a_binding_goes_on_to_bind_what_it_binds(
    stage: Stage, one: Reply, answers: SnapshotAssertion
) -> None:
    other = one.body | {"roleRef": one.body["roleRef"] | {"name": "edit"}}
    refused = stage.ask("PUT", f"{BINDINGS}/one", other)
    assert (refused.status, refused.reason) == (422, "Invalid")
    assert refused.message.endswith(": field is immutable")
    stage.ask("PATCH", f"{BINDINGS}/one", {"roleRef": {"name": "edit"}}, kind=MERGE)
    assert stage.told == answers


def test_what_the_server_says_cannot_be_changed(
    stage: Stage, one: Reply, answers: SnapshotAssertion
) -> None:
    stage.masks.know(ANOTHER_UID, "<another uid>")
    for fields in (
        {"creationTimestamp": "2001-01-01T00:00:00Z"},
        {"deletionTimestamp": "2001-01-01T00:00:00Z"},
        {"selfLink": "/here", "generation": 7},
    ):
        stage.ask("PUT", f"{BINDINGS}/one", with_meta(one.body, **fields), show=shown)
    for fields in ({"uid": ANOTHER_UID}, {"name": "two"}, {"namespace": "another"}):
        stage.ask("PATCH", f"{BINDINGS}/one", {"metadata": fields}, kind=MERGE)
    assert stage.told == answers


def test_a_merge_patch_adds_replaces_and_takes_away(
    stage: Stage, one: Reply, answers: SnapshotAssertion
) -> None:
    change: Json = {
        "metadata": {"labels": {"a": None, "c": "d"}, "annotations": {"x": "y"}},
        "subjects": [group("everybody")],
    }
    stage.ask("PATCH", f"{BINDINGS}/one", change, kind=MERGE, show=shown)
    stage.ask("PATCH", f"{BINDINGS}/one", {"subjects": None}, kind=MERGE, show=shown)
    change = {"metadata": {"labels": None, "annotations": None}}
    stage.ask("PATCH", f"{BINDINGS}/one", change, kind=MERGE, show=shown)
    assert stage.told == answers


def test_a_patch_with_a_version_or_a_uid_is_for_it_alone(
    stage: Stage, one: Reply, answers: SnapshotAssertion
) -> None:
    stage.do("PATCH", f"{BINDINGS}/one", {"metadata": {"labels": {"n": "m"}}}, kind=MERGE)
    labels = {"labels": {"x": "y"}}
    old = {"metadata": labels | {"resourceVersion": one.version}}
    assert stage.ask("PATCH", f"{BINDINGS}/one", old, kind=MERGE).status == 409
    stage.masks.know(ANOTHER_UID, "<another uid>")
    wrong = {"metadata": labels | {"uid": ANOTHER_UID}}
    assert stage.ask("PATCH", f"{BINDINGS}/one", wrong, kind=MERGE).status == 422
    right = {"metadata": labels | {"uid": one.uid}}
    assert stage.ask("PATCH", f"{BINDINGS}/one", right, kind=MERGE, show=shown).status == 200
    assert stage.told == answers


def test_a_json_patch_does_its_steps(stage: Stage, one: Reply, answers: SnapshotAssertion) -> None:
    steps = [
        {"op": "test", "path": "/metadata/labels/a", "value": "b"},
        {"op": "add", "path": "/metadata/annotations", "value": {"example.com/x": "1"}},
        {"op": "replace", "path": "/metadata/annotations/example.com~1x", "value": "2"},
        {"op": "add", "path": "/subjects/-", "value": group("everybody")},
        {"op": "remove", "path": "/subjects/0"},
        {"op": "copy", "from": "/metadata/labels/a", "path": "/metadata/labels/c"},
        {"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/d"},
    ]
    stage.ask("PATCH", f"{BINDINGS}/one", steps, kind=JSON_PATCH, show=shown)
    assert stage.told == answers


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([{"op": "test", "path": "/metadata/name", "value": "x"}], id="test"),
        pytest.param([{"op": "remove", "path": "/metadata/nothing"}], id="remove-missing"),
        pytest.param([{"op": "replace", "path": "/nothing", "value": 1}], id="replace-missing"),
        pytest.param([{"op": "add", "path": "/no/such/parent", "value": 1}], id="add-orphan"),
        pytest.param([{"op": "juggle", "path": "/metadata"}], id="unknown-step"),
        pytest.param({"metadata": {}}, id="no-list"),
        pytest.param([], id="no-steps"),
    ],
)
def test_a_json_patch_that_cannot_be_done_is_refused(
    stage: Stage, one: Reply, answers: SnapshotAssertion, steps: Any
) -> None:
    stage.ask("PATCH", f"{BINDINGS}/one", steps, kind=JSON_PATCH, show=shown)
    assert stage.told == answers


def test_a_strategic_patch_replaces_lists_that_have_no_key(
    stage: Stage, one: Reply, answers: SnapshotAssertion
) -> None:
    change: Json = {"metadata": {"labels": {"a": None, "c": "d"}}, "subjects": [group("g")]}
    stage.ask("PATCH", f"{BINDINGS}/one", change, kind=STRATEGIC, show=shown)
    finalizers = {"metadata": {"finalizers": ["example.com/a"]}}
    stage.ask("PATCH", f"{BINDINGS}/one", finalizers, kind=STRATEGIC, show=shown)
    finalizers = {"metadata": {"finalizers": ["example.com/b"]}}
    stage.ask("PATCH", f"{BINDINGS}/one", finalizers, kind=STRATEGIC, show=shown)
    change = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}}
    stage.ask("PATCH", f"{BINDINGS}/one", change, kind=STRATEGIC, show=shown)
    stage.ask(
        "PATCH", f"{BINDINGS}/one", {"metadata": {"finalizers": None}}, kind=STRATEGIC, show=shown
    )
    assert stage.told == answers


def test_a_strategic_patch_of_an_account_merges_by_name(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    secrets = {"imagePullSecrets": [{"name": "a"}, {"name": "b"}]}
    stage.do("POST", ACCOUNTS, service_account("one") | secrets)
    change = {"imagePullSecrets": [{"name": "c"}, {"name": "a", "$patch": "delete"}]}
    stage.ask("PATCH", f"{ACCOUNTS}/one", change, kind=STRATEGIC, show=shown)
    assert stage.told == answers


@pytest.mark.parametrize("kind_of_patch", [MERGE, JSON_PATCH, STRATEGIC])
def test_a_patch_that_is_no_json_is_refused(
    stage: Stage, one: Reply, answers: SnapshotAssertion, kind_of_patch: str
) -> None:
    for body in (b"", b"nonsense", b'"text"', b"[1]", b"null"):
        reply = stage.send("PATCH", f"{BINDINGS}/one", body, kind=kind_of_patch)
        stage.tell({"sent": body.decode(), "status": reply.status})
    assert stage.told == answers


def test_a_patch_of_no_known_kind_is_refused(
    stage: Stage, one: Reply, answers: SnapshotAssertion
) -> None:
    for kind_of_patch in ("application/json", "text/plain"):
        refused = stage.ask("PATCH", f"{BINDINGS}/one", {}, kind=kind_of_patch)
        assert (refused.status, refused.reason) == (415, "UnsupportedMediaType")
    assert stage.told == answers


def test_an_object_may_be_applied(stage: Stage, answers: SnapshotAssertion) -> None:
    wanted = role("one", labels={"a": "b"})
    first = stage.ask("PATCH", f"{ROLES}/one", wanted, kind=APPLY, show=shown, fieldManager="us")
    again = stage.ask("PATCH", f"{ROLES}/one", wanted, kind=APPLY, show=shown, fieldManager="us")
    assert (first.status, again.status) == (201, 200)
    assert first.version == again.version
    wanted = role("one", rule("get", "secrets"), labels={"a": "c"})
    stage.ask("PATCH", f"{ROLES}/one", wanted, kind=APPLY, show=shown, fieldManager="us")
    assert stage.told == answers


def test_what_is_applied_may_be_yaml(stage: Stage) -> None:
    text = (
        b"apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: one\n"
        b"rules:\n- apiGroups: ['']\n  resources: [pods]\n  verbs: [get]\n"
    )
    made = stage.do("PATCH", f"{ROLES}/one", text, kind=APPLY, fieldManager="us")
    assert made.body["rules"] == [rule("get", "pods")]


def test_what_is_applied_needs_a_manager_and_a_kind(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    stage.ask("PATCH", f"{ROLES}/one", role("one"), kind=APPLY)
    stage.ask("PATCH", f"{ROLES}/one", {"metadata": {}}, kind=APPLY, fieldManager="us")
    stage.ask("PATCH", f"{ROLES}/one", role("two"), kind=APPLY, fieldManager="us")
    stage.ask("PATCH", f"{ROLES}/one", cluster_role("one"), kind=APPLY, fieldManager="us")
    assert stage.told == answers


def test_states_are_changed_by_their_own_path(stage: Stage) -> None:
    read = stage.do("GET", f"{NAMESPACES}/{{ns}}/status")
    assert read.body["status"]["phase"] == "Active"
    whole = read.body | {"status": {"phase": "Terminating"}}
    assert stage.do("PUT", f"{NAMESPACES}/{{ns}}", whole).body["status"]["phase"] == "Active"


def test_a_cluster_role_is_changed_without_a_namespace(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    made = stage.do("POST", CLUSTER_ROLES, cluster_role("one-{word}"))
    wider = made.body | {"rules": [rule("*", "*", "*")]}
    stage.ask("PUT", f"{CLUSTER_ROLES}/one-{{word}}", wider, show=shown)
    assert stage.told == answers
