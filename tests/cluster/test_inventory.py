"""Inventories of servers that answer by a script: pages, what is forbidden, and what is wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from grants.clusters.config import ClusterConfig, ClusterTimes
from grants.clusters.inventory import RESOURCES, read_cluster, read_clusters
from grants.review.inventory import KINDS, Inventory, Seen
from tests.support.scripted_server import Asked, Said, Script, ScriptedServer, status
from tests.support.scripted_server import write_kubeconfig as write

Serve = Callable[[Script], ScriptedServer]

QUICK = ClusterTimes(connect=timedelta(seconds=0.3), read=timedelta(seconds=0.3))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
KIND_AT = {"/" + "/".join(path): kind for kind, path in RESOURCES.items()}


class FixedClock:
    def now(self) -> datetime:
        return NOW


def config_of(server: ScriptedServer, folder: Path, alias: str = "prod") -> ClusterConfig:
    path = write(folder / f"{alias}-kubeconfig", server.url)
    return ClusterConfig(alias=alias, installation="inst-x", kubeconfig=path, times=QUICK)


def read(server: ScriptedServer, folder: Path, **options: Any) -> Inventory:
    return read_cluster(config_of(server, folder), FixedClock(), **options)


def named(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"metadata": {"name": name, "namespace": "n"}, **more} for name in names]


def page(items: list[Any], after: str = "") -> Said:
    return Said(body={"items": items, "metadata": {"continue": after}})


def kind_of(asked: Asked) -> str:
    return KIND_AT[urlsplit(asked.path).path]


def query_of(asked: Asked) -> dict[str, str]:
    return {name: found[0] for name, found in parse_qs(urlsplit(asked.path).query).items()}


def test_each_kind_is_listed_page_by_page(server: Serve, tmp_path: Path) -> None:
    def script(asked: Asked) -> Said:
        if kind_of(asked) != "ServiceAccount":
            return page(named(kind_of(asked).lower(), roleRef={"kind": "Role", "name": "r"}))
        pages = {"": (["a", "b"], "2"), "2": (["c"], "3"), "3": ([], "")}
        names, after = pages[query_of(asked).get("continue", "")]
        return page(named(*names), after)

    heard: list[tuple[str, str, int]] = []
    asked_of = server(script)
    found = read(asked_of, tmp_path, heard=lambda *word: heard.append(word))
    assert found.cluster == "prod"
    assert found.taken_at == NOW
    assert [account.meta.name for account in found.accounts] == ["a", "b", "c"]
    assert [role.kind for role in found.roles] == ["ClusterRole", "Role"]
    assert [binding.meta.name for binding in found.bindings] == [
        "clusterrolebinding",
        "rolebinding",
    ]
    assert len(found.workloads) == 7
    assert len(found.pods) == 1
    assert found.accounts[0].meta.origin is None
    assert not found.problems
    assert not found.partial
    assert [word for word in heard if word[1] == "ServiceAccount"] == [
        ("prod", "ServiceAccount", 2),
        ("prod", "ServiceAccount", 3),
        ("prod", "ServiceAccount", 3),
    ]
    assert all(query_of(asked)["limit"] == "500" for asked in asked_of.asked)
    assert {asked.method for asked in asked_of.asked} == {"GET"}


def test_token_secrets_are_not_asked_for_unless_wanted(server: Serve, tmp_path: Path) -> None:
    asked_of = server(lambda _: page([]))
    found = read(asked_of, tmp_path)
    assert found.seen["Secret"] is Seen.NOT_ASKED
    assert not found.saw("Secret")
    assert not [asked for asked in asked_of.asked if "/secrets" in asked.path]


def test_of_token_secrets_only_metadata_is_asked_for(server: Serve, tmp_path: Path) -> None:
    def script(asked: Asked) -> Said:
        note = {"kubernetes.io/service-account.name": "web"}
        meta = {"name": "t", "namespace": "n", "annotations": note}
        return page([{"metadata": meta}] if kind_of(asked) == "Secret" else [])

    asked_of = server(script)
    found = read(asked_of, tmp_path, token_secrets=True)
    (asked,) = (asked for asked in asked_of.asked if kind_of(asked) == "Secret")
    assert "as=PartialObjectMetadataList" in asked.headers["accept"]
    assert "," not in asked.headers["accept"]
    assert query_of(asked)["fieldSelector"] == "type=kubernetes.io/service-account-token"
    assert [(each.meta.name, each.account) for each in found.token_secrets] == [("t", "web")]
    assert found.saw("Secret")


def test_what_is_forbidden_is_said_for_each_kind_and_the_rest_is_read(
    server: Serve, tmp_path: Path
) -> None:
    def script(asked: Asked) -> Said:
        if KINDS.index(kind_of(asked)) % 2:
            return status(403, "Forbidden", "no list for you")
        return page(named("x", roleRef={"kind": "Role", "name": "r"}))

    found = read(server(script), tmp_path)
    assert found.partial
    assert [kind for kind, how in found.seen.items() if how is Seen.FORBIDDEN] == [
        kind for kind in KINDS[1::2] if kind != "Secret"
    ]
    assert found.seen["Role"] is Seen.SEEN
    assert len(found.roles) == 1
    assert not found.problems


def test_a_list_that_expired_is_begun_anew(server: Serve, tmp_path: Path) -> None:
    expired = 0

    def script(asked: Asked) -> Said:
        nonlocal expired
        if kind_of(asked) != "Role":
            return page([])
        if "continue" not in query_of(asked):
            return page(named("old" if not expired else "new"), "more")
        expired += 1
        return status(410, "Expired", "too old") if expired == 1 else page(named("last"))

    found = read(server(script), tmp_path)
    assert [role.meta.name for role in found.roles] == ["new", "last"]
    assert not found.partial


def test_a_list_that_expires_again_and_again_is_seen_in_part(server: Serve, tmp_path: Path) -> None:
    def script(asked: Asked) -> Said:
        if kind_of(asked) != "Role":
            return page([])
        again = "continue" in query_of(asked)
        return status(410, "Expired", "too old") if again else page(named("a"), "more")

    found = read(server(script), tmp_path)
    assert [role.meta.name for role in found.roles] == ["a"]
    assert found.seen["Role"] is Seen.PARTLY
    assert found.partial


def test_a_list_that_breaks_off_is_seen_in_part(server: Serve, tmp_path: Path) -> None:
    def script(asked: Asked) -> Said:
        if kind_of(asked) != "Role":
            return page([])
        again = "continue" in query_of(asked)
        return status(500, "InternalError", "etcd is away") if again else page(named("a"), "more")

    found = read(server(script), tmp_path)
    assert found.seen["Role"] is Seen.PARTLY
    assert len(found.roles) == 1
    (problem,) = found.problems
    facts = dict(problem.facts)
    assert (problem.code, problem.origin.file, facts["kind"]) == ("no-answer", "prod", "Role")
    assert "etcd is away" in facts["words"]


def test_a_cluster_that_is_not_there_is_asked_once(server: Serve, tmp_path: Path) -> None:
    asked_of = server(lambda _: None)
    found = read(asked_of, tmp_path)
    assert len(asked_of.asked) == 1
    assert {how for kind, how in found.seen.items() if kind != "Secret"} == {Seen.FAILED}
    assert found.partial
    assert [problem.code for problem in found.problems] == ["no-answer"]


def test_what_is_no_api_server_is_not_believed(server: Serve, tmp_path: Path) -> None:
    for body in (b"<html>", {"items": 5, "metadata": {}}, {"kind": "Status"}, [], {"items": []}):
        found = read(server(lambda _, body=body: Said(body=body)), tmp_path)
        assert found.seen["Namespace"] is Seen.FAILED


def test_an_object_of_the_wrong_form_costs_no_other(server: Serve, tmp_path: Path) -> None:
    def script(asked: Asked) -> Said:
        if kind_of(asked) != "Role":
            return page([])
        wrong = {"metadata": {"name": "b", "namespace": "n"}, "rules": [{"verbs": "get"}]}
        return page([*named("a"), wrong, 5, {"metadata": None}])

    found = read(server(script), tmp_path)
    assert [role.meta.name for role in found.roles] == ["a", "b"]
    assert [problem.code for problem in found.problems] == ["wrong-type", "no-name"]
    assert found.partial


def test_clusters_are_read_side_by_side_and_one_that_fails_holds_up_no_other(
    server: Serve, tmp_path: Path
) -> None:
    well = server(lambda asked: page(named("x") if kind_of(asked) == "Role" else []))
    gone = server(lambda _: None)
    configs = [config_of(gone, tmp_path, "gone"), config_of(well, tmp_path, "well")]
    first, second = read_clusters(configs, FixedClock())
    assert (first.cluster, first.partial) == ("gone", True)
    assert (second.cluster, second.partial, len(second.roles)) == ("well", False, 1)
    assert read_clusters([], FixedClock()) == ()
