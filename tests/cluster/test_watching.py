"""Streams of changes: what a server says in them, badly if need be, and how each ends."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from grants.access.watch_port import BindingChange, BindingKind, Change, RoleChange, Watcher
from grants.authz.model import RoleRef, Rule
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig, ClusterTimes
from grants.errors import ClusterForbidden, ClusterRefused, ClusterUnavailable
from tests.support.scripted_server import (
    Asked,
    Said,
    Script,
    ScriptedServer,
    status,
    write_kubeconfig,
)

VIEW = RoleRef("ClusterRole", "view")
# A stream is agreed to end a second before it has lasted: these may end at once.
TIMES = ClusterTimes(
    connect=timedelta(seconds=0.3),
    read=timedelta(seconds=0.3),
    watch=timedelta(seconds=1),
    watch_grace=timedelta(seconds=0.2),
)
LONG = replace(TIMES, watch=timedelta(minutes=5))

Serve = Callable[[Script], ScriptedServer]
Watch = Callable[..., Watcher]


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Watch something at a server, in short streams."""
    made: list[KubernetesCluster] = []

    def make(
        server: ScriptedServer, watched: Any = BindingKind.NAMESPACED, times: ClusterTimes = TIMES
    ) -> Watcher:
        path = write_kubeconfig(tmp_path / "kubeconfig", server.url)
        config = ClusterConfig(alias="prod", installation="inst-x", kubeconfig=path, times=times)
        made.append(KubernetesCluster(config, SystemClock()))
        return made[-1].watcher(watched)

    yield make
    for one in made:
        one.close()


def binding(name: str = "valetkey-x", version: str = "7", **meta: Any) -> dict[str, Any]:
    return {
        "kind": "RoleBinding",
        "metadata": {
            "name": name,
            "namespace": "team",
            "uid": f"uid-{name}",
            "resourceVersion": version,
            "creationTimestamp": "2026-11-22T12:00:00Z",
            **meta,
        },
        "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "User", "name": "oidc:ada"}],
    }


def role(version: str = "9", verbs: str = "get") -> dict[str, Any]:
    rule = {"verbs": verbs.split(), "apiGroups": [""], "resources": ["pods"]}
    return {"metadata": {"name": "view", "resourceVersion": version}, "rules": [rule]}


def bookmark(version: str) -> dict[str, Any]:
    return {"kind": "RoleBinding", "metadata": {"resourceVersion": version}}


def says(*events: tuple[str, Any]) -> Said:
    lines = [json.dumps({"type": kind, "object": what}) for kind, what in events]
    return Said(body="".join(f"{line}\n" for line in lines).encode())


def heard(watcher: Watcher) -> list[Change]:
    return [change for batch in watcher.open().batches() for change in batch]


def query(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}


def test_bindings_of_this_installation_are_watched(server: Serve, watch: Watch) -> None:
    at = server(lambda _: says(("ADDED", binding()), ("DELETED", binding("valetkey-y"))))
    one, two = heard(watch(at))
    assert isinstance(one, BindingChange)
    assert isinstance(two, BindingChange)
    assert (one.binding.place.name, one.binding.subjects, one.gone) == (
        "valetkey-x",
        ("User:oidc:ada",),
        False,
    )
    assert (two.binding.uid, two.gone) == ("uid-valetkey-y", True)
    (asked,) = at.asked
    assert urlsplit(asked.path).path == "/apis/rbac.authorization.k8s.io/v1/rolebindings"
    assert query(asked) == {
        "labelSelector": "app.kubernetes.io/managed-by=valetkey,valetkey.dev/installation=inst-x",
        "watch": "1",
        "timeoutSeconds": "1",
        "allowWatchBookmarks": "true",
    }


def test_bindings_of_the_whole_cluster_are_watched(server: Serve, watch: Watch) -> None:
    at = server(lambda _: says())
    assert heard(watch(at, BindingKind.CLUSTER_WIDE)) == []
    assert "/clusterrolebindings?" in at.asked[0].path


def test_a_role_is_watched_by_its_name_alone(server: Serve, watch: Watch) -> None:
    at = server(lambda _: says(("MODIFIED", role()), ("DELETED", role())))
    rules = (Rule(("get",), ("",), ("pods",)),)
    assert heard(watch(at, VIEW)) == [RoleChange(VIEW, None, rules), RoleChange(VIEW, None, None)]
    assert urlsplit(at.asked[0].path).path == "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    assert query(at.asked[0])["fieldSelector"] == "metadata.name=view"


def test_a_role_is_watched_in_every_namespace(server: Serve, watch: Watch) -> None:
    here = role()
    here["metadata"]["namespace"] = "team"
    at = server(lambda _: says(("ADDED", here)))
    ref = RoleRef("Role", "view")
    (change,) = heard(watch(at, ref))
    assert isinstance(change, RoleChange)
    assert (change.ref, change.namespace) == (ref, "team")
    assert urlsplit(at.asked[0].path).path == "/apis/rbac.authorization.k8s.io/v1/roles"


def test_signs_of_a_selector_in_a_name_are_only_part_of_it(server: Serve, watch: Watch) -> None:
    at = server(lambda _: says())
    heard(watch(at, RoleRef("ClusterRole", "a,metadata.name=b\\c")))
    assert query(at.asked[0])["fieldSelector"] == "metadata.name=a\\,metadata.name\\=b\\\\c"


