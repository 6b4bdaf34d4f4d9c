"""What follows from writes by itself: roles that gather, namespaces that end, workloads.

A real control plane does this some milliseconds later; here it is done before the write is
answered.
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

from bot.playground.cluster.defaults import ACTIVE, KUBERNETES_FINALIZER, NAME_LABEL, TERMINATING
from bot.playground.cluster.kinds import (
    CLUSTER_ROLE,
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    POD,
    REPLICA_SET,
    SERVICE_ACCOUNT,
    Json,
    Kind,
)
from bot.playground.cluster.meta import DEPENDENTS, newborn, rfc3339
from bot.playground.cluster.rbac_objects import as_selector
from bot.playground.cluster.store import Change, Key, Store
from bot.playground.cluster.workloads import Workloads
from grants.authz.aggregation import matches_labels

CA_MAP: Final = "kube-root-ca.crt"
ENDS_AFTER_SECONDS: Final = 0.3
_ROUNDS_MOST: Final = 50
_OF_NAMESPACES: Final = frozenset({NAMESPACE, SERVICE_ACCOUNT, CONFIG_MAP})
_OF_WORKLOADS: Final = frozenset({NAMESPACE, SERVICE_ACCOUNT, DEPLOYMENT, REPLICA_SET, POD})

Later = Callable[[float, Callable[[], None]], None]
"""Does something after so many seconds."""


class Controllers:
    """Brings the store to rest after a write."""

    def __init__(self, store: Store, ca_pem: str, later: Later) -> None:
        self._store = store
        self._later = later
        self._ending: dict[str, float] = {}
        self._ca_pem = ca_pem
        self._workloads = Workloads(store)
        self._changed: set[Kind] = set()
        self._waiting: set[tuple[Kind, Key]] = set()
        store.listen(self._heard)

    def _heard(self, change: Change) -> None:
        self._changed.add(change.kind)
        meta = (change.after or {}).get("metadata") or {}
        if meta.get("deletionTimestamp") and DEPENDENTS & set(meta.get("finalizers") or ()):
            self._waiting.add((change.kind, change.key))

    def settle(self) -> None:
        """Do what is to be done, again and again until nothing changes.

        Roles that gather from each other may never come to rest, as in a real cluster.
        """
        for _ in range(_ROUNDS_MOST):
            changed, self._changed = self._changed, set()
            if not changed:
                return
            if CLUSTER_ROLE in changed:
                self._gather()
            if changed & _OF_NAMESPACES:
                self._equip_namespaces()
            if changed & _OF_WORKLOADS:
                self._workloads.settle()
            self._collect()
            self._end_namespaces()
        self._changed.clear()

    def _gather(self) -> None:
        roles = self._store.list(CLUSTER_ROLE)
        for role in roles:
            if role.get("aggregationRule"):
                rules = list(_gathered(role, roles))
                if rules and rules != role.get("rules"):
                    self._store.put(CLUSTER_ROLE, {**role, "rules": rules})

    def _equip_namespaces(self) -> None:
        for home in self._store.list(NAMESPACE):
            if home["status"]["phase"] != ACTIVE:
                continue
            name = home["metadata"]["name"]
            if self._store.get(SERVICE_ACCOUNT, name, "default") is None:
                self._store.put(SERVICE_ACCOUNT, _object("ServiceAccount", name, "default"))
            if self._store.get(CONFIG_MAP, name, CA_MAP) is None:
                made = _object("ConfigMap", name, CA_MAP)
                self._store.put(CONFIG_MAP, {**made, "data": {"ca.crt": self._ca_pem}})

    def _collect(self) -> None:
        """Let go what only waits for its dependents: nothing here has any but workloads."""
        while self._waiting:
            kind, (namespace, name) = self._waiting.pop()
            found = self._store.get(kind, namespace, name)
            if found is None:
                continue
            meta = found["metadata"]
            left = [one for one in meta.get("finalizers") or () if one not in DEPENDENTS]
            if left or kind is NAMESPACE:
                self._store.put(kind, {**found, "metadata": {**meta, "finalizers": left}})
            else:
                self._store.drop(kind, namespace, name)

    def _end_namespaces(self) -> None:
        for home in self._store.list(NAMESPACE):
            if home["status"]["phase"] == TERMINATING and self._may_begin(home):
                self._end_namespace(home)

    def _may_begin(self, home: Json) -> bool:
        """Wait a moment before anything in a namespace ends: real ones wait for five seconds."""
        uid, now = home["metadata"]["uid"], time.monotonic()
        if uid not in self._ending:
            self._ending[uid] = now + ENDS_AFTER_SECONDS
            self._later(ENDS_AFTER_SECONDS, self._end_later)
        return now >= self._ending[uid]

    def _end_later(self) -> None:
        self._end_namespaces()
        self.settle()

    def _end_namespace(self, home: Json) -> None:
        name = home["metadata"]["name"]
        held = list(self._emptied(name))
        if held:
            status = {"phase": TERMINATING, "conditions": _conditions(held)}
            if home["status"] != status:
                self._store.put(NAMESPACE, {**home, "status": status})
            return
        left = [f for f in home["spec"].get("finalizers", ()) if f != KUBERNETES_FINALIZER]
        if left or home["metadata"].get("finalizers"):
            if left != home["spec"].get("finalizers"):
                self._store.put(NAMESPACE, {**home, "spec": {"finalizers": left}})
            return
        self._store.drop(NAMESPACE, "", name)

    def _emptied(self, namespace: str) -> Iterator[Json]:
        """Delete what is in a namespace; gives what finalizers hold."""
        for kind in self._store.kinds():
            if not kind.namespaced:
                continue
            for found in self._store.list(kind, namespace):
                meta = found["metadata"]
                if not meta.get("finalizers"):
                    self._store.drop(kind, namespace, meta["name"])
                    continue
                if not meta.get("deletionTimestamp"):
                    ending = {
                        **meta,
                        "deletionTimestamp": rfc3339(),
                        "deletionGracePeriodSeconds": 0,
                    }
                    self._store.put(kind, {**found, "metadata": ending})
                yield found


def _conditions(held: list[Json]) -> list[Json]:
    names = sorted({one for found in held for one in found["metadata"]["finalizers"]})
    return [
        {
            "type": "NamespaceFinalizersRemaining",
            "status": "True",
            "reason": "SomeFinalizersRemain",
            "message": "Some content in the namespace has finalizers remaining: "
            + ", ".join(f"{name} in {len(held)} resource instances" for name in names),
        }
    ]


def _gathered(role: Json, roles: list[Json]) -> Iterator[Json]:
    """Give the rules of the roles that this one gathers from: by selector, by name, each once."""
    seen: list[Json] = []
    for selector in role["aggregationRule"].get("clusterRoleSelectors") or ():
        wanted = as_selector(selector)
        for other in roles:
            meta = other["metadata"]
            if meta["name"] == role["metadata"]["name"]:
                continue
            if matches_labels(wanted, meta.get("labels") or {}):
                for rule in other.get("rules") or ():
                    if rule not in seen:
                        seen.append(rule)
                        yield rule


def new_namespace(name: str) -> Json:
    """Make a namespace that lives."""
    made = _object("Namespace", "", name)
    return {
        **made,
        "metadata": {**made["metadata"], "labels": {NAME_LABEL: name}},
        "spec": {"finalizers": [KUBERNETES_FINALIZER]},
        "status": {"phase": ACTIVE},
    }


def _object(kind: str, namespace: str, name: str) -> Json:
    home = {"namespace": namespace} if namespace else {}
    return {"kind": kind, "apiVersion": "v1", "metadata": newborn({"name": name, **home})}
