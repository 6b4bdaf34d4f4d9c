"""Lists: whole and in pages, picked by labels and fields, as tables and as metadata alone."""

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.kinds import KINDS, NAME, ready_for_pods, shown
from tests.contracts.api.manifests import (
    ACCOUNTS,
    BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    RBAC,
    ROLES,
    account,
    binding,
    cluster_role,
    group,
    namespace,
    role,
    user,
)
from tests.contracts.api.stage import Stage

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
METADATA = {"Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"}
METADATA_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}


@pytest.fixture
def three(stage: Stage) -> Stage:
    """Three roles with labels: b is red, a is blue, c has none."""
    stage.do("POST", ROLES, role("b", labels={"color": "red", "size": "1"}))
    stage.do("POST", ROLES, role("a", labels={"color": "blue"}))
    stage.do("POST", ROLES, role("c"))
    return stage


def picked(stage: Stage, **query: str) -> list[str]:
    return stage.do("GET", ROLES, **query).names


def test_a_list_is_in_the_order_of_names(three: Stage, answers: SnapshotAssertion) -> None:
    listed = three.ask("GET", ROLES)
    assert listed.names == ["a", "b", "c"]
    assert "kind" not in listed.items[0]
    assert three.told == answers


def test_an_empty_list_has_no_items(stage: Stage, answers: SnapshotAssertion) -> None:
    assert stage.ask("GET", ROLES).items == []
    assert stage.told == answers


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("color=red", ["b"]),
        ("color==red", ["b"]),
        ("color!=red", ["a", "c"]),
        ("color", ["a", "b"]),
        ("!color", ["c"]),
        ("color in (red,blue)", ["a", "b"]),
        ("color notin (red)", ["a", "c"]),
        ("color,size=1", ["b"]),
        ("size>0", ["b"]),
        ("size<1", []),
        ("color=", []),
        ("", ["a", "b", "c"]),
        (" color = red ", ["b"]),
    ],
)
def test_labels_pick(three: Stage, selector: str, names: list[str]) -> None:
    assert picked(three, labelSelector=selector) == names


@pytest.mark.parametrize(
    "selector", ["color in red", "=x", "a b", "color=a b", "x in (", "a/b/c=d"]
)
def test_a_selector_of_labels_that_is_none_is_refused(
    stage: Stage, answers: SnapshotAssertion, selector: str
) -> None:
    assert stage.ask("GET", ROLES, labelSelector=selector).status == 400
    assert stage.told == answers


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("metadata.name=b", ["b"]),
        ("metadata.name==b", ["b"]),
        ("metadata.name!=b", ["a", "c"]),
        ("metadata.name=nobody", []),
        ("metadata.namespace={ns}", ["a", "b", "c"]),
        ("metadata.namespace=another", []),
        ("metadata.name=b,metadata.namespace={ns}", ["b"]),
    ],
)
def test_fields_pick(three: Stage, selector: str, names: list[str]) -> None:
    assert picked(three, fieldSelector=selector) == names


@pytest.mark.parametrize("selector", ["metadata.uid=x", "rules=x", "metadata.name", "nonsense"])
def test_a_selector_of_fields_that_is_none_is_refused(
    stage: Stage, answers: SnapshotAssertion, selector: str
) -> None:
    assert stage.ask("GET", ROLES, fieldSelector=selector).status == 400
    assert stage.told == answers


def test_a_name_with_signs_of_a_selector_is_escaped(stage: Stage) -> None:
    stage.do("POST", ROLES, role("a=b,c"))
    assert picked(stage, fieldSelector="metadata.name=a\\=b\\,c") == ["a=b,c"]


def test_namespaces_may_be_picked_by_state_and_name(stage: Stage) -> None:
    def names(**query: str) -> list[str]:
        return stage.do("GET", NAMESPACES, **query).names

    assert names(fieldSelector="metadata.name={ns}") == [stage.namespace]
    assert stage.namespace in names(fieldSelector="status.phase=Active")
    assert names(labelSelector="kubernetes.io/metadata.name={ns}") == [stage.namespace]


def test_pods_may_be_picked_by_account_and_state(stage: Stage) -> None:
    ready_for_pods(stage)
    kind = KINDS["pods"]
    stage.do("POST", kind.path, kind.make("one"))

    def names(selector: str) -> list[str]:
        return stage.do("GET", kind.path, fieldSelector=selector).names

    assert names("spec.serviceAccountName=default") == ["one"]
    assert names("spec.serviceAccountName=other") == []
    assert names("status.phase=Pending") == ["one"]
    assert names("spec.nodeName=") == ["one"]


