"""Objects of every kind: made, named, read, and refused."""

import re

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.kinds import KINDS, NAME, Kind, ready_for_pods, shown
from tests.contracts.api.manifests import ACCOUNTS, BINDINGS, PODS, ROLES, binding, role, user
from tests.contracts.api.stage import Stage, until


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest, stage: Stage) -> Kind:
    if request.param == "pods":
        ready_for_pods(stage)
    found: Kind = KINDS[request.param]
    return found


def test_an_object_is_made_and_is_there(
    stage: Stage, kind: Kind, answers: SnapshotAssertion
) -> None:
    made = stage.ask("POST", kind.path, kind.make(NAME), show=shown)
    read = stage.ask("GET", kind.at(NAME), show=shown)
    assert (made.status, read.status) == (201, 200)
    assert made.body == read.body
    assert stage.told == answers


def test_what_the_server_says_of_an_object_is_not_the_callers_to_say(
    stage: Stage, kind: Kind, answers: SnapshotAssertion
) -> None:
    told = {
        "uid": "11111111-2222-3333-4444-555555555555",
        "creationTimestamp": "2001-01-01T00:00:00Z",
        "deletionTimestamp": "2001-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": 5,
        "selfLink": "/here",
        "generation": 7,
    }
    made = stage.ask("POST", kind.path, kind.make(NAME, **told), show=shown)
    assert made.uid != told["uid"]
    assert made.body["metadata"]["creationTimestamp"] > "2001-01-01T00:00:00Z"
    assert stage.told == answers


def test_an_object_to_be_made_has_no_version(
    stage: Stage, kind: Kind, answers: SnapshotAssertion
) -> None:
    stage.ask("POST", kind.path, kind.make(NAME, resourceVersion="5"))
    assert stage.told == answers


def test_labels_and_annotations_are_kept(stage: Stage, kind: Kind) -> None:
    fields = {"labels": {"a.example/b": "c", "empty": ""}, "annotations": {"Any.thing/x": "a\nb ☂"}}
    meta = stage.do("POST", kind.path, kind.make(NAME, **fields)).body["metadata"]
    assert fields["labels"].items() <= meta["labels"].items()
    assert meta["annotations"] == fields["annotations"]


def test_a_name_is_taken_once(stage: Stage, kind: Kind, answers: SnapshotAssertion) -> None:
    stage.do("POST", kind.path, kind.make(NAME))
    again = stage.ask("POST", kind.path, kind.make(NAME))
    assert (again.status, again.reason) == (409, "AlreadyExists")
    assert again.message.endswith(stage.fill(f' "{NAME}" already exists'))
    assert stage.told == answers


def test_a_name_may_be_made_up(stage: Stage, kind: Kind) -> None:
    made = kind.make("x")
    made["metadata"] = {"generateName": "made-{word}-"}
    first, second = (stage.do("POST", kind.path, made).body["metadata"] for _ in range(2))
    form = re.compile(stage.fill("made-{word}-[bcdfghjklmnpqrstvwxz2456789]{5}"))
    assert form.fullmatch(first["name"])
    assert form.fullmatch(second["name"])
    assert first["name"] != second["name"]
    assert first["generateName"] == stage.fill("made-{word}-")


def test_a_name_that_is_given_is_not_made_up(stage: Stage, kind: Kind) -> None:
    made = stage.do("POST", kind.path, kind.make(NAME, generateName="made-"))
    assert made.body["metadata"]["name"] == stage.fill(NAME)


def test_an_object_needs_a_name(stage: Stage, kind: Kind, answers: SnapshotAssertion) -> None:
    made = kind.make("x")
    made["metadata"] = {}
    assert stage.ask("POST", kind.path, made).status == 422
    assert stage.told == answers


def test_a_dry_run_makes_nothing(stage: Stage, kind: Kind, answers: SnapshotAssertion) -> None:
    tried = stage.ask("POST", kind.path, kind.make(NAME), show=shown, dryRun="All")
    assert tried.status == 201
    assert tried.uid
    assert stage.send("GET", kind.at(NAME)).status == 404
    stage.do("POST", kind.path, kind.make(NAME))
    assert stage.ask("POST", kind.path, kind.make(NAME), dryRun="All").status == 409
    assert stage.told == answers


