"""What a cluster is born with: its namespaces, and the roles and bindings of Kubernetes itself.

`bootstrap.json` holds these as a real control plane of the same version has them; what aggregates
is filled by the controller, here as there.
"""

import json
from pathlib import Path
from typing import Final

from bot.playground.cluster.controllers import new_namespace
from bot.playground.cluster.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    NAMESPACE,
    ROLE,
    ROLE_BINDING,
    Json,
    Kind,
)
from bot.playground.cluster.meta import newborn
from bot.playground.cluster.store import Store

NAMESPACES: Final = ("kube-system", "kube-public", "kube-node-lease", "default")
_FILE: Final = Path(__file__).with_name("bootstrap.json")
_LABELS: Final = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_ANNOTATIONS: Final = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
_KINDS: Final = (CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING)


def fill(store: Store) -> None:
    """Put into an empty store what every cluster has."""
    for name in NAMESPACES:
        store.put(NAMESPACE, new_namespace(name))
    written = json.loads(_FILE.read_text(encoding="utf-8"))
    for kind in _KINDS:
        for row in written[kind.plural]:
            store.put(kind, _object(kind, row))


def _object(kind: Kind, row: Json) -> Json:
    home = {"namespace": row["namespace"]} if kind.namespaced else {}
    meta = {
        "name": row["name"],
        **home,
        "labels": {**_LABELS, **row.get("labels", {})},
        "annotations": _ANNOTATIONS,
    }
    rest: Json = {key: row[key] for key in ("subjects", "roleRef", "aggregationRule") if key in row}
    if not kind.kind.endswith("Binding"):
        rest["rules"] = row.get("rules")
    return {
        "kind": kind.kind,
        "apiVersion": kind.api_version,
        "metadata": newborn(meta),
        **rest,
    }
