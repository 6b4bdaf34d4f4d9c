"""An API server that is parted from etcd: not ready, silent on reads, and still allowing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig, ClusterTimes
from grants.errors import ClusterUnavailable
from grants.ids import Prefix, new_id
from tests.support.cluster_lab import FakeLab, Lab, RealLab, eventually, new_person, wish_for
from tests.support.cluster_lab import ask_pods as ask_first
from tests.support.fake_cluster import FakeCluster
from tests.support.shipped import bot_kubeconfig

EXPIRES = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
# The bot gives up on the silent server sooner than it would elsewhere.
TIMES = ClusterTimes(read=timedelta(seconds=1))


class StillClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Parted:
    """A stage with two API servers, of which the second can be cut off and joined again."""

    lab: Lab
    first: str
    second: str
    cut_off: Callable[[], None]
    join: Callable[[], None]


@pytest.fixture
def fake_parted() -> Parted:
    first, second = "https://first.example", "https://second.example"
    installation = new_id(Prefix.INSTALLATION)
    cluster = FakeCluster(
        "prod", clock=StillClock(), installation=installation, endpoints=(first, second)
    )
    lab = FakeLab(cluster, installation, "team")
    return Parted(lab, first, second, lambda: cluster.cut_off(second), lambda: cluster.join(second))


@pytest.fixture
def real_parted(two_api_servers: ControlPlane, tmp_path: Path) -> Iterator[Parted]:
    plane = two_api_servers
    first, second = (server.url for server in plane.servers)
    link = plane.servers[1].link
    assert link is not None
    config = ClusterConfig(
        alias="prod",
        installation=new_id(Prefix.INSTALLATION),
        kubeconfig=bot_kubeconfig(plane, tmp_path / "kubeconfig"),
        endpoints=(first, second),
        times=TIMES,
    )
    with ExitStack() as stack:
        cluster = KubernetesCluster(config, SystemClock())
        stack.callback(cluster.close)
        stack.callback(link.resume)
        lab = RealLab(cluster, config.installation, "default", plane)
        yield Parted(lab, first, second, link.pause, link.resume)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.needs_cluster)])
def parted(request: pytest.FixtureRequest) -> Parted:
    """A stage with two API servers; each test runs on both."""
    made: Parted = request.getfixturevalue(f"{request.param}_parted")
    return made


@pytest.mark.security("G4")
def test_a_server_that_is_cut_off_shows_and_catches_up(parted: Parted) -> None:
    lab, cluster = parted.lab, parted.lab.cluster
    person = new_person()
    wish = wish_for(lab, person)

    def allowed_at(server: str) -> bool:
        question = ask_first(lab, person).question
        return cluster.ask(person, (), (question,), server)[0].allowed

    made = cluster.create_empty(wish)
    assert made is not None
    cluster.fill(made, wish, EXPIRES)
    for server in (parted.first, parted.second):
        eventually(partial(allowed_at, server), f"{server} allows")
        assert cluster.ready(server)
        assert cluster.binding(wish.place, server) is not None

    parted.cut_off()
    eventually(lambda: not cluster.ready(parted.second), "the second is not ready")
    assert cluster.ready(parted.first)
    cluster.delete(wish.place, made.uid)
    assert cluster.binding(wish.place, parted.first) is None
    eventually(lambda: not allowed_at(parted.first), "the first denies")
    with pytest.raises(ClusterUnavailable):
        cluster.binding(wish.place, parted.second)
    assert allowed_at(parted.second)

    parted.join()
    eventually(lambda: cluster.ready(parted.second), "the second is ready again")
    eventually(lambda: not allowed_at(parted.second), "the second denies")
    assert cluster.binding(wish.place, parted.second) is None
