"""Deleting: at once, held, on conditions, many at once, and namespaces with all that is in them."""

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.kinds import KINDS, NAME, Kind, ready_for_pods, shown
from tests.contracts.api.manifests import (
    ACCOUNTS,
    BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    PODS,
    RBAC,
    ROLES,
    Json,
    binding,
    cluster_role,
    namespace,
    pod,
    role,
    service_account,
    user,
)
from tests.contracts.api.served import Ended, Reply
from tests.contracts.api.stage import MERGE, Stage, until

HOLD = "example.com/hold"
ANOTHER_UID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture(params=[name for name in KINDS if name != "namespaces"])
def kind(request: pytest.FixtureRequest, stage: Stage) -> Kind:
    if request.param == "pods":
        ready_for_pods(stage)
    found: Kind = KINDS[request.param]
    return found


@pytest.fixture
def one(stage: Stage) -> Reply:
    """A binding that is there."""
    return stage.do("POST", BINDINGS, binding("one", "ClusterRole/view", user("ada")))


@pytest.fixture
def held(stage: Stage) -> Reply:
    """A binding that something holds."""
    made = binding("held", "ClusterRole/view", user("ada"), finalizers=[HOLD])
    return stage.do("POST", BINDINGS, made)


def options(**fields: Any) -> Json:
    return {"apiVersion": "v1", "kind": "DeleteOptions", **fields}


def let_go(stage: Stage, path: str) -> None:
    stage.do("PATCH", path, {"metadata": {"finalizers": None}}, kind=MERGE)


def test_what_is_deleted_is_gone(stage: Stage, kind: Kind, answers: SnapshotAssertion) -> None:
    stage.do("POST", kind.path, kind.make(NAME))
    assert stage.ask("DELETE", kind.at(NAME), show=shown_or_status).status == 200
    assert stage.send("GET", kind.at(NAME)).status == 404
    assert stage.ask("DELETE", kind.at(NAME)).status == 404
    assert stage.told == answers


def test_a_delete_may_be_of_one_uid_alone(
    stage: Stage, kind: Kind, answers: SnapshotAssertion
) -> None:
    made = stage.do("POST", kind.path, kind.make(NAME))
    stage.masks.know(ANOTHER_UID, "<another uid>")
    wrong = stage.ask("DELETE", kind.at(NAME), options(preconditions={"uid": ANOTHER_UID}))
    assert (wrong.status, wrong.reason) == (409, "Conflict")
    right = options(preconditions={"uid": made.uid})
    assert stage.ask("DELETE", kind.at(NAME), right, show=shown_or_status).status == 200
    assert stage.told == answers


def test_a_delete_may_be_of_one_version_alone(
    stage: Stage, one: Reply, answers: SnapshotAssertion
) -> None:
    stage.do("PATCH", f"{BINDINGS}/one", {"metadata": {"labels": {"x": "y"}}}, kind=MERGE)
    late = options(preconditions={"resourceVersion": one.version})
    assert stage.ask("DELETE", f"{BINDINGS}/one", late).status == 409
    now = stage.do("GET", f"{BINDINGS}/one").version
    in_time = options(preconditions={"resourceVersion": now, "uid": one.uid})
    assert stage.ask("DELETE", f"{BINDINGS}/one", in_time).status == 200
    assert stage.told == answers


def test_a_condition_on_what_is_gone_is_not_found(stage: Stage, one: Reply) -> None:
    stage.do("DELETE", f"{BINDINGS}/one")
    asked = options(preconditions={"uid": one.uid})
    assert stage.send("DELETE", f"{BINDINGS}/one", asked).status == 404


def test_what_is_held_stays_until_it_is_let_go(
    stage: Stage, held: Reply, answers: SnapshotAssertion
) -> None:
    first = stage.ask("DELETE", f"{BINDINGS}/held", show=shown)
    assert (first.status, first.body["kind"]) == (200, "RoleBinding")
    assert first.body["metadata"]["deletionTimestamp"]
    again = stage.ask("DELETE", f"{BINDINGS}/held", show=shown)
    assert again.body == first.body
    gone = stage.ask(
        "PATCH", f"{BINDINGS}/held", {"metadata": {"finalizers": None}}, kind=MERGE, show=shown
    )
    assert gone.uid == held.uid
    assert stage.ask("GET", f"{BINDINGS}/held").status == 404
    assert stage.told == answers


