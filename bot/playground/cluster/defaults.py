"""What an object says when it was not said: filled in before it is looked at and stored."""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final

from bot.playground.cluster.kinds import RBAC_GROUP, Json, Kind

KUBERNETES_FINALIZER: Final = "kubernetes"
NAME_LABEL: Final = "kubernetes.io/metadata.name"
TERMINATING, ACTIVE = "Terminating", "Active"
_GENERATIONS: Final = frozenset({"apps", "batch", "networking.k8s.io", "policy"})


def defaulted(kind: Kind, wanted: Json) -> Json:
    """Fill in what any write leaves out."""
    fill = _FILLERS.get(kind.kind)
    return fill(wanted) if fill else wanted


def as_stored(kind: Kind, wanted: Json) -> Json:
    """Give what is read again of what was written: in protobuf an empty list is none."""
    if "rules" in wanted and kind.group == RBAC_GROUP:
        return {**wanted, "rules": wanted["rules"] or None}
    return wanted


def prepared_new(kind: Kind, wanted: Json) -> Json:
    """Fill in what only a new object gets."""
    if kind.kind == "Namespace":
        finalizers = list((wanted.get("spec") or {}).get("finalizers") or ())
        if KUBERNETES_FINALIZER not in finalizers:
            finalizers.append(KUBERNETES_FINALIZER)
        return wanted | {"spec": {"finalizers": finalizers}, "status": {"phase": ACTIVE}}
    if kind.kind == "Pod":
        return wanted | {"status": {"phase": "Pending", "qosClass": "BestEffort"}}
    if kind.group in _GENERATIONS:
        meta = wanted["metadata"] | {"generation": 1}
        return {**wanted, "metadata": meta, "status": {}}
    return wanted


def prepared_changed(kind: Kind, wanted: Json, old: Json) -> Json:
    """Keep what a change may not touch: the status, and of a namespace the finalizers."""
    if kind.kind == "Namespace":
        kept = {"spec": old["spec"], "status": old["status"]}
        return wanted | kept
    if "status" in old:
        wanted = wanted | {"status": old["status"]}
    if "generation" in old["metadata"] and wanted.get("spec") != old.get("spec"):
        meta = wanted["metadata"] | {"generation": old["metadata"]["generation"] + 1}
        return {**wanted, "metadata": meta}
    return wanted


def _role(wanted: Json) -> Json:
    return {"rules": None, **wanted}


def _binding(wanted: Json) -> Json:
    ref = wanted.get("roleRef") or {}
    if not ref.get("apiGroup"):
        ref = {"apiGroup": RBAC_GROUP, **{k: v for k, v in ref.items() if k != "apiGroup"}}
    filled = {**wanted, "roleRef": {"name": "", "kind": "", **ref}}
    if subjects := wanted.get("subjects"):
        filled["subjects"] = [_subject(one) for one in subjects]
    return filled


def _subject(subject: Json) -> Json:
    if subject.get("kind") in {"User", "Group"} and not subject.get("apiGroup"):
        return {**subject, "apiGroup": RBAC_GROUP}
    return subject


def _namespace(wanted: Json) -> Json:
    meta = wanted["metadata"]
    if not meta.get("name"):
        return wanted
    labels = {**(meta.get("labels") or {}), NAME_LABEL: meta["name"]}
    return {**wanted, "metadata": {**meta, "labels": labels}}


def _secret(wanted: Json) -> Json:
    plain = wanted.get("stringData") or {}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
    rest = {key: value for key, value in wanted.items() if key != "stringData"}
    data = {**(wanted.get("data") or {}), **encoded}
    filled = {**rest, "type": wanted.get("type") or "Opaque"}
    return {**filled, "data": data} if data else filled


def _pod(wanted: Json) -> Json:
    return {**wanted, "spec": pod_spec(wanted.get("spec") or {})}


def pod_spec(spec: Json) -> Json:
    """Fill in a pod's spec, as far as somebody looks at it."""
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or ""
    filled: Json = {
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        **spec,
    }
    if account:
        filled |= {"serviceAccountName": account, "serviceAccount": account}
    filled["containers"] = [_container(one) for one in spec.get("containers") or ()]
    return filled


def _container(wanted: Json) -> Json:
    image = str(wanted.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    return {
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent" if tag not in {"", "latest"} else "Always",
        **wanted,
    }


def _workload(wanted: Json) -> Json:
    spec: dict[str, Any] = wanted.get("spec") or {}
    filled: Json = {"replicas": 1, **spec}
    template = spec.get("template")
    if template:
        filled["template"] = {**template, "spec": pod_spec(template.get("spec") or {})}
    return {**wanted, "spec": filled}


def _deployment(wanted: Json) -> Json:
    filled = _workload(wanted)
    usual = {
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
        },
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    return {**filled, "spec": {**usual, **filled["spec"]}}


_FILLERS: Final[Mapping[str, Callable[[Json], Json]]] = {
    "Role": _role,
    "ClusterRole": _role,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "Namespace": _namespace,
    "Secret": _secret,
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _workload,
    "StatefulSet": _workload,
}