def test_a_list_may_come_in_pages(three: Stage, answers: SnapshotAssertion) -> None:
    first = three.ask("GET", ROLES, limit=2, show=_names_only)
    assert first.names == ["a", "b"]
    assert first.body["metadata"]["remainingItemCount"] == 1
    after = first.body["metadata"]["continue"]
    rest = three.ask("GET", ROLES, limit=2, show=_names_only, **{"continue": after})
    assert rest.names == ["c"]
    assert "continue" not in rest.body["metadata"]
    assert first.version == rest.version
    assert three.told == answers


def test_pages_are_of_the_moment_of_the_first(three: Stage) -> None:
    first = three.do("GET", ROLES, limit=1)
    three.do("DELETE", f"{ROLES}/b")
    three.do("POST", ROLES, role("d"))
    after = first.body["metadata"]["continue"]
    assert three.do("GET", ROLES, **{"continue": after}).names == ["b", "c"]


def test_pages_of_what_labels_pick_have_no_count(three: Stage) -> None:
    first = three.do("GET", ROLES, limit=1, labelSelector="color")
    assert first.names == ["a"]
    assert "remainingItemCount" not in first.body["metadata"]
    after = first.body["metadata"]["continue"]
    rest = three.do("GET", ROLES, limit=1, labelSelector="color", **{"continue": after})
    assert rest.names == ["b"]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"continue": "nonsense"}, id="continue-nonsense"),
        pytest.param({"limit": "many"}, id="limit-word"),
        pytest.param({"limit": "-1"}, id="limit-negative"),
        pytest.param({"resourceVersion": "nonsense"}, id="version-nonsense"),
        pytest.param({"resourceVersionMatch": "Exact"}, id="match-alone"),
        pytest.param({"resourceVersion": "0", "resourceVersionMatch": "Exact"}, id="exact-zero"),
        pytest.param({"resourceVersion": "1", "resourceVersionMatch": "Nearly"}, id="match-word"),
        pytest.param({"timeoutSeconds": "soon"}, id="timeout-word"),
    ],
)
def test_what_a_list_cannot_be_asked(
    stage: Stage, answers: SnapshotAssertion, query: dict[str, str]
) -> None:
    stage.ask("GET", ROLES, **query)
    assert stage.told == answers


def test_a_list_goes_on_only_without_a_version(three: Stage, answers: SnapshotAssertion) -> None:
    after = three.do("GET", ROLES, limit=1).body["metadata"]["continue"]
    three.ask("GET", ROLES, limit=1, resourceVersion="5", **{"continue": after})
    assert three.told == answers


def test_a_list_may_be_as_old_as_it_likes_or_not_older(three: Stage) -> None:
    version = three.do("GET", ROLES).version
    assert three.do("GET", ROLES, resourceVersion="0").names == ["a", "b", "c"]
    assert picked(three, resourceVersion=version) == ["a", "b", "c"]
    both = {"resourceVersion": version, "resourceVersionMatch": "NotOlderThan"}
    assert picked(three, **both) == ["a", "b", "c"]
    both["resourceVersionMatch"] = "Exact"
    exact = three.do("GET", ROLES, **both)
    assert (exact.names, exact.version) == (["a", "b", "c"], version)


def test_a_list_may_be_of_all_namespaces(three: Stage) -> None:
    three.do("POST", NAMESPACES, namespace("other-{word}"))
    marked = role("z", labels={"mark": "{word}"})
    three.do("POST", f"{RBAC}/namespaces/other-{{word}}/roles", marked)
    three.do("POST", ROLES, marked)
    listed = three.do("GET", f"{RBAC}/roles", labelSelector="mark={word}")
    homes = sorted(item["metadata"]["namespace"] for item in listed.items)
    assert homes == sorted([three.namespace, three.fill("other-{word}")])


@pytest.mark.parametrize("name", list(KINDS))
def test_tables_have_their_columns(stage: Stage, answers: SnapshotAssertion, name: str) -> None:
    kind = KINDS[name]
    if name == "pods":
        ready_for_pods(stage)
    stage.do("POST", kind.path, kind.make(NAME))
    one = stage.ask("GET", kind.at(NAME), headers=TABLE, show=_table)
    assert one.headers["content-type"] == "application/json"
    picker = f"metadata.name={NAME}"
    stage.ask("GET", kind.path, headers=TABLE, show=_table, fieldSelector=picker)
    assert stage.told == answers


def test_a_table_of_bindings_says_whom_they_bind(stage: Stage, answers: SnapshotAssertion) -> None:
    everybody = [user("ada"), user("grace"), group("g"), group("h"), account("x"), account("y")]
    stage.do("POST", BINDINGS, binding("many", "Role/reader", *everybody))
    stage.do("POST", BINDINGS, binding("none", "ClusterRole/view"))
    stage.ask("GET", BINDINGS, headers=TABLE, show=_table)
    assert stage.told == answers