def test_what_is_held_may_be_changed_but_not_held_by_more(
    stage: Stage, held: Reply, answers: SnapshotAssertion
) -> None:
    stage.do("DELETE", f"{BINDINGS}/held")
    emptied = {"subjects": []}
    assert stage.ask("PATCH", f"{BINDINGS}/held", emptied, kind=MERGE, show=shown).status == 200
    more = {"metadata": {"finalizers": [HOLD, "example.com/more"]}}
    assert stage.ask("PATCH", f"{BINDINGS}/held", more, kind=MERGE).status == 422
    revived = {"metadata": {"deletionTimestamp": None}}
    stage.ask("PATCH", f"{BINDINGS}/held", revived, kind=MERGE, show=shown)
    let_go(stage, f"{BINDINGS}/held")
    assert stage.told == answers


def test_the_name_of_what_is_held_is_taken(stage: Stage, held: Reply) -> None:
    stage.do("DELETE", f"{BINDINGS}/held")
    made = binding("held", "ClusterRole/view")
    refused = stage.send("POST", BINDINGS, made)
    assert (refused.status, refused.reason) == (409, "AlreadyExists")
    let_go(stage, f"{BINDINGS}/held")


def test_what_is_held_goes_on_giving_access(stage: Stage, held: Reply) -> None:
    until(lambda: stage.send("GET", PODS, by="ada").status == 200, "access is there")
    stage.do("DELETE", f"{BINDINGS}/held")
    assert stage.send("GET", PODS, by="ada").status == 200
    let_go(stage, f"{BINDINGS}/held")
    until(lambda: stage.send("GET", PODS, by="ada").status == 403, "access is gone")


def test_a_put_lets_go_as_well(stage: Stage, held: Reply) -> None:
    now = stage.do("DELETE", f"{BINDINGS}/held").body
    del now["metadata"]["finalizers"]
    put = stage.do("PUT", f"{BINDINGS}/held", now)
    assert put.uid == held.uid
    assert stage.send("GET", f"{BINDINGS}/held").status == 404


def test_a_dry_run_deletes_nothing(stage: Stage, one: Reply, answers: SnapshotAssertion) -> None:
    stage.ask("DELETE", f"{BINDINGS}/one", dryRun="All")
    stage.ask("DELETE", f"{BINDINGS}/one", options(dryRun=["All"]))
    assert stage.send("GET", f"{BINDINGS}/one").status == 200
    stage.ask("DELETE", f"{BINDINGS}/one", dryRun="Perhaps")
    stage.ask("DELETE", f"{BINDINGS}/one", options(dryRun=["Perhaps"]))
    assert stage.send("GET", f"{BINDINGS}/one").status == 200
    assert stage.told == answers


def test_a_delete_with_a_body_does_not_read_its_query(stage: Stage, one: Reply) -> None:
    """The trap that a dry run falls into."""
    assert stage.send("DELETE", f"{BINDINGS}/one", options(), dryRun="All").status == 200
    assert stage.send("GET", f"{BINDINGS}/one").status == 404


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(options(propagationPolicy="Perhaps"), id="policy"),
        pytest.param(options(propagationPolicy="Foreground", orphanDependents=True), id="both"),
        pytest.param(role("one"), id="another-kind"),
        pytest.param(b"nonsense", id="no-json"),
        pytest.param(options(nonsense=1), id="unknown-field"),
        pytest.param({"preconditions": {"uid": 5}}, id="wrong-type"),
        pytest.param(b"{}", id="nothing"),
    ],
)
def test_what_a_delete_cannot_be_asked(
    stage: Stage, one: Reply, answers: SnapshotAssertion, body: Any
) -> None:
    stage.ask("DELETE", f"{BINDINGS}/one", body)
    assert stage.told == answers


@pytest.mark.parametrize("policy", ["Background", "Orphan", "Foreground"])
def test_whatever_becomes_of_dependents_it_is_gone_in_the_end(
    stage: Stage, one: Reply, policy: str
) -> None:
    stage.do("DELETE", f"{BINDINGS}/one", options(propagationPolicy=policy))
    until(lambda: stage.send("GET", f"{BINDINGS}/one").status == 404, "it is gone")


