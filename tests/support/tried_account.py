"""An account of its own on the real control plane, whose rights a test changes as it goes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.playground.controlplane.config import bearer
from bot.playground.controlplane.plane import ControlPlane
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from tests.support.cluster_lab import RBAC, RealLab, new_word

Rules = list[dict[str, Any]]


@dataclass
class Tried:
    """An account of its own with rules that a test can change."""

    plane: ControlPlane
    name: str
    cluster: KubernetesCluster

    def may(self, rules: Rules) -> None:
        path = f"{RBAC}/clusterroles/{self.name}"
        self.plane.admin_request("PATCH", path, {"rules": rules})


@contextmanager
def tried_account(lab: RealLab, folder: Path) -> Iterator[Tried]:
    """Make the account, and take it away with all its rights."""
    name = f"tried-{new_word()}"
    admin = lab.plane.admin_request
    accounts = f"/api/v1/namespaces/{lab.namespace}/serviceaccounts"
    admin("POST", accounts, {"metadata": {"name": name}})
    admin("POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": []})
    admin(
        "POST",
        f"{RBAC}/clusterrolebindings",
        {
            "metadata": {"name": name},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": name,
            },
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": lab.namespace}],
        },
    )
    token = admin("POST", f"{accounts}/{name}/token", {"spec": {}})["status"]["token"]
    path = lab.plane.write_kubeconfig(folder / "kubeconfig", bearer(token))
    config = ClusterConfig(alias="prod", installation=lab.installation, kubeconfig=path)
    cluster = KubernetesCluster(config, SystemClock())
    yield Tried(lab.plane, name, cluster)
    cluster.close()
    admin("DELETE", f"{RBAC}/clusterrolebindings/{name}")
    admin("DELETE", f"{RBAC}/clusterroles/{name}")
