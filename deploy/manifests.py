"""The plain Kustomize base as data: read from the package, so that the playground and the tests
apply exactly what is shipped.

The base is kept so plain (a list of resources, nothing generated or patched) that reading its
files one after the other is what `kustomize build` gives.
"""

from pathlib import Path
from typing import Any, Final

import yaml

BASE: Final = Path(__file__).parent / "kustomize" / "base"
REVIEW: Final = BASE.with_name("review")
"""The rights of a scan, a component that is off by default."""

REVIEW_TOKENS: Final = BASE.with_name("review-tokens")
"""The right to see token Secrets on top of them."""

_CLUSTER_SCOPED: Final = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding"})
_PLURALS: Final = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "Namespace": "namespaces",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
}


def base(folder: Path = BASE) -> tuple[dict[str, Any], ...]:
    """Give every object of the base, in the order in which it can be applied."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = []
    for name in kustomization["resources"]:
        text = (folder / name).read_text(encoding="utf-8")
        found.extend(document for document in yaml.safe_load_all(text) if document)
    return tuple(found)


def rbac(folder: Path = BASE) -> tuple[dict[str, Any], ...]:
    """Give what the bot needs to act: its namespace, its account, its roles and their bindings."""
    kinds = {"Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"}
    return tuple(manifest for manifest in base(folder) if manifest["kind"] in kinds)


def collection_path(manifest: dict[str, Any]) -> str:
    """Give the path of the API to which this object is sent by POST; `/<name>` follows for PUT.

    KeyError for a kind that the base does not hold.
    """
    version, kind = manifest["apiVersion"], manifest["kind"]
    root = "/api" if "/" not in version else "/apis"
    plural = _PLURALS[kind]
    if kind in _CLUSTER_SCOPED:
        return f"{root}/{version}/{plural}"
    return f"{root}/{version}/namespaces/{manifest['metadata']['namespace']}/{plural}"