@pytest.mark.parametrize("what", ["None", "Metadata", "Object"])
def test_a_table_brings_what_of_its_objects_is_asked(
    stage: Stage, answers: SnapshotAssertion, what: str
) -> None:
    stage.do("POST", ROLES, role("one"))
    stage.ask("GET", ROLES, headers=TABLE, show=_whole_table, includeObject=what)
    assert stage.told == answers


def test_a_table_comes_in_pages(three: Stage) -> None:
    first = three.do("GET", ROLES, headers=TABLE, limit=2).body
    assert [row["cells"][0] for row in first["rows"]] == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 1
    after = {"continue": first["metadata"]["continue"]}
    rest = three.do("GET", ROLES, headers=TABLE, **after).body
    assert [row["cells"][0] for row in rest["rows"]] == ["c"]


def test_an_empty_table_has_columns(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.ask("GET", ROLES, headers=TABLE, show=_table)
    assert stage.told == answers


def test_metadata_may_be_had_alone(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.do("POST", BINDINGS, binding("one", "ClusterRole/view", labels={"a": "b"}))
    stage.ask("GET", f"{BINDINGS}/one", headers=METADATA)
    stage.ask("GET", BINDINGS, headers=METADATA_LIST)
    assert stage.told == answers


def test_what_is_made_and_patched_may_be_answered_as_metadata(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    stage.ask("POST", ACCOUNTS, KINDS["serviceaccounts"].make("one"), headers=METADATA)
    change = {"metadata": {"labels": {"a": "b"}}}
    kind = "application/merge-patch+json"
    stage.ask("PATCH", f"{ACCOUNTS}/one", change, kind=kind, headers=METADATA)
    assert stage.told == answers


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "",
        "application/json, */*",
        "application/json;charset=utf-8",
        "text/html, */*;q=0.1",
        "text/html, application/json",
    ],
)
def test_json_is_answered_where_it_is_among_what_is_taken(stage: Stage, accept: str) -> None:
    reply = stage.send("GET", ROLES, headers={"Accept": accept})
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")


@pytest.mark.parametrize(
    "accept", ["text/html", "application/*", "application/json;as=Nonsense;v=v1;g=meta.k8s.io"]
)
def test_what_cannot_be_answered_is_said(
    stage: Stage, answers: SnapshotAssertion, accept: str
) -> None:
    reply = stage.ask("GET", ROLES, headers={"Accept": accept}, show=lambda body: body["reason"])
    assert reply.status == 406


def test_the_roles_of_the_system_are_there(stage: Stage) -> None:
    names = set(stage.do("GET", CLUSTER_ROLES).names)
    assert {"cluster-admin", "admin", "edit", "view", "system:discovery"} <= names
    labelled = stage.do("GET", CLUSTER_ROLES, labelSelector="kubernetes.io/bootstrapping").names
    assert "view" in labelled


def test_a_list_of_metadata_comes_in_pages(three: Stage) -> None:
    first = three.do("GET", ROLES, headers=METADATA_LIST, limit=2)
    assert first.names == ["a", "b"]
    after = {"continue": first.body["metadata"]["continue"]}
    assert three.do("GET", ROLES, headers=METADATA_LIST, **after).names == ["c"]


def test_cluster_roles_are_listed_by_their_labels(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.do("POST", CLUSTER_ROLES, cluster_role("one-{word}", labels={"mark": "{word}"}))
    stage.ask("GET", CLUSTER_ROLES, show=shown, labelSelector="mark={word}")
    assert stage.told == answers


def _names_only(body: Any) -> Any:
    return body | {"items": [item["metadata"]["name"] for item in body["items"]]}


def _whole_table(body: Any) -> Any:
    for row in body["rows"]:
        (row.get("object") or {}).get("metadata", {}).pop("managedFields", None)
    return _table(body, objects=True)


def _table(body: Any, *, objects: bool = False) -> Any:
    """Show columns without their prose, and rows without ages."""
    columns = [
        {key: value for key, value in column.items() if key != "description"}
        for column in body["columnDefinitions"]
    ]
    ages = {at for at, column in enumerate(columns) if column["name"] in {"Age", "Created At"}}
    rows = [
        {"cells": ["<age>" if at in ages else cell for at, cell in enumerate(row["cells"])]}
        | ({"object": row.get("object")} if objects else {})
        for row in body["rows"] or ()
    ]
    return body | {"columnDefinitions": columns, "rows": rows}
