"""Watches: what comes, in which order, from when, and how they end."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.kinds import shown
from tests.contracts.api.manifests import (
    BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    PODS,
    RBAC,
    READ_PODS,
    ROLES,
    binding,
    cluster_role,
    namespace,
    role,
    rule,
    user,
)
from tests.contracts.api.stage import MERGE, Stage, until

Events = Iterator[Any]
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


@contextmanager
def watching(
    stage: Stage,
    path: str,
    *,
    by: str = "admin",
    headers: dict[str, str] | None = None,
    **query: str | int,
) -> Iterator[Events]:
    """Open a watch; its events as they come."""
    whole = stage.path(path, {"watch": 1, "timeoutSeconds": 20} | query)
    response = stage.served.open("GET", whole, None, stage.headers(by) | (headers or {}))
    assert response.status == 200, response.data
    try:
        yield _events(response)
    finally:
        response.close()


def _events(response: Any) -> Events:
    rest = b""
    while part := response.read1(65536):
        *lines, rest = (rest + part).split(b"\n")
        yield from (json.loads(line) for line in lines if line)


def seen(events: Events, count: int) -> list[tuple[str, str]]:
    """Take so many; each as its type and the name of its object."""
    taken = (next(events) for _ in range(count))
    return [(one["type"], one["object"]["metadata"]["name"]) for one in taken]


def now(stage: Stage, path: str = ROLES) -> str:
    return stage.do("GET", path, limit=1).version


def change(stage: Stage, name: str, **labels: str | None) -> None:
    stage.do("PATCH", f"{ROLES}/{name}", {"metadata": {"labels": labels}}, kind=MERGE)


def test_what_happens_to_an_object_is_told(stage: Stage, answers: SnapshotAssertion) -> None:
    with watching(stage, ROLES, resourceVersion=now(stage)) as events:
        stage.do("POST", ROLES, role("one"))
        change(stage, "one", a="b")
        stage.do("DELETE", f"{ROLES}/one")
        for _ in range(3):
            event = next(events)
            stage.tell({"type": event["type"], "object": shown(event["object"])})
    assert stage.told == answers


def test_a_watch_goes_on_from_a_version(stage: Stage) -> None:
    stage.do("POST", ROLES, role("one"))
    made = stage.do("POST", ROLES, role("two"))
    change(stage, "one", a="b")
    stage.do("DELETE", f"{ROLES}/two")
    with watching(stage, ROLES, resourceVersion=made.version) as events:
        assert seen(events, 2) == [("MODIFIED", "one"), ("DELETED", "two")]


@pytest.mark.parametrize("version", ["", "0"])
def test_a_watch_from_nowhere_begins_with_what_is_there(stage: Stage, version: str) -> None:
    stage.do("POST", ROLES, role("one"))
    stage.do("POST", ROLES, role("two"))
    query = {"resourceVersion": version} if version else {}
    with watching(stage, ROLES, **query) as events:
        assert sorted(seen(events, 2)) == [("ADDED", "one"), ("ADDED", "two")]
        stage.do("POST", ROLES, role("three"))
        assert seen(events, 1) == [("ADDED", "three")]


def test_what_is_deleted_is_told_in_its_last_state_with_a_later_version(stage: Stage) -> None:
    made = stage.do("POST", ROLES, role("one", labels={"a": "b"}))
    with watching(stage, ROLES, resourceVersion=made.version) as events:
        stage.do("DELETE", f"{ROLES}/one")
        gone = next(events)
    meta = gone["object"]["metadata"]
    assert (gone["type"], meta["uid"], meta["labels"]) == ("DELETED", made.uid, {"a": "b"})
    assert int(meta["resourceVersion"]) > int(made.version)


def test_a_watch_of_labels_tells_who_comes_and_goes(stage: Stage) -> None:
    stage.do("POST", ROLES, role("one"))
    with watching(stage, ROLES, resourceVersion=now(stage), labelSelector="in=yes") as events:
        change(stage, "one", **{"in": "yes"})
        change(stage, "one", more="x")
        change(stage, "one", **{"in": "no"})
        change(stage, "one", more="y")
        change(stage, "one", **{"in": "yes"})
        stage.do("DELETE", f"{ROLES}/one")
        told = [kind for kind, _ in seen(events, 5)]
    assert told == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]


def test_a_watch_of_one_name_tells_of_it_alone(stage: Stage) -> None:
    version = now(stage)
    picker = "metadata.name=two"
    with watching(stage, ROLES, resourceVersion=version, fieldSelector=picker) as events:
        for name in ("one", "two", "three"):
            stage.do("POST", ROLES, role(name))
        stage.do("DELETE", f"{ROLES}/two")
        assert seen(events, 2) == [("ADDED", "two"), ("DELETED", "two")]


def test_a_watch_of_all_namespaces_is_one(stage: Stage) -> None:
    stage.do("POST", NAMESPACES, namespace("other-{word}"))
    query = {"resourceVersion": now(stage), "labelSelector": "mark={word}"}
    with watching(stage, f"{RBAC}/roles", **query) as events:
        marked = role("one", labels={"mark": "{word}"})
        stage.do("POST", ROLES, marked)
        stage.do("POST", f"{RBAC}/namespaces/other-{{word}}/roles", marked)
        homes = [next(events)["object"]["metadata"]["namespace"] for _ in range(2)]
    assert homes == [stage.namespace, stage.fill("other-{word}")]


def test_a_write_that_changes_nothing_is_not_told(stage: Stage) -> None:
    made = stage.do("POST", ROLES, role("one"))
    with watching(stage, ROLES, resourceVersion=made.version) as events:
        stage.do("PUT", f"{ROLES}/one", made.body)
        stage.do("PATCH", f"{ROLES}/one", {}, kind=MERGE)
        stage.do("POST", ROLES, role("two"))
        assert seen(events, 1) == [("ADDED", "two")]


def test_a_watch_ends_when_it_was_asked_to(stage: Stage) -> None:
    began = time.monotonic()
    with watching(stage, ROLES, resourceVersion=now(stage), timeoutSeconds=1) as events:
        assert list(events) == []
    assert 0.9 < time.monotonic() - began < 5


def test_what_is_there_already_may_be_asked_for_with_its_end(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    stage.do("POST", ROLES, role("one"))
    stage.do("POST", ROLES, role("two"))
    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    with watching(stage, ROLES, **query) as events:
        assert seen(events, 2) == [("ADDED", "one"), ("ADDED", "two")]
        mark = next(events)
        assert mark["type"] == "BOOKMARK"
        assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        stage.tell(mark)
        stage.do("POST", ROLES, role("three"))
        assert seen(events, 1) == [("ADDED", "three")]
    assert stage.told == answers


def test_a_bookmark_comes_before_the_end(stage: Stage, answers: SnapshotAssertion) -> None:
    """The real one leaves it out where nothing has happened to any object of the kind yet."""
    version = stage.do("POST", ROLES, role("one")).version
    query = {"resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": 3}
    marks: list[Any] = []

    def marked() -> bool:
        with watching(stage, ROLES, **query) as events:
            marks.extend(one for one in [next(events, None)] if one)
        return bool(marks)

    until(marked, "a bookmark")
    assert marks[0]["type"] == "BOOKMARK"
    assert int(marks[0]["object"]["metadata"]["resourceVersion"]) >= int(version)
    stage.tell(marks[0])
    assert stage.told == answers


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"resourceVersion": "nonsense"}, id="version"),
        pytest.param({"timeoutSeconds": "soon"}, id="timeout"),
        pytest.param({"sendInitialEvents": "true"}, id="initial-alone"),
        pytest.param({"resourceVersionMatch": "NotOlderThan"}, id="match-alone"),
        pytest.param({"labelSelector": "a b"}, id="labels"),
        pytest.param({"fieldSelector": "rules=x"}, id="fields"),
    ],
)
def test_what_a_watch_cannot_be_asked(
    stage: Stage, answers: SnapshotAssertion, query: dict[str, str]
) -> None:
    asked = {"watch": "1", "timeoutSeconds": "1"} | query
    stage.ask("GET", ROLES, **asked)
    assert stage.told == answers


@pytest.mark.parametrize("no", ["0", "false"])
def test_a_watch_that_is_not_wanted_is_a_list(stage: Stage, no: str) -> None:
    assert stage.do("GET", ROLES, watch=no).body["kind"] == "RoleList"


def test_one_object_is_watched_by_the_old_path(stage: Stage) -> None:
    made = stage.do("POST", ROLES, role("one"))
    stage.do("POST", ROLES, role("two"))
    path = f"{RBAC}/watch/namespaces/{{ns}}/roles/one"
    with watching(stage, path, resourceVersion=made.version) as events:
        change(stage, "two", a="b")
        change(stage, "one", a="b")
        assert seen(events, 1) == [("MODIFIED", "one")]


def test_a_watch_may_be_of_tables(stage: Stage) -> None:
    version = now(stage)
    with watching(stage, ROLES, headers=TABLE, resourceVersion=version) as events:
        stage.do("POST", ROLES, role("one"))
        stage.do("POST", ROLES, role("two"))
        first, second = next(events), next(events)
    assert (first["type"], first["object"]["kind"]) == ("ADDED", "Table")
    assert [one["name"] for one in first["object"]["columnDefinitions"]] == ["Name", "Created At"]
    assert "columnDefinitions" not in second["object"] or not second["object"]["columnDefinitions"]
    assert second["object"]["rows"][0]["cells"][0] == "two"


def test_a_watch_outlives_the_right_to_it(stage: Stage) -> None:
    stage.grant("ada", rule("watch list", "roles", "rbac.authorization.k8s.io"), name="watcher")
    with watching(stage, ROLES, by="ada", resourceVersion=now(stage)) as events:
        stage.do("DELETE", f"{BINDINGS}/watcher")
        until(lambda: stage.send("GET", ROLES, by="ada").status == 403, "the right is gone")
        stage.do("POST", ROLES, role("late"))
        assert seen(events, 1) == [("ADDED", "late")]


def test_a_watch_is_answered_at_once(stage: Stage) -> None:
    stage.grant("ada", READ_PODS)
    whole = stage.path(PODS, {"watch": 1, "timeoutSeconds": 20})
    response = stage.served.open("GET", whole, None, stage.headers("ada"))
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["transfer-encoding"] == "chunked"
    response.close()


def test_cluster_roles_and_namespaces_are_watched(stage: Stage) -> None:
    def told(path: str, act: Callable[[], Any], name: str) -> list[tuple[str, str]]:
        picker = f"metadata.name={name}"
        version = now(stage, path)
        with watching(stage, path, resourceVersion=version, fieldSelector=picker) as events:
            act()
            return seen(events, 1)

    one = stage.fill("one-{word}")
    made = told(CLUSTER_ROLES, lambda: stage.do("POST", CLUSTER_ROLES, cluster_role(one)), one)
    assert made == [("ADDED", one)]
    made = told(NAMESPACES, lambda: stage.do("POST", NAMESPACES, namespace(one)), one)
    assert made == [("ADDED", one)]


def test_a_held_object_is_modified_first_and_deleted_later(stage: Stage) -> None:
    made = binding("held", "ClusterRole/view", user("ada"), finalizers=["example.com/hold"])
    version = stage.do("POST", BINDINGS, made).version
    with watching(stage, BINDINGS, resourceVersion=version) as events:
        stage.do("DELETE", f"{BINDINGS}/held")
        stage.do("PATCH", f"{BINDINGS}/held", {"metadata": {"finalizers": None}}, kind=MERGE)
        first, second = next(events), next(events)
    assert (first["type"], second["type"]) == ("MODIFIED", "DELETED")
    assert "deletionTimestamp" in first["object"]["metadata"]
