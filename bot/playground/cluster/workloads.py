"""Deployments that make ReplicaSets that make Pods. No machine runs them, so they stay pending."""

import hashlib
import json
from typing import Any, Final

from bot.playground.cluster.admission import DEFAULT_ACCOUNT
from bot.playground.cluster.defaults import ACTIVE
from bot.playground.cluster.kinds import (
    DEPLOYMENT,
    NAMESPACE,
    POD,
    REPLICA_SET,
    SERVICE_ACCOUNT,
    Json,
    Kind,
)
from bot.playground.cluster.meta import generated_name, newborn, rfc3339
from bot.playground.cluster.store import Store

_PODS_MOST: Final = 100
"""More would only be looked at for fun, and each costs a write."""

_HASH: Final = "pod-template-hash"
_PENDING: Final[Json] = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "no nodes available to schedule pods",
        }
    ],
    "qosClass": "BestEffort",
}


class Workloads:
    """Brings what is there to what is wanted; each pass does all that can be done."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def settle(self) -> None:
        """Do one pass."""
        living = {
            one["metadata"]["name"]
            for one in self._store.list(NAMESPACE)
            if one["status"]["phase"] == ACTIVE
        }
        for wanted in self._store.list(DEPLOYMENT):
            if wanted["metadata"]["namespace"] in living and not _is_ending(wanted):
                self._deploy(wanted)
        for wanted in self._store.list(REPLICA_SET):
            if wanted["metadata"]["namespace"] in living and not _is_ending(wanted):
                self._replicate(wanted)
        self._clear(REPLICA_SET, DEPLOYMENT)
        self._clear(POD, REPLICA_SET)

    def _deploy(self, wanted: Json) -> None:
        meta, spec = wanted["metadata"], wanted["spec"]
        name = f"{meta['name']}-{_hash_of(spec.get('template') or {})}"
        mine = [one for one in self._store.list(REPLICA_SET, meta["namespace"])
                if _owner_of(one) == meta["uid"]]  # fmt: skip
        if all(one["metadata"]["name"] != name for one in mine):
            self._store.put(REPLICA_SET, _replica_set(wanted, name))
        for one in mine:
            replicas = spec.get("replicas", 1) if one["metadata"]["name"] == name else 0
            if one["spec"].get("replicas") != replicas:
                changed = {**one, "spec": {**one["spec"], "replicas": replicas}}
                self._store.put(REPLICA_SET, changed)
        count = spec.get("replicas", 1)
        status = {
            "observedGeneration": meta.get("generation", 1),
            "replicas": count,
            "updatedReplicas": count,
            "unavailableReplicas": count,
        }
        self._tell(DEPLOYMENT, wanted, status)

    def _replicate(self, wanted: Json) -> None:
        meta, count = wanted["metadata"], wanted["spec"].get("replicas", 1)
        home = meta["namespace"]
        template = wanted["spec"].get("template") or {}
        account = (template.get("spec") or {}).get("serviceAccountName") or DEFAULT_ACCOUNT
        pods = [one for one in self._store.list(POD, home) if _owner_of(one) == meta["uid"]]
        if self._store.get(SERVICE_ACCOUNT, home, account) is not None:
            for _ in range(min(count, _PODS_MOST) - len(pods)):
                self._store.put(POD, _pod(wanted, template, account))
        for one in pods[count:]:
            self._store.drop(POD, home, one["metadata"]["name"])
        status = {"observedGeneration": meta.get("generation", 1), "replicas": count}
        self._tell(REPLICA_SET, wanted, status)

    def _tell(self, kind: Kind, wanted: Json, status: Json) -> None:
        meta = wanted["metadata"]
        now = self._store.get(kind, meta["namespace"], meta["name"])
        if now is not None and now.get("status") != status:
            self._store.put(kind, {**now, "status": status})

    def _clear(self, kind: Kind, owners: Kind) -> None:
        """Delete what belonged to something that is gone."""
        for one in self._store.list(kind):
            owner = _owner(one)
            if owner is None or owner["kind"] != owners.kind:
                continue
            home = one["metadata"]["namespace"]
            found = self._store.get(owners, home, owner["name"])
            if found is None or found["metadata"]["uid"] != owner["uid"]:
                self._store.drop(kind, home, one["metadata"]["name"])


def _replica_set(wanted: Json, name: str) -> Json:
    meta, spec = wanted["metadata"], wanted["spec"]
    template: dict[str, Any] = spec.get("template") or {}
    labels = {**((template.get("metadata") or {}).get("labels") or {}), _HASH: _hash_of(template)}
    selector = spec.get("selector") or {}
    matched = {**(selector.get("matchLabels") or {}), _HASH: labels[_HASH]}
    inner = {**(template.get("metadata") or {}), "labels": labels}
    return {
        "kind": "ReplicaSet",
        "apiVersion": "apps/v1",
        "metadata": _owned(wanted, name, meta["namespace"], labels) | {"generation": 1},
        "spec": {
            "replicas": spec.get("replicas", 1),
            "selector": {**selector, "matchLabels": matched},
            "template": {**template, "metadata": inner},
        },
        "status": {},
    }


def _pod(wanted: Json, template: Json, account: str) -> Json:
    meta = wanted["metadata"]
    labels = (template.get("metadata") or {}).get("labels") or {}
    name = generated_name(f"{meta['name']}-")
    spec = {
        **(template.get("spec") or {}),
        "serviceAccountName": account,
        "serviceAccount": account,
    }
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": _owned(wanted, name, meta["namespace"], labels)
        | {"generateName": f"{meta['name']}-"},
        "spec": spec,
        "status": {
            **_PENDING,
            "conditions": [
                {**one, "lastProbeTime": None, "lastTransitionTime": rfc3339()}
                for one in _PENDING["conditions"]
            ],
        },
    }


def _owned(owner: Json, name: str, namespace: str, labels: Json) -> Json:
    ref = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return newborn({"name": name, "namespace": namespace, "labels": labels}) | {
        "ownerReferences": [ref]
    }


def _owner(found: Json) -> Json | None:
    refs = found["metadata"].get("ownerReferences") or ()
    return next((ref for ref in refs if ref.get("controller")), None)


def _owner_of(found: Json) -> str:
    owner = _owner(found)
    return str(owner["uid"]) if owner else ""


def _is_ending(found: Json) -> bool:
    return bool(found["metadata"].get("deletionTimestamp"))


def _hash_of(template: Json) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
