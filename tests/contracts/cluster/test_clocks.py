"""How far our clock is ahead of a cluster's, in memory and on the real control plane."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from grants.access.cluster_port import ClusterPort
from grants.clock import Offset, SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from tests.support.fake_cluster import FakeCluster

SECOND = timedelta(seconds=1)
Make = Callable[[timedelta], ClusterPort]


class Shifted:
    """This machine's clock, ahead of it by so much."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return SystemClock().now() + self._ahead


@pytest.fixture
def fake_cluster_ahead() -> Make:
    def make(ahead: timedelta) -> ClusterPort:
        cluster = FakeCluster("prod", clock=Shifted(ahead), installation="inst-x")
        cluster.clock_ahead = ahead
        return cluster

    return make


@pytest.fixture
def real_cluster_ahead(kubeconfig: Path) -> Iterator[Make]:
    made: list[KubernetesCluster] = []

    def make(ahead: timedelta) -> ClusterPort:
        config = ClusterConfig(alias="prod", installation="inst-x", kubeconfig=kubeconfig)
        made.append(KubernetesCluster(config, Shifted(ahead)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.needs_cluster)])
def cluster_ahead(request: pytest.FixtureRequest) -> Make:
    """Make a cluster seen by a process whose clock is ahead of it by so much."""
    made: Make = request.getfixturevalue(f"{request.param}_cluster_ahead")
    return made


def measured(cluster: ClusterPort) -> Offset:
    return cluster.clock_offset(cluster.endpoints()[0])


@pytest.mark.parametrize("seconds", [0, 3600, -3600])
def test_the_true_difference_lies_within_the_uncertainty(cluster_ahead: Make, seconds: int) -> None:
    ahead = timedelta(seconds=seconds)
    found = measured(cluster_ahead(ahead))
    assert abs(found.ahead - ahead) <= found.uncertainty
    assert SECOND / 2 <= found.uncertainty < 5 * SECOND


def test_a_cluster_on_this_machine_is_not_surely_apart(cluster_ahead: Make) -> None:
    assert not measured(cluster_ahead(timedelta(0))).is_surely_past(timedelta(0))