def test_many_are_deleted_at_once(stage: Stage, answers: SnapshotAssertion) -> None:
    for name, color in (("a", "red"), ("b", "red"), ("c", "blue")):
        stage.do("POST", ROLES, role(name, labels={"color": color}))
    dry = stage.ask("DELETE", ROLES, show=_names, dryRun="All")
    assert dry.names == ["a", "b", "c"]
    stage.ask("DELETE", ROLES, show=_names, labelSelector="color=red")
    assert stage.do("GET", ROLES).names == ["c"]
    stage.ask("DELETE", ROLES, show=_names, fieldSelector="metadata.name=nobody")
    assert stage.do("GET", ROLES).names == ["c"]
    stage.ask("DELETE", ROLES, show=_names)
    assert stage.ask("DELETE", ROLES).names == []
    assert stage.told == answers


def test_many_that_are_held_stay(stage: Stage, held: Reply, one: Reply) -> None:
    stage.do("DELETE", BINDINGS)
    left = stage.do("GET", BINDINGS)
    assert left.names == ["held"]
    assert left.items[0]["metadata"]["deletionTimestamp"]
    let_go(stage, f"{BINDINGS}/held")


def test_a_namespace_that_ends_takes_nothing_new(
    stage: Stage, held: Reply, answers: SnapshotAssertion
) -> None:
    path = f"{NAMESPACES}/{{ns}}"
    ready_for_pods(stage)
    ending = stage.ask("DELETE", path, show=_ending)
    assert ending.body["metadata"]["deletionTimestamp"]
    assert stage.send("DELETE", path).status in {200, 409}
    until(lambda: stage.do("GET", path).body["status"]["phase"] == "Terminating", "it ends")
    for where, made in (
        (ROLES, role("late")),
        (BINDINGS, binding("late", "ClusterRole/view")),
        (ACCOUNTS, service_account("late")),
        (PODS, pod("late")),
    ):
        refused = stage.ask("POST", where, made)
        assert (refused.status, refused.reason) == (403, "Forbidden")
        assert refused.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    emptied: Json = {"subjects": []}
    stage.ask("PATCH", f"{BINDINGS}/held", emptied, kind=MERGE, show=shown)
    assert stage.send("POST", NAMESPACES, namespace("{ns}")).status == 409
    let_go(stage, f"{BINDINGS}/held")
    assert stage.told == answers


def test_a_namespace_ends_with_all_that_is_in_it(stage: Stage, ended: Ended) -> None:
    path = f"{NAMESPACES}/{ended.name}"
    roles = f"{RBAC}/namespaces/{ended.name}/roles"
    until(lambda: stage.send("GET", path).status == 404, "it is gone")
    assert stage.do("GET", roles).items == []
    again = stage.do("POST", NAMESPACES, namespace(ended.name))
    assert again.uid != ended.uid
    assert stage.do("GET", roles).items == []


def test_a_namespace_is_deleted_by_its_uid(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.masks.know(ANOTHER_UID, "<another uid>")
    asked = options(preconditions={"uid": ANOTHER_UID})
    assert stage.ask("DELETE", f"{NAMESPACES}/{{ns}}", asked).status == 409
    assert stage.told == answers


@pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
def test_namespaces_of_the_system_stay(stage: Stage, answers: SnapshotAssertion, name: str) -> None:
    assert stage.ask("DELETE", f"{NAMESPACES}/{name}").status == 403
    assert stage.told == answers


def test_many_cluster_roles_are_deleted_by_label(stage: Stage) -> None:
    for name in ("one", "two"):
        made = cluster_role(f"{name}-{{word}}", labels={"mark": "{word}"})
        stage.do("POST", CLUSTER_ROLES, made)
    stage.do("DELETE", CLUSTER_ROLES, labelSelector="mark={word}")
    assert stage.do("GET", CLUSTER_ROLES, labelSelector="mark={word}").items == []


def shown_or_status(body: Any) -> Any:
    return body if body["kind"] == "Status" else shown(body)


def _names(body: Any) -> Any:
    return body | {"items": [item["metadata"]["name"] for item in body["items"]]}


def _ending(body: Any) -> Any:
    kept = shown(body)
    kept["status"] = {"phase": body["status"]["phase"]}
    return kept
