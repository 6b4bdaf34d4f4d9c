"""Connections to an API server: kept, as many as are used at once, and found when they are dead."""

import socket
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from grants.clusters.sockets import socket_options
from tests.support.scripted_server import Asked, Said, Script, ScriptedServer, write_kubeconfig

Serve = Callable[[Script], ScriptedServer]


def test_as_many_connections_are_kept_as_there_are_threads(
    server: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is opened above the pool's size is thrown away after one call, and a new one costs a
    handshake.
    """
    path = tmp_path / "kubeconfig"
    config = ClusterConfig("prod", "inst-x", kubeconfig=path, threads=6, pool_size=4)
    together = threading.Barrier(config.connections, timeout=20)

    def script(asked: Asked) -> Said:
        together.wait()
        return Said(200, {"metadata": {"name": "kube-system", "uid": "the-uid"}})

    there = server(script)
    write_kubeconfig(path, there.url)
    cluster = KubernetesCluster(config, SystemClock())
    caplog.set_level("WARNING", "urllib3")
    for _round in range(2):
        threads = [
            threading.Thread(target=cluster.has_namespace, args=("kube-system",))
            for _ in range(config.connections)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert len(there.asked) == 2 * config.connections
    assert len(there.clients) == config.connections, "each was used again"
    assert "pool is full" not in caplog.text
    assert config.connections >= 2 * config.threads + 2 * config.pool_size
    cluster.close()


def test_the_kernel_looks_after_a_connection_at_rest() -> None:
    """One that a firewall forgot was found by the next call alone, after its time-out."""
    options = dict.fromkeys(("SO_KEEPALIVE",), socket.SOL_SOCKET)
    options |= dict.fromkeys(("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT"), socket.IPPROTO_TCP)
    options |= {"TCP_NODELAY": socket.IPPROTO_TCP, "TCP_USER_TIMEOUT": socket.IPPROTO_TCP}
    with socket.socket() as sock:
        for level, option, value in socket_options(timedelta(seconds=7)):
            sock.setsockopt(level, option, value)
        seen = {
            name: sock.getsockopt(level, getattr(socket, name)) for name, level in options.items()
        }
    assert seen == {
        "SO_KEEPALIVE": 1,
        "TCP_KEEPIDLE": 10,
        "TCP_KEEPINTVL": 3,
        "TCP_KEEPCNT": 3,
        "TCP_NODELAY": 1,
        "TCP_USER_TIMEOUT": 7000,
    }


def test_every_connection_has_these_options(server: Serve, tmp_path: Path) -> None:
    there = server(lambda _: Said(200, {"metadata": {"name": "kube-system", "uid": "the-uid"}}))
    path = write_kubeconfig(tmp_path / "kubeconfig", there.url)
    cluster = KubernetesCluster(ClusterConfig("prod", "inst-x", kubeconfig=path), SystemClock())
    cluster.uid()
    (door,) = cluster._connections._doors.values()
    (key,) = door._manager.pools.keys()
    pool = door._manager.pools[key]
    kept = pool.pool.get(block=False)
    assert kept.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    pool.pool.put(kept)
    cluster.close()
