"""Drift on a real cluster is acted on within seconds by watches, and without them by sweeps."""

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.playground.controlplane.plane import ControlPlane
from deploy.rbac import bind_role
from grants.access.model import Cause, Grant, GrantState
from grants.access.watch_port import BindingChange, BindingKind
from grants.authz.model import RoleRef
from grants.store.schema import upgrade
from tests.support.cluster_lab import RBAC
from tests.support.fault_worker import Stage
from tests.support.faults import Faults
from tests.support.shipped import BOT_NAMESPACE
from tests.support.stores import sqlite_url
from tests.support.watched import SHORT, CuttableLink, WatchedWorker, seconds_until, through
from tests.support.world import a_policy

ACTED_SECONDS = 3.0
DEBUG = RoleRef("Role", "debug")
RULES = [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "services"]}]
MORE = [*RULES, {"verbs": ["delete"], "apiGroups": [""], "resources": ["pods"]}]
LESS = [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]

Act = Callable[["Scene", Grant], None]


class Scene:
    """A namespace with a role, people who ask for it, and somebody else who acts there."""

    def __init__(self, plane: ControlPlane, stage: Stage, namespace: str) -> None:
        self.plane = plane
        self.stage = stage
        self.namespace = namespace
        self.faults = Faults(plane, stage, namespace)
        self._role("POST", "", RULES)

    def active(self, worker: WatchedWorker) -> Grant:
        """A grant that is active and was looked at, its binding and its role watched."""
        grant, _account = self.faults.approved()
        seconds_until(lambda: self._rests(grant), 15, "active and looked at")
        seconds_until(lambda: worker.meter.streams in {0, 3}, 15, "all is watched")
        return self.faults.grant(grant.id)

    def grant(self, grant: Grant) -> Grant:
        return self.faults.grant(grant.id)

    def is_ended(self, grant: Grant) -> bool:
        return self.grant(grant).state is GrantState.ENDED

    def was_told(self, grant: Grant) -> bool:
        with self.faults.reading() as tx:
            events = [json.loads(event.canonical) for event in tx.events_about(grant.id)]
        return any(event["type"] == "grant.role-changed" for event in events)

    def _rests(self, grant: Grant) -> bool:
        now = self.grant(grant)
        if now.state is not GrantState.ACTIVE or now.active_at is None:
            return False
        return now.due_at > now.active_at + timedelta(minutes=1)

    def binding(self, grant: Grant, method: str, body: Any = None) -> None:
        path = f"{RBAC}/namespaces/{self.namespace}/rolebindings/{grant.binding_name}"
        self.plane.admin_request(method, path, body)

    def set_role(self, rules: list[dict[str, Any]] | None) -> None:
        if rules is None:
            self._role("DELETE", f"/{DEBUG.name}", None)
        else:
            self._role("PUT", f"/{DEBUG.name}", rules)

    def _role(self, method: str, path: str, rules: list[dict[str, Any]] | None) -> None:
        body = {"metadata": {"name": DEBUG.name, "namespace": self.namespace}, "rules": rules}
        path = f"{RBAC}/namespaces/{self.namespace}/roles{path}"
        self.plane.admin_request(method, path, None if rules is None else body)


@pytest.fixture
def bindable(control_plane: ControlPlane) -> Iterator[None]:
    """What `policy rbac` writes for the policy of these tests, given to the bot."""
    policy = a_policy(namespaces=("*",), role=DEBUG)
    name = f"watched-{secrets.token_hex(4)}"
    role = yaml.safe_load(bind_role(policy))
    role["metadata"]["name"] = name
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": "valetkey", "namespace": BOT_NAMESPACE}],
    }
    control_plane.admin_request("POST", f"{RBAC}/clusterroles", role)
    control_plane.admin_request("POST", f"{RBAC}/clusterrolebindings", binding)
    yield
    control_plane.admin_request("DELETE", f"{RBAC}/clusterrolebindings/{name}")
    control_plane.admin_request("DELETE", f"{RBAC}/clusterroles/{name}")


@pytest.fixture
def link(control_plane: ControlPlane) -> Iterator[CuttableLink]:
    made = CuttableLink(control_plane.url)
    yield made
    made.relay.stop()


@pytest.fixture
def scene(
    control_plane: ControlPlane,
    namespace: str,
    kubeconfig: Path,
    link: CuttableLink,
    bindable: None,
    tmp_path: Path,
) -> Iterator[Scene]:
    url = sqlite_url(tmp_path / "database" / "valetkey.db")
    upgrade(url)
    way = through(link, kubeconfig, tmp_path / "through")
    stage = Stage(url, way, a_policy(namespaces=("*",), role=DEBUG))
    made = Scene(control_plane, stage, namespace)
    yield made
    made.faults.close()


@pytest.fixture
def worker(scene: Scene) -> Iterator[WatchedWorker]:
    with WatchedWorker(scene.stage) as made:
        yield made


def delete(scene: Scene, grant: Grant) -> None:
    scene.binding(grant, "DELETE")


def widen(scene: Scene, grant: Grant) -> None:
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "everyone"}
    user = {**group, "kind": "User", "name": grant.subject}
    scene.binding(grant, "PATCH", {"subjects": [user, group]})


def relabel(scene: Scene, grant: Grant) -> None:
    label = {"app.kubernetes.io/managed-by": "somebody"}
    scene.binding(grant, "PATCH", {"metadata": {"labels": label}})


