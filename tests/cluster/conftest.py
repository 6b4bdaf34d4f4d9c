"""Clusters for tests of the adapter: scripted servers, and the real one with the bot's token."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig, ClusterTimes
from grants.ids import Prefix, new_id
from tests.support.cluster_lab import RealLab
from tests.support.scripted_server import Script, ScriptedServer, write_kubeconfig
from tests.support.shipped import bot_kubeconfig
from tests.support.tried_account import Tried, tried_account

QUICK = ClusterTimes(
    connect=timedelta(seconds=0.3),
    read=timedelta(seconds=0.3),
    whole_list=timedelta(seconds=1),
    ready=timedelta(seconds=0.3),
)


@pytest.fixture
def server() -> Iterator[Callable[[Script], ScriptedServer]]:
    """Start servers that answer by a script."""
    started: list[ScriptedServer] = []

    def start(script: Script) -> ScriptedServer:
        started.append(ScriptedServer(script).__enter__())
        return started[-1]

    yield start
    for one in started:
        one.__exit__(None, None, None)


@pytest.fixture
def cluster_at(tmp_path: Path) -> Iterator[Callable[..., KubernetesCluster]]:
    """Make a cluster of a server's address, with time-outs of a third of a second."""
    made: list[KubernetesCluster] = []

    def make(url: str, endpoints: tuple[str, ...] = (), **user: object) -> KubernetesCluster:
        path = write_kubeconfig(tmp_path / "kubeconfig", url, **user)
        config = ClusterConfig(
            alias="prod", installation="inst-x", kubeconfig=path, endpoints=endpoints, times=QUICK
        )
        made.append(KubernetesCluster(config, SystemClock()))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def kubeconfig(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bot's kubeconfig on the real control plane: the shipped RBAC and nothing more."""
    return bot_kubeconfig(control_plane, tmp_path_factory.mktemp("bot") / "kubeconfig")


@pytest.fixture
def lab(control_plane: ControlPlane, namespace: str, kubeconfig: Path) -> Iterator[RealLab]:
    """A stage on the real control plane."""
    installation = new_id(Prefix.INSTALLATION)
    config = ClusterConfig(alias="prod", installation=installation, kubeconfig=kubeconfig)
    cluster = KubernetesCluster(config, SystemClock())
    made = RealLab(cluster, installation, namespace, control_plane)
    yield made
    made.clean_up()
    cluster.close()


@pytest.fixture
def tried(lab: RealLab, tmp_path: Path) -> Iterator[Tried]:
    """An account of its own, whose rights the test says."""
    with tried_account(lab, tmp_path) as account:
        yield account