def test_a_stream_that_ended_as_agreed_is_gone_on_from(server: Serve, watch: Watch) -> None:
    at = server(lambda _: says(("ADDED", binding(version="7")), ("BOOKMARK", bookmark("12"))))
    watcher = watch(at)
    first = watcher.open()
    assert not first.goes_on
    assert len(list(first.batches())) == 1
    second = watcher.open()
    assert second.goes_on
    list(second.batches())
    assert [query(asked).get("resourceVersion") for asked in at.asked] == [None, "12"]


def test_a_quiet_stream_without_a_bookmark_is_begun_anew(server: Serve, watch: Watch) -> None:
    at = server(lambda _: says())
    watcher = watch(at)
    heard(watcher)
    assert not watcher.open().goes_on


def test_after_many_streams_one_begins_anew_in_any_case(server: Serve, watch: Watch) -> None:
    """Should the server's versions have begun anew unseen, it would otherwise be deaf for ever."""
    at = server(lambda _: says(("BOOKMARK", bookmark("12"))))
    watcher = watch(at)
    for _stream in range(70):
        heard(watcher)
    anew = [number for number, asked in enumerate(at.asked) if "resourceVersion" not in asked.path]
    assert anew == [0, 30, 60]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (says(("BOOKMARK", bookmark("5")), ("ERROR", {"kind": "Status", "code": 410})), "410"),
        (says(("ERROR", {"kind": "Status", "code": 500})), "500"),
        (says(("SOMETHING", binding())), "SOMETHING"),
        (Said(body=b"no json at all\n"), ""),
        (Said(body=b'{"type": "ADDED"}\n'), ""),
        (says(("ADDED", {"metadata": {}})), ""),
        (says(("ADDED", role())), ""),
        (says(("BOOKMARK", bookmark("5")), ("ADDED", [])), ""),
    ],
    ids=["expired", "error", "unknown", "no-json", "half", "nothing", "another-kind", "a-list"],
)
def test_what_can_not_be_believed_ends_the_stream_and_the_next_begins_anew(
    server: Serve, watch: Watch, said: Said, why: str
) -> None:
    at = server(lambda _: said)
    watcher = watch(at)
    with pytest.raises(ClusterUnavailable) as raised:
        heard(watcher)
    assert why in raised.value.detail
    assert not watcher.open().goes_on
    assert "resourceVersion" not in at.asked[-1].path


def test_a_stream_that_ends_early_is_not_gone_on_from(server: Serve, watch: Watch) -> None:
    """So does a server that stops, and the one behind the same address may know another etcd."""
    at = server(lambda _: says(("BOOKMARK", bookmark("12"))))
    watcher = watch(at, times=LONG)
    with pytest.raises(ClusterUnavailable, match="early"):
        heard(watcher)
    assert not watcher.open().goes_on


def test_a_version_that_the_server_no_longer_has_is_let_go(server: Serve, watch: Watch) -> None:
    def script(asked: Asked) -> Said:
        if "resourceVersion" in asked.path:
            return status(410, "Expired", "too old resource version")
        return says(("BOOKMARK", bookmark("12")))

    watcher = watch(server(script))
    heard(watcher)
    with pytest.raises(ClusterRefused):
        watcher.open()
    assert not watcher.open().goes_on


def test_a_refused_watch_says_so(server: Serve, watch: Watch) -> None:
    at = server(lambda _: status(403, "Forbidden", "cannot watch resource"))
    with pytest.raises(ClusterForbidden, match="watch rolebindings"):
        watch(at).open()


def test_a_stream_that_hangs_is_given_up_soon_after_its_agreed_end(
    server: Serve, watch: Watch
) -> None:
    at = server(lambda _: replace(says(("ADDED", binding())), headers={"Content-Length": "99999"}))
    began = time.monotonic()
    with pytest.raises(ClusterUnavailable, match="no answer in time"):
        heard(watch(at))
    assert 1 < time.monotonic() - began < 4


def test_headers_that_do_not_come_are_not_waited_for(server: Serve, watch: Watch) -> None:
    at = server(lambda _: at.ended.wait(10) and None)
    began = time.monotonic()
    with pytest.raises(ClusterUnavailable):
        watch(at, times=LONG).open()
    assert time.monotonic() - began < 2


def test_an_event_without_an_end_is_not_read_for_ever(server: Serve, watch: Watch) -> None:
    at = server(lambda _: Said(body=b'{"type": "ADDED", "object": "' + b"x" * 6_000_000))
    with pytest.raises(ClusterUnavailable, match="without an end"):
        heard(watch(at))


def test_a_stream_is_ended_at_once_by_another_thread(server: Serve, watch: Watch) -> None:
    at = server(lambda _: replace(says(("ADDED", binding())), headers={"Content-Length": "99999"}))
    stream = watch(at, times=LONG).open()
    first, ended = threading.Event(), threading.Event()

    def follow() -> None:
        for _batch in stream.batches():
            first.set()

    def read() -> None:
        with pytest.raises(ClusterUnavailable):
            follow()
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(5)
    began = time.monotonic()
    stream.close()
    assert ended.wait(5)
    assert time.monotonic() - began < 1
    reader.join()


def test_a_mass_of_changes_comes_in_batches(server: Serve, watch: Watch) -> None:
    events = [("ADDED", binding(f"valetkey-{number}")) for number in range(1000)]
    at = server(lambda _: says(*events))
    batches = list(watch(at).open().batches())
    assert sum(len(batch) for batch in batches) == 1000
    assert len(batches) < 100