@pytest.mark.parametrize(
    ("act", "cause"),
    [
        (delete, Cause.REVOKED_OUTSIDE),
        (widen, Cause.ALTERED_OUTSIDE),
        (relabel, Cause.ALTERED_OUTSIDE),
        (lambda scene, _: scene.set_role(MORE), Cause.ROLE_CHANGED),
    ],
    ids=["deleted", "widened", "relabelled", "role-widened"],
)
def test_drift_ends_access_within_seconds(
    scene: Scene, worker: WatchedWorker, act: Act, cause: Cause
) -> None:
    grant = scene.active(worker)
    act(scene, grant)
    seconds_until(lambda: scene.is_ended(grant), ACTED_SECONDS, "ended")
    assert scene.grant(grant).cause is cause


@pytest.mark.parametrize("rules", [LESS, None], ids=["narrowed", "deleted"])
def test_a_role_that_gives_less_is_told_within_seconds(
    scene: Scene, worker: WatchedWorker, rules: list[dict[str, Any]] | None
) -> None:
    grant = scene.active(worker)
    scene.set_role(rules)
    seconds_until(lambda: scene.was_told(grant), ACTED_SECONDS, "told")
    assert scene.grant(grant).state is GrantState.ACTIVE


def test_a_binding_that_nobody_knows_is_swept_within_seconds(
    scene: Scene, worker: WatchedWorker
) -> None:
    scene.active(worker)
    body = {
        "metadata": {
            "name": "valetkey-stray",
            "labels": {
                "app.kubernetes.io/managed-by": "valetkey",
                "valetkey.dev/installation": worker.core.installation,
                "valetkey.dev/grant": "gra-" + "a" * 26,
            },
        },
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": DEBUG.name},
        "subjects": [],
    }
    path = f"{RBAC}/namespaces/{scene.namespace}/rolebindings"
    scene.plane.admin_request("POST", path, body)

    def is_gone() -> bool:
        every = scene.plane.admin_request("GET", path)["items"]
        return all(item["metadata"]["name"] != "valetkey-stray" for item in every)

    seconds_until(is_gone, ACTED_SECONDS + 1, "deleted")


def test_our_own_doing_hurries_nothing(scene: Scene, worker: WatchedWorker) -> None:
    grant, account = scene.faults.approved()
    seconds_until(lambda: worker.meter.streams == 3, 15, "active, and its role watched")
    scene.faults.give_back(grant, account)
    seconds_until(lambda: scene.is_ended(grant), 15, "ended")
    # The DELETE is the last that happened to it, and was heard when the count is back.
    seconds_until(lambda: worker.meter.changes >= 3, 15, "heard")
    assert worker.meter.hurried == 0


def test_a_cut_watch_comes_back_and_what_was_missed_is_swept(
    scene: Scene, worker: WatchedWorker, link: CuttableLink
) -> None:
    grant = scene.active(worker)
    link.cut()
    seconds_until(lambda: worker.meter.streams == 0, 15, "the watches are lost")
    delete(scene, grant)
    link.join()
    took = seconds_until(lambda: scene.is_ended(grant), 10, "ended")
    assert took < ACTED_SECONDS + 2
    assert "cluster-unavailable" in worker.meter.restarts


def test_a_watch_that_hangs_is_given_up(scene: Scene, link: CuttableLink) -> None:
    with WatchedWorker(scene.stage, times=SHORT) as worker:
        grant = scene.active(worker)
        link.relay.pause()
        delete(scene, grant)
        seconds_until(lambda: "cluster-unavailable" in worker.meter.restarts, 15, "given up")
        link.relay.resume()
        seconds_until(lambda: scene.is_ended(grant), 10, "ended")


def test_what_happens_between_two_streams_is_heard_by_the_next(scene: Scene) -> None:
    with WatchedWorker(scene.stage, watch=False, times=SHORT) as worker:
        grant = scene.active(worker)
        watcher = worker.core.cluster().watcher(BindingKind.NAMESPACED)
        (first,) = [change for batch in watcher.open().batches() for change in batch]
        assert isinstance(first, BindingChange)
        delete(scene, grant)
        stream = watcher.open()
        assert stream.goes_on
        (gone,) = next(stream.batches())
        stream.close()
        assert isinstance(gone, BindingChange)
        assert (gone.gone, gone.binding.uid) == (True, grant.binding_uid)
        assert not first.gone


def test_a_version_of_the_future_says_nothing_and_is_let_go(scene: Scene) -> None:
    """As after etcd was restored from a copy: the API server waits for its versions to come."""
    with WatchedWorker(scene.stage, watch=False, times=SHORT) as worker:
        scene.active(worker)
        watcher = worker.core.cluster().watcher(BindingKind.NAMESPACED)
        watcher.ended_as_agreed("999999999999")
        deaf = watcher.open()
        assert deaf.goes_on
        assert list(deaf.batches()) == []
        anew = watcher.open()
        assert not anew.goes_on
        assert len(next(anew.batches())) == 1
        anew.close()


def test_without_watches_a_sweep_sees_it(scene: Scene) -> None:
    with WatchedWorker(scene.stage, watch=False, sweep_every=timedelta(seconds=1)) as worker:
        grant = scene.active(worker)
        delete(scene, grant)
        seconds_until(lambda: scene.is_ended(grant), 10, "ended")
        assert worker.meter.changes == 0
