"""What a server, a proxy or the network does wrong is neither believed nor waited for."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from grants.access.cluster_port import Binding, BindingPlace, BindingWish
from grants.authz.model import Question, RoleRef
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.reply import BODY_MOST_BYTES
from grants.errors import (
    ClusterChanged,
    ClusterConflict,
    ClusterError,
    ClusterForbidden,
    ClusterRefused,
    ClusterUnavailable,
)
from tests.support.scripted_server import Asked, Said, Script, ScriptedServer, status

PLACE = BindingPlace("valetkey-x", "team")
ROLE = RoleRef("ClusterRole", "view")
WISH = BindingWish(PLACE, "gra-x", ROLE, "oidc:ada", "per-x", ("per-y",))
QUESTION = Question("get", resource="pods", namespace="team")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BINDING = Binding(PLACE, "uid-1", "7", ROLE, (), None, None, None, (), NOW)
MANIFEST: dict[str, Any] = {
    "kind": "RoleBinding",
    "metadata": {
        "name": PLACE.name,
        "namespace": PLACE.namespace,
        "uid": "uid-1",
        "resourceVersion": "7",
        "creationTimestamp": "2026-11-22T12:00:00Z",
    },
    "roleRef": {"kind": "ClusterRole", "name": "view"},
}
# Two waits of a third of a second each, and a slow machine.
SOON_SECONDS = 2.0

Serve = Callable[[Script], ScriptedServer]
At = Callable[..., KubernetesCluster]
Act = Callable[[KubernetesCluster], object]

ACTS: dict[str, Act] = {
    "uid": lambda c: c.uid(),
    "role": lambda c: c.role(ROLE, None),
    "has_namespace": lambda c: c.has_namespace("team"),
    "namespaces": lambda c: c.namespaces(),
    "binding": lambda c: c.binding(PLACE),
    "managed_bindings": lambda c: c.managed_bindings(),
    "create_empty": lambda c: c.create_empty(WISH),
    "fill": lambda c: c.fill(BINDING, WISH, NOW),
    "empty": lambda c: c.empty(BINDING),
    "drop_finalizers": lambda c: c.drop_finalizers(BINDING),
    "delete": lambda c: c.delete(PLACE, "uid-1"),
    "ask": lambda c: c.ask("oidc:ada", (), (QUESTION,) * 20, c.endpoints()[0]),
}


@pytest.fixture(params=ACTS)
def act(request: pytest.FixtureRequest) -> Act:
    """Every call that the port has, one after the other."""
    return ACTS[request.param]


def says(said: Said) -> Script:
    return lambda _: said


def fails_soon(act: Act, cluster: KubernetesCluster) -> None:
    began = time.monotonic()
    with pytest.raises(ClusterUnavailable):
        act(cluster)
    assert time.monotonic() - began < SOON_SECONDS


def test_a_server_that_hangs_is_given_up(server: Serve, cluster_at: At, act: Act) -> None:
    def hang(_: Asked) -> None:
        hung.ended.wait()

    hung = server(hang)
    fails_soon(act, cluster_at(hung.url))


def test_a_server_that_is_not_there_is_unavailable(cluster_at: At, act: Act) -> None:
    fails_soon(act, cluster_at("http://127.0.0.1:1"))


def test_a_body_that_never_ends_is_given_up(server: Serve, cluster_at: At) -> None:
    """Each byte comes within the read time-out; only a limit on the whole ends it."""

    def drip(_: Asked) -> Said:
        return Said(200, b"x", {"Content-Length": "1000000"})

    class Dripping(ScriptedServer):
        def _answer(self, handler: Any) -> None:
            super()._answer(handler)
            try:
                while not self.ended.wait(0.05):
                    handler.wfile.write(b"x")
                    handler.wfile.flush()
            except OSError:
                handler.close_connection = True

    with Dripping(drip) as dripping:
        fails_soon(ACTS["binding"], cluster_at(dripping.url))


def test_nothing_is_sent_twice(server: Serve, cluster_at: At, act: Act) -> None:
    """The library repeats GET, PUT and DELETE by itself unless it is told not to."""
    dead = server(lambda _: None)
    with pytest.raises(ClusterUnavailable):
        act(cluster_at(dead.url))
    sent = [(asked.method, asked.path) for asked in dead.asked]
    assert len(set(sent)) == len(sent)


def test_a_redirect_is_not_followed(server: Serve, cluster_at: At) -> None:
    other = server(says(Said(200, MANIFEST)))
    moved = server(says(Said(307, {}, {"Location": f"{other.url}/"})))
    with pytest.raises(ClusterUnavailable):
        cluster_at(moved.url).binding(PLACE)
    assert other.asked == []


@pytest.mark.parametrize("name", ["binding", "delete", "role", "has_namespace", "drop_finalizers"])
@pytest.mark.parametrize(
    "said",
    [
        Said(404, b"404 page not found"),
        Said(404, b"<html>not found</html>"),
        status(404, "NotFound", "the server could not find the requested resource"),
        status(404, "NotFound", name="another"),
    ],
    ids=["no-api", "proxy", "no-resource", "another"],
)
def test_a_404_that_is_not_about_the_object_is_not_believed(
    server: Serve, cluster_at: At, name: str, said: Said
) -> None:
    with pytest.raises(ClusterError):
        ACTS[name](cluster_at(server(says(said)).url))


@pytest.mark.parametrize(
    "said",
    [
        Said(200, b""),
        Said(200, b"<html>welcome</html>"),
        Said(200, {}),
        Said(200, {"kind": "Status", "status": "Unknown"}),
        Said(200, MANIFEST | {"metadata": MANIFEST["metadata"] | {"name": "another"}}),
        Said(200, MANIFEST | {"metadata": MANIFEST["metadata"] | {"uid": ""}}),
        Said(200, b"\xff\xfe"),
        Said(204, b""),
    ],
    ids=["empty", "html", "object", "status", "another", "no-uid", "bytes", "no-content"],
)
@pytest.mark.parametrize("name", ["binding", "delete", "create_empty"])
def test_an_answer_that_is_not_the_one_is_not_believed(
    server: Serve, cluster_at: At, name: str, said: Said
) -> None:
    with pytest.raises(ClusterUnavailable):
        ACTS[name](cluster_at(server(says(said)).url))


@pytest.mark.parametrize("review", [{}, {"status": {}}, {"status": {"allowed": "false"}}, []])
def test_a_review_that_does_not_say_allowed_or_not_is_no_denial(
    server: Serve, cluster_at: At, review: object
) -> None:
    def script(asked: Asked) -> Said:
        namespace = {"metadata": {"name": "kube-system", "uid": "u"}}
        return Said(201, review) if asked.method == "POST" else Said(200, namespace)

    with pytest.raises(ClusterUnavailable):
        ACTS["ask"](cluster_at(server(script).url))


def test_a_body_without_end_in_sight_is_cut_off(server: Serve, cluster_at: At) -> None:
    page = b" " * (BODY_MOST_BYTES + 1)
    with pytest.raises(ClusterUnavailable, match="too large"):
        cluster_at(server(says(Said(200, page))).url).managed_bindings()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (status(401, "Unauthorized"), ClusterForbidden),
        (status(403, "Forbidden", 'User "x" cannot create'), ClusterForbidden),
        (Said(403, b"proxy says no"), ClusterForbidden),
        (status(403, "Forbidden", causes=[{"reason": "NamespaceTerminating"}]), ClusterRefused),
        (status(403, "", 'admission webhook "w" denied the request: no'), ClusterRefused),
        (status(403, "", "ValidatingAdmissionPolicy 'p' denied request: no"), ClusterRefused),
        (status(400, "BadRequest"), ClusterRefused),
        (Said(400, b"proxy is confused"), ClusterUnavailable),
        (status(404, "NotFound", name="team"), ClusterRefused),
        (status(409, "Conflict"), ClusterConflict),
        (status(422, "Invalid"), ClusterRefused),
        (status(422, "Invalid", causes=[{"field": "metadata.uid"}]), ClusterConflict),
        (status(429, "TooManyRequests"), ClusterUnavailable),
        (status(500, "InternalError"), ClusterUnavailable),
        (Said(502, b"bad gateway"), ClusterUnavailable),
        (status(504, "Timeout"), ClusterUnavailable),
    ],
)
def test_each_refusal_has_its_kind(
    server: Serve, cluster_at: At, said: Said, kind: type[ClusterError]
) -> None:
    with pytest.raises(ClusterError) as caught:
        cluster_at(server(says(said)).url).create_empty(WISH)
    assert type(caught.value) is kind
    assert caught.value.action == "create rolebindings"
    assert str(said.status) in caught.value.detail


def test_what_a_server_says_fits_one_short_line(server: Serve, cluster_at: At) -> None:
    said = status(422, "Invalid", "a\nb\x1b[31mc\u202ed\u2028" + "e" * 9000)
    with pytest.raises(ClusterRefused) as caught:
        cluster_at(server(says(said)).url).create_empty(WISH)
    assert caught.value.detail.startswith("422 a b [31mc d e")
    assert len(caught.value.detail) <= 300


def test_a_list_that_expires_midway_is_no_answer(server: Serve, cluster_at: At) -> None:
    def script(asked: Asked) -> Said:
        if "continue=next" in asked.path:
            return status(410, "Expired")
        return Said(200, {"items": [], "metadata": {"continue": "next"}})

    with pytest.raises(ClusterUnavailable, match="expired"):
        cluster_at(server(script).url).managed_bindings()


def test_a_list_that_never_ends_is_given_up(server: Serve, cluster_at: At) -> None:
    endless = server(says(Said(200, {"items": [], "metadata": {"continue": "next"}})))
    fails_soon(ACTS["namespaces"], cluster_at(endless.url))


def namespace_script(uid: str) -> Script:
    """A server that knows its kube-system and denies everything."""

    def script(asked: Asked) -> Said:
        if asked.method == "POST":
            return Said(201, {"status": {"allowed": False}})
        if asked.path.endswith("kube-system"):
            return Said(200, {"metadata": {"name": "kube-system", "uid": uid}})
        return status(404, "NotFound", name=PLACE.name)

    return script


def test_each_endpoint_is_asked_itself(server: Serve, cluster_at: At) -> None:
    """The hook that renews a token points the configuration back at the kubeconfig's server."""
    main, first, second = (server(namespace_script("u")) for _ in range(3))
    cluster = cluster_at(main.url, (first.url, second.url))
    assert cluster.endpoints() == (first.url, second.url)
    assert cluster.knows_all_endpoints()
    for endpoint in (second, first):
        endpoint.asked.clear()
        main.asked.clear()
        assert cluster.binding(PLACE, endpoint.url) is None
        cluster.ask("oidc:ada", (), (QUESTION,), endpoint.url)
        assert [a.method for a in endpoint.asked] == ["GET", "GET", "POST"]
        assert all(a.token == "Bearer a-token" for a in endpoint.asked)
        assert all("kube-system" in a.path for a in main.asked)


def test_an_endpoint_of_another_cluster_proves_nothing(server: Serve, cluster_at: At) -> None:
    main, other = server(namespace_script("one")), server(namespace_script("another"))
    cluster = cluster_at(main.url, (main.url, other.url))
    assert cluster.binding(PLACE, main.url) is None
    for _ in range(2):
        with pytest.raises(ClusterChanged):
            cluster.binding(PLACE, other.url)
        with pytest.raises(ClusterChanged):
            cluster.ask("oidc:ada", (), (QUESTION,), other.url)


def test_only_a_server_that_says_so_is_ready(server: Serve, cluster_at: At) -> None:
    def hang(_: Asked) -> None:
        hung.ended.wait()

    hung = server(hang)
    assert cluster_at(server(says(Said(200, b"ok"))).url).ready(server(says(Said(200, b"ok"))).url)
    for bad in (server(says(Said(500, b"etcd failed"))), server(lambda _: None), hung):
        assert not cluster_at(bad.url).ready(bad.url)
