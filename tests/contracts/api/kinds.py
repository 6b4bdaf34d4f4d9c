"""The kinds that both servers keep, as rows for tests that ask the same of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tests.contracts.api.manifests import (
    ACCOUNTS,
    BINDINGS,
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    PODS,
    ROLES,
    Json,
    binding,
    cluster_binding,
    cluster_role,
    namespace,
    pod,
    role,
    service_account,
    user,
)
from tests.contracts.api.stage import Stage, until


@dataclass(frozen=True)
class Kind:
    """Where objects of a kind are, and how one is made."""

    path: str
    make: Callable[..., Json]

    def at(self, name: str) -> str:
        """Say the path of one of them."""
        return f"{self.path}/{name}"


def _binding(name: str, **fields: Any) -> Json:
    return binding(name, "ClusterRole/view", user("ada"), **fields)


def _cluster_binding(name: str, **fields: Any) -> Json:
    return cluster_binding(name, "view-{word}", user("ada"), **fields)


KINDS: Final = {
    "namespaces": Kind(NAMESPACES, namespace),
    "serviceaccounts": Kind(ACCOUNTS, service_account),
    "pods": Kind(PODS, pod),
    "roles": Kind(ROLES, role),
    "rolebindings": Kind(BINDINGS, _binding),
    "clusterroles": Kind(CLUSTER_ROLES, cluster_role),
    "clusterrolebindings": Kind(CLUSTER_BINDINGS, _cluster_binding),
}
NAME: Final = "one-{word}"


def ready_for_pods(stage: Stage) -> None:
    """Wait for the account that pods run as: a controller makes it."""
    path = f"{ACCOUNTS}/default"
    until(lambda: stage.send("GET", path).status == 200, "the default account is there")


def shown(body: Any) -> Any:
    """Leave out of pods what the double gives no defaults for."""
    if not isinstance(body, dict):
        return body
    if body.get("kind", "").endswith("List") or body.get("kind") == "Table":
        return body | {"items": [shown(item) for item in body.get("items", [])]}
    kept = {key: item for key, item in body["metadata"].items() if key != "managedFields"}
    body = body | {"metadata": kept}
    if "containers" in body.get("spec", {}):
        containers = [
            {key: c[key] for key in ("name", "image")} for c in body["spec"]["containers"]
        ]
        body["spec"] = {"containers": containers}
        body["status"] = {"phase": body.get("status", {}).get("phase")}
        body["metadata"].pop("generation", None)
    return body
