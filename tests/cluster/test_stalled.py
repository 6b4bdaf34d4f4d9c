"""A real cluster behind a network that stalls: left alone, shown, taken up as soon as it moves."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from bot.playground.processes import wait_until
from bot.playground.relay import Relay
from bot.worker.breaker import LookTimes
from bot.worker.known_clusters import KnownClusters
from bot.worker.reconciler import Reconciler
from grants.access.cluster_port import BindingPlace, BindingWish
from grants.access.fresh import Fresh
from grants.access.model import Cause, Grant, GrantState
from grants.access.naming import binding_name
from grants.access.reconcile import reconcile_grant
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from tests.cluster.conftest import QUICK
from tests.support.cluster_lab import VIEW, RealLab, ask_pods, eventually_allowed, eventually_denied
from tests.support.fake_cluster import FakeCluster
from tests.support.store_values import a_grant, a_request, populate, some_terms
from tests.support.world import World

SOON = timedelta(seconds=40)
FAR, NEAR = "far", [f"near-{number}" for number in range(4)]
OF_FAR, OF_EACH, THREADS = 40, 10, 4
PERSON = "oidc:stalled@example.com"
LOOKS = LookTimes(first=timedelta(milliseconds=100), most=timedelta(milliseconds=400))


class Clusters:
    """The `Clusters` port over a real cluster and some in memory."""

    def __init__(self, *clusters: KubernetesCluster | FakeCluster) -> None:
        self._by_alias = {cluster.alias: cluster for cluster in clusters}

    def get(self, alias: str) -> KubernetesCluster | FakeCluster | None:
        return self._by_alias.get(alias)

    def aliases(self) -> tuple[str, ...]:
        return tuple(self._by_alias)


class Scene:
    """Leases that are all over, in a real cluster behind a relay and in some beside it."""

    def __init__(self, lab: RealLab, relay: Relay, kubeconfig: Path) -> None:
        self.lab, self.relay = lab, relay
        self.world = World(installation=lab.installation)
        config = ClusterConfig(FAR, lab.installation, kubeconfig=kubeconfig, times=QUICK)
        self.far = KubernetesCluster(config, SystemClock())
        near = [
            FakeCluster(alias, clock=self.world.clock, installation=lab.installation)
            for alias in NEAR
        ]
        self.world.clusters = Clusters(self.far, *near)  # type: ignore[assignment]
        self.known = KnownClusters(self.world, LOOKS)
        self.known.see_all(SOON)
        self.known.look()
        assert self.known.problems == {}
        self.walks = 0
        self.worker = Reconciler(
            self.world.store,
            self._walk,
            lambda _: None,
            worker="w",
            threads=THREADS,
            hold=timedelta(minutes=1),
            shut=self.known.shut,
        )
        self.known.when_open(self._go_on)
        self._add_grants()

    def _add_grants(self) -> None:
        now = self.world.clock.now()
        aliases = [FAR] * OF_FAR + [alias for alias in NEAR for _ in range(OF_EACH)]
        request = a_request(populate(self.world.store).ann, *(some_terms() for _ in aliases))
        with self.world.store.read() as tx:
            uids = {alias: tx.cluster_uid(alias) or "" for alias in {*aliases}}
        for number, alias in enumerate(aliases):
            grant = replace(
                a_grant(request, number, due_at=now),
                cluster=alias,
                cluster_uid=uids[alias],
                namespace=self.lab.namespace,
                subject=PERSON,
                state=GrantState.REVOKING,
                cause=Cause.EXPIRED,
                revoking_at=now,
                expires_at=now - timedelta(seconds=len(aliases) - number),
            )
            grant = replace(grant, binding_name=binding_name(self.lab.installation, grant.id))
            if alias == FAR:
                grant = replace(grant, binding_uid=self._filled(grant))
            with self.world.store.write() as tx:
                if number == 0:
                    tx.add_request(request)
                tx.add_grant(grant)

    def _filled(self, grant: Grant) -> str:
        place = BindingPlace(grant.binding_name, grant.namespace)
        wish = BindingWish(place, grant.id, VIEW, PERSON, grant.requester, grant.approvers)
        made = self.far.create_empty(wish)
        assert made is not None
        return self.far.fill(made, wish, SystemClock().now() + timedelta(hours=1)).uid

    def _walk(self, grant: str, _fresh: Fresh | None = None) -> Grant | None:
        self.walks += 1
        done = reconcile_grant(grant, ports=self.world)
        if done is not None and done.problem:
            self.known.suspect(done.cluster)
        return done

    def _go_on(self, clusters: Collection[str]) -> None:
        with self.world.store.write() as tx:
            tx.wake_grants(clusters, self.world.clock.now())
        self.worker.run_due()

    def left(self, alias: str | None = None) -> list[Grant]:
        with self.world.store.read() as tx:
            return [g for g in tx.live_grants() if alias in {None, g.cluster}]

    def stop(self) -> None:
        self.relay.resume()
        assert self.worker.stop(SOON)
        assert self.known.stop(SOON)
        self.far.close()


@pytest.fixture
def scene(lab: RealLab, kubeconfig: Path, tmp_path: Path) -> Iterator[Scene]:
    content = yaml.safe_load(kubeconfig.read_text())
    cluster = content["clusters"][0]["cluster"]
    with ExitStack() as stack:
        relay = stack.enter_context(Relay(urlsplit(cluster["server"]).port or 443))
        cluster["server"] = f"https://127.0.0.1:{relay.port}"
        path = tmp_path / "relayed"
        path.write_text(yaml.safe_dump(content))
        scene = Scene(lab, relay, path)
        stack.callback(scene.stop)
        yield scene


@pytest.mark.security("G1")
@pytest.mark.security("B3")
def test_a_real_cluster_whose_network_stalls_is_left_alone_and_taken_up_when_it_moves(
    scene: Scene,
) -> None:
    lab, known = scene.lab, scene.known
    eventually_allowed(lab, PERSON)
    scene.relay.pause()
    scene.worker.run_due()
    wait_until(
        lambda: {g.cluster for g in scene.left()} == {FAR},
        within=SOON,
        what="everybody else's have ended",
    )
    wait_until(lambda: known.problems, within=SOON, what="the stalled one is known")
    assert known.problems == {FAR: "cluster-unavailable"}
    assert len(scene.left(FAR)) == OF_FAR
    assert ask_pods(lab, PERSON).allowed, "nothing was said to be gone that is not"

    walks = scene.walks
    scene.world.clock.forward(seconds=10)
    known.look()
    scene.world.clock.forward(minutes=2)
    known.look()
    while known.note_waiting():
        scene.worker.run_due()
    assert all(g.stuck and g.problem == "cluster-unavailable" for g in scene.left(FAR))
    assert scene.walks == walks, "told stuck without another walk"

    scene.relay.resume()

    def is_over() -> bool:
        known.look()
        return not scene.left()

    wait_until(is_over, within=SOON, what="all of them have ended")
    eventually_denied(lab, PERSON)
    assert scene.walks - walks <= OF_FAR + 2 * THREADS
