"""The objects of a truth file, as `kubectl get -o json` would dump them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.review.truth import form
from tests.review.truth.casting import NAMESPACES
from tests.review.truth.form import Grant, Person, Thing, Truth

_OLD = 500.0
_RBAC = "rbac.authorization.k8s.io"
_GROUPS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "CronJob": "batch/v1",
    "Job": "batch/v1",
    "Pod": "v1",
}
Object = dict[str, Any]


def write_dump(truth: Truth, path: Path) -> None:
    """Write one List of all objects that the dump has."""
    without = {form.NO_SECRETS: "Secret", form.NO_CRONJOBS: "CronJob"}.get(truth.lack)
    items = [one for one in _objects(truth) if one["kind"] != without]
    for number, one in enumerate(items):
        one["metadata"]["uid"] = str(UUID(int=number + 1))
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))


def write_policy(truth: Truth, path: Path) -> None:
    """Write what policy says: the window, and a longer one for the yearly jobs."""
    yearly = [f"{one.namespace}/{one.name}" for one in truth.people if one.yearly]
    review = {
        "window": f"{form.WINDOW.days}d",
        "windows": [{"accounts": yearly, "window": f"{form.LONG.days}d"}],
    }
    said = {"apiVersion": "valetkey/v1", "review": review}
    path.write_text(json.dumps(said, indent=1))


def _objects(truth: Truth) -> Iterator[Object]:
    for name in (*NAMESPACES, "kube-system"):
        yield _object(truth, "v1", "Namespace", "", name, _OLD)
    for person in truth.people:
        yield _account(truth, person)
    for grant in truth.grants:
        yield from _grant(truth, grant)
    for thing in truth.things:
        yield _secret(truth, thing) if thing.kind == "Secret" else _workload(truth, thing)
    # One of each kind, as in every cluster: of a kind without any a dump says nothing.
    for kind in ("Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicaSet"):
        yield _workload(truth, Thing(kind, "kube-system", f"some-{kind.lower()}", "default"))
    yield _object(truth, "v1", "Secret", "kube-system", "bare", _OLD)


def _object(
    truth: Truth, version: str, kind: str, namespace: str, name: str, days: float, **rest: Any
) -> Object:
    created = truth.ends - timedelta(days=days)
    meta: Object = {"name": name, "creationTimestamp": created.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if namespace:
        meta["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def _account(truth: Truth, person: Person) -> Object:
    made = _object(truth, "v1", "ServiceAccount", person.namespace, person.name, person.days_old)
    made["metadata"]["labels"] = person.labels
    return made


def _grant(truth: Truth, grant: Grant) -> Iterator[Object]:
    whole = "Cluster" if not grant.namespace else ""
    rules = []
    for one in grant.permissions:
        rule = {"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]}
        rules.append({**rule, "resourceNames": [one.name]} if one.name else rule)
    version, place = f"{_RBAC}/v1", grant.namespace
    yield _object(
        truth, version, f"{whole}Role", place, grant.name, grant.role_days_old, rules=rules
    )
    subject = {"kind": grant.subject_kind, "name": grant.subject_name}
    if grant.subject_kind == "ServiceAccount":
        subject["namespace"] = grant.subject_namespace
    else:
        subject["apiGroup"] = _RBAC
    ref = {"apiGroup": _RBAC, "kind": f"{whole}Role", "name": grant.name}
    yield _object(
        truth,
        version,
        f"{whole}RoleBinding",
        place,
        grant.name,
        grant.days_old,
        roleRef=ref,
        subjects=[subject],
    )


def _secret(truth: Truth, thing: Thing) -> Object:
    made = _object(truth, "v1", "Secret", thing.namespace, thing.name, _OLD)
    made["type"] = "kubernetes.io/service-account-token"
    made["metadata"]["annotations"] = {"kubernetes.io/service-account.name": thing.account}
    return made


def _workload(truth: Truth, thing: Thing) -> Object:
    kind = {"suspended": "CronJob"}.get(thing.kind, thing.kind.removeprefix("zero "))
    pod = _pod(thing)
    if kind == "Pod":
        spec = pod
    elif kind == "CronJob":
        spec = {
            "schedule": "0 3 1 1 *",
            "suspend": thing.kind == "suspended",
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
        }
    else:
        spec = {"template": {"spec": pod}}
        if kind not in {"DaemonSet", "Job"}:
            spec["replicas"] = 0 if thing.kind.startswith("zero") else 2
    return _object(truth, _GROUPS[kind], kind, thing.namespace, thing.name, 200, spec=spec)


def _pod(thing: Thing) -> Object:
    box: Object = {"name": "main", "image": "example.com/app:1"}
    pod: Object = {"serviceAccountName": thing.account, "containers": [box]}
    ref, volume = {"name": thing.secret}, {"name": "token"}
    if thing.how == "volume":
        pod["volumes"] = [{**volume, "secret": {"secretName": thing.secret}}]
    elif thing.how == "projected":
        pod["volumes"] = [{**volume, "projected": {"sources": [{"secret": ref}]}}]
    elif thing.how == "env":
        box["env"] = [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {**ref, "key": "token"}}}]
    elif thing.how == "envFrom":
        box["envFrom"] = [{"secretRef": ref}]
    elif thing.how == "init":
        first = {"name": "first", "image": "example.com/init:1"}
        key = {"secretKeyRef": {**ref, "key": "token"}}
        pod["initContainers"] = [{**first, "env": [{"name": "TOKEN", "valueFrom": key}]}]
    return pod
