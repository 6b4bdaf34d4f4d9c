"""The same stage three times: the cluster in memory, the embedded one and the real control plane,
these two with shipped RBAC.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.playground.cluster.plane import EmbeddedPlane
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.plane import Plane
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from grants.ids import Prefix, new_id
from tests.support.cluster_lab import FakeLab, Lab, RealLab, new_word
from tests.support.fake_cluster import FakeCluster
from tests.support.shipped import bot_kubeconfig


class StillClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def kubeconfig(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bot's kubeconfig."""
    return bot_kubeconfig(control_plane, tmp_path_factory.mktemp("bot") / "kubeconfig")


@pytest.fixture
def fake_lab() -> FakeLab:
    installation = new_id(Prefix.INSTALLATION)
    cluster = FakeCluster("prod", clock=StillClock(), installation=installation)
    return FakeLab(cluster, installation, f"t-{new_word()}")


@pytest.fixture(scope="session")
def embedded_kubeconfig(embedded: EmbeddedPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bot's kubeconfig of the embedded cluster."""
    return bot_kubeconfig(embedded, tmp_path_factory.mktemp("bot") / "embedded-kubeconfig")


@pytest.fixture
def real_lab(control_plane: ControlPlane, namespace: str, kubeconfig: Path) -> Iterator[RealLab]:
    yield from _lab(control_plane, namespace, kubeconfig)


@pytest.fixture
def embedded_lab(
    embedded: EmbeddedPlane, embedded_namespace: str, embedded_kubeconfig: Path
) -> Iterator[RealLab]:
    yield from _lab(embedded, embedded_namespace, embedded_kubeconfig)


def _lab(plane: Plane, namespace: str, kubeconfig: Path) -> Iterator[RealLab]:
    installation = new_id(Prefix.INSTALLATION)
    config = ClusterConfig(alias="prod", installation=installation, kubeconfig=kubeconfig)
    cluster = KubernetesCluster(config, SystemClock())
    lab = RealLab(cluster, installation, namespace, plane)
    yield lab
    lab.clean_up()
    cluster.close()


@pytest.fixture(
    params=[
        "fake",
        "embedded",
        pytest.param("real", marks=pytest.mark.needs_cluster),
    ]
)
def lab(request: pytest.FixtureRequest) -> Lab:
    """A stage; each test runs on both."""
    made: Lab = request.getfixturevalue(f"{request.param}_lab")
    return made