def test_what_is_not_there_is_named(stage: Stage, kind: Kind, answers: SnapshotAssertion) -> None:
    missing = stage.ask("GET", kind.at("missing"))
    assert (missing.status, missing.reason) == (404, "NotFound")
    assert missing.body["details"]["name"] == "missing"
    stage.ask("DELETE", kind.at("missing"))
    stage.ask("PATCH", kind.at("missing"), {}, kind="application/merge-patch+json")
    assert stage.told == answers


def test_names_have_a_form(stage: Stage, kind: Kind, answers: SnapshotAssertion) -> None:
    for name in ("UPPER-{word}", "dot.{word}", "colon:{word}", "-{word}", "a b", "x/y"):
        stage.ask("POST", kind.path, kind.make(name), show=lambda body: body["metadata"]["name"])
    assert stage.told == answers


def test_labels_have_a_form(stage: Stage, kind: Kind, answers: SnapshotAssertion) -> None:
    stage.ask("POST", kind.path, kind.make(NAME, labels={"a b": "x"}))
    stage.ask("POST", kind.path, kind.make(NAME, labels={"a": "x y"}))
    stage.ask("POST", kind.path, kind.make(NAME, annotations={"a b": "x"}))
    stage.ask("POST", kind.path, kind.make(NAME, finalizers=["plain"]))
    assert stage.told == answers


@pytest.mark.parametrize("path", [ROLES, BINDINGS, ACCOUNTS, PODS])
def test_an_object_is_of_the_namespace_of_its_path(
    stage: Stage, answers: SnapshotAssertion, path: str
) -> None:
    kind = next(one for one in KINDS.values() if one.path == path)
    refused = stage.ask("POST", path, kind.make("one", namespace="another"))
    assert (refused.status, refused.reason) == (400, "BadRequest")
    assert stage.told == answers


@pytest.mark.parametrize("path", [ROLES, BINDINGS, ACCOUNTS, PODS])
def test_nothing_is_made_in_a_namespace_that_is_not_there(
    stage: Stage, answers: SnapshotAssertion, path: str
) -> None:
    kind = next(one for one in KINDS.values() if one.path == path)
    elsewhere = path.replace("{ns}", "no-such-namespace")
    assert stage.ask("POST", elsewhere, kind.make("one")).status == 404
    assert stage.ask("GET", elsewhere).status == 200
    assert stage.ask("GET", f"{elsewhere}/one").status == 404
    assert stage.told == answers


def test_names_of_roles_may_hold_nearly_all(stage: Stage) -> None:
    for name, path in (
        ("system:x", "system:x"),
        ("a b", "a%20b"),
        ('"quoted"', "%22quoted%22"),
        ("ünï", "%C3%BCn%C3%AF"),
        ("a=b,c", "a=b,c"),
    ):
        stage.do("POST", ROLES, role(name))
        assert stage.do("GET", f"{ROLES}/{path}").body["metadata"]["name"] == name


def test_every_namespace_gets_an_account(stage: Stage, answers: SnapshotAssertion) -> None:
    until(lambda: stage.send("GET", f"{ACCOUNTS}/default").status == 200, "it is there")
    stage.ask("GET", f"{ACCOUNTS}/default")
    assert stage.told == answers


def test_namespaces_of_the_system_are_there(stage: Stage) -> None:
    names = set(stage.do("GET", "/api/v1/namespaces").names)
    assert {"default", "kube-system", "kube-public", "kube-node-lease"} <= names


def test_a_binding_without_subjects_is_one(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.ask("POST", BINDINGS, binding("empty", "ClusterRole/view"))
    missing = binding("missing", "ClusterRole/view")
    del missing["subjects"]
    stage.ask("POST", BINDINGS, missing)
    stage.ask("POST", BINDINGS, {**missing, "metadata": {"name": "null"}, "subjects": None})
    assert stage.told == answers


def test_fields_get_their_defaults(stage: Stage, answers: SnapshotAssertion) -> None:
    bare = {"kind": "User", "name": user("ada")["name"]}
    made = binding("bare", "ClusterRole/view", bare, {"kind": "Group", "name": "g"})
    del made["roleRef"]["apiGroup"]
    stage.ask("POST", BINDINGS, made)
    stage.ask("POST", ROLES, {**role("none"), "rules": None})
    without = role("without")
    del without["rules"]
    stage.ask("POST", ROLES, without)
    assert stage.told == answers
