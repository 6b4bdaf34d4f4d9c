"""The fields that objects may have, where that matters: others are dropped, told of or refused.

Kinds that are here only so that something can be listed are taken as they come.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.playground.cluster.faults import Fault, bad_request
from bot.playground.cluster.kinds import Json
from grants.authz.reason import quoted


@dataclass(frozen=True)
class Struct:
    """A Go struct: its name, as messages give it, and its fields by their JSON names.

    An `is_open` one may have more fields than stand here, which are taken as they come.
    """

    name: str
    fields: Mapping[str, Any]
    package: str = "v1"
    is_open: bool = False


Shape = str | Struct | list[Any]
"""A type by its name; a struct; a list of one shape."""

_TEXT, _FLAG, _NUMBER, _ANY = "string", "bool", "int64", "*"
_TIME, _BY_NAME = "time", "map[string]string"

_OWNER: Final = Struct(
    "OwnerReference",
    {
        "apiVersion": _TEXT,
        "kind": _TEXT,
        "name": _TEXT,
        "uid": _TEXT,
        "controller": _FLAG,
        "blockOwnerDeletion": _FLAG,
    },
)
_META: Final = Struct(
    "ObjectMeta",
    {
        "name": _TEXT,
        "generateName": _TEXT,
        "namespace": _TEXT,
        "selfLink": _TEXT,
        "uid": _TEXT,
        "resourceVersion": _TEXT,
        "generation": _NUMBER,
        "creationTimestamp": _TIME,
        "deletionTimestamp": _TIME,
        "deletionGracePeriodSeconds": _NUMBER,
        "labels": _BY_NAME,
        "annotations": _BY_NAME,
        "ownerReferences": [_OWNER],
        "finalizers": [_TEXT],
        "managedFields": [_ANY],
    },
)
_RULE: Final = Struct(
    "PolicyRule",
    {
        "verbs": [_TEXT],
        "apiGroups": [_TEXT],
        "resources": [_TEXT],
        "resourceNames": [_TEXT],
        "nonResourceURLs": [_TEXT],
    },
)
_SUBJECT: Final = Struct(
    "Subject", {"kind": _TEXT, "apiGroup": _TEXT, "name": _TEXT, "namespace": _TEXT}
)
_REF: Final = Struct("RoleRef", {"apiGroup": _TEXT, "kind": _TEXT, "name": _TEXT})
_REQUIREMENT: Final = Struct(
    "LabelSelectorRequirement", {"key": _TEXT, "operator": _TEXT, "values": [_TEXT]}
)
_SELECTOR: Final = Struct(
    "LabelSelector", {"matchLabels": _BY_NAME, "matchExpressions": [_REQUIREMENT]}
)
_AGGREGATION: Final = Struct("AggregationRule", {"clusterRoleSelectors": [_SELECTOR]})
_BINDING: Final = {"subjects": [_SUBJECT], "roleRef": _REF}
_RESOURCE: Final = Struct(
    "ResourceAttributes",
    {
        "namespace": _TEXT,
        "verb": _TEXT,
        "group": _TEXT,
        "version": _TEXT,
        "resource": _TEXT,
        "subresource": _TEXT,
        "name": _TEXT,
        "fieldSelector": _ANY,
        "labelSelector": _ANY,
    },
)
_PATH: Final = Struct("NonResourceAttributes", {"path": _TEXT, "verb": _TEXT})
_ATTRIBUTES: Final = {"resourceAttributes": _RESOURCE, "nonResourceAttributes": _PATH}
_ACCESS: Final = Struct(
    "SubjectAccessReviewSpec",
    {**_ATTRIBUTES, "user": _TEXT, "groups": [_TEXT], "extra": _ANY, "uid": _TEXT},
)

_CONTAINER: Final = Struct("Container", {"name": _TEXT, "image": _TEXT}, is_open=True)
_POD_SPEC: Final = Struct(
    "PodSpec",
    {
        "containers": [_CONTAINER],
        "initContainers": [_CONTAINER],
        "serviceAccountName": _TEXT,
        "serviceAccount": _TEXT,
        "nodeName": _TEXT,
    },
    is_open=True,
)
_TEMPLATE: Final = Struct("PodTemplateSpec", {"metadata": _META, "spec": _POD_SPEC})
_OPEN: Final = {
    "spec": Struct("Spec", {}, is_open=True),
    "status": Struct("Status", {}, is_open=True),
}


def _workload(name: str) -> Mapping[str, Any]:
    fields = {"replicas": _NUMBER, "selector": _SELECTOR, "template": _TEMPLATE}
    return _OPEN | {"spec": Struct(f"{name}Spec", fields, is_open=True)}


SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "Pod": _OPEN | {"spec": _POD_SPEC},
    "Deployment": _workload("Deployment"),
    "ReplicaSet": _workload("ReplicaSet"),
    "StatefulSet": _workload("StatefulSet"),
    "Role": {"rules": [_RULE]},
    "ClusterRole": {"rules": [_RULE], "aggregationRule": _AGGREGATION},
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "Namespace": {
        "spec": Struct("NamespaceSpec", {"finalizers": [_TEXT]}),
        "status": Struct("NamespaceStatus", {"phase": _TEXT, "conditions": [_ANY]}),
    },
    "ServiceAccount": {
        "secrets": [_ANY],
        "imagePullSecrets": [Struct("LocalObjectReference", {"name": _TEXT})],
        "automountServiceAccountToken": _FLAG,
    },
    "ConfigMap": {"data": _BY_NAME, "binaryData": _BY_NAME, "immutable": _FLAG},
    "Secret": {"data": _BY_NAME, "stringData": _BY_NAME, "type": _TEXT, "immutable": _FLAG},
    "SubjectAccessReview": {"spec": _ACCESS, "status": _ANY},
    "LocalSubjectAccessReview": {"spec": _ACCESS, "status": _ANY},
    "SelfSubjectAccessReview": {
        "spec": Struct("SelfSubjectAccessReviewSpec", _ATTRIBUTES),
        "status": _ANY,
    },
    "SelfSubjectRulesReview": {
        "spec": Struct("SelfSubjectRulesReviewSpec", {"namespace": _TEXT}),
        "status": _ANY,
    },
    "SelfSubjectReview": {"status": _ANY},
    "TokenRequest": {
        "spec": Struct(
            "TokenRequestSpec",
            {
                "audiences": [_TEXT],
                "expirationSeconds": _NUMBER,
                "boundObjectRef": Struct(
                    "BoundObjectReference",
                    {"kind": _TEXT, "apiVersion": _TEXT, "name": _TEXT, "uid": _TEXT},
                ),
            },
        ),
        "status": _ANY,
    },
    "Scale": {"spec": Struct("ScaleSpec", {"replicas": _NUMBER}), "status": _ANY},
    "TokenReview": {
        "spec": Struct("TokenReviewSpec", {"token": _TEXT, "audiences": [_TEXT]}),
        "status": _ANY,
    },
}

_NO_REF: Final[Json] = {"roleRef": {"apiGroup": "", "kind": "", "name": ""}}
EMPTY: Final[Mapping[str, Json]] = {
    "Role": {"rules": None},
    "ClusterRole": {"rules": None},
    "RoleBinding": _NO_REF,
    "ClusterRoleBinding": _NO_REF,
    "ServiceAccount": {},
    "ConfigMap": {},
    "Secret": {},
    "Pod": {"spec": {"containers": None}, "status": {}},
}
"""What stands in an object in which nothing was said; else an empty spec and status."""

# These stand in an answer even when there is nothing in them.
_ALWAYS: Final = frozenset({"rules", "verbs", "roleRef", "metadata", "kind", "apiVersion", "name"})
_MEANT: Final = frozenset(
    {
        "aggregationRule",
        "deletionGracePeriodSeconds",
        "spec",
        "resourceAttributes",
        "nonResourceAttributes",
    }
)
_PYTHON: Final[Mapping[str, type]] = {_TEXT: str, _FLAG: bool, _NUMBER: int, _TIME: str}
_SEEN_AS: Final[Mapping[type, str]] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass
class _Walk:
    kind: str
    version: str
    unknown: list[str] = field(default_factory=list)

    def refused(self, why: str) -> Fault:
        return bad_request(
            f"{self.kind} in version {quoted(self.version)} cannot be handled as a {self.kind}:"
            f" {why}"
        )


def shaped(kind: str, version: str, body: Json) -> tuple[Json, tuple[str, ...]]:
    """Give an object without what its kind does not know, and the unknown fields' names.

    Fault (400) when something is of another type than it must be.
    """
    walk = _Walk(kind, version)
    root = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _META}
    own = SHAPES.get(kind, _OPEN)
    shape = Struct(kind, {**root, **own}, is_open=kind not in SHAPES)
    found = _fields(walk, shape, body, "")
    found["metadata"] = found.get("metadata") or {}
    return found, tuple(walk.unknown)


def _fields(walk: _Walk, shape: Struct, body: Json, path: str) -> Json:
    found: Json = {}
    for name, value in body.items():
        here = f"{path}.{name}" if path else name
        if name not in shape.fields:
            if shape.is_open:
                found[name] = value
            else:
                walk.unknown.append(here)
            continue
        where = f"{shape.name}.{_plain(here)}"
        taken = None if value is None else _value(walk, shape.fields[name], value, here, where)
        if taken or taken is False or name in _ALWAYS or _is_meant(name, taken):
            found[name] = taken
    return found


def _is_meant(name: str, taken: object) -> bool:
    """Tell what says something also when it is empty."""
    return taken is not None and name in _MEANT


def _value(walk: _Walk, shape: Shape, value: Any, path: str, where: str) -> Any:
    """Take a value of a shape; `where` is the field as Go's decoder names it."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise _mistyped(walk, where, value, _type_of(shape))
        return [
            _value(walk, shape[0], item, f"{path}[{number}]", where)
            for number, item in enumerate(value)
        ]
    if isinstance(shape, Struct):
        if not isinstance(value, dict):
            raise _mistyped(walk, where, value, _type_of(shape))
        return _fields(walk, shape, value, path)
    return _plain_value(walk, shape, value, where)


def _plain_value(walk: _Walk, shape: str, value: Any, where: str) -> Any:
    if shape == _ANY:
        return value
    if shape == _BY_NAME:
        if not isinstance(value, dict):
            raise _mistyped(walk, where, value, shape)
        for one in value.values():
            if not isinstance(one, str):
                raise _mistyped(walk, where, one, _TEXT)
        return value
    # A flag is a number to Python.
    if not isinstance(value, _PYTHON[shape]) or (shape == _NUMBER and isinstance(value, bool)):
        raise _mistyped(walk, where, value, shape)
    if shape == _TIME and not _RFC3339.fullmatch(str(value)):
        raise walk.refused(
            f'parsing time {quoted(str(value))} as "2006-01-02T15:04:05Z07:00": cannot parse'
            f' {quoted(str(value))} as "2006"'
        )
    return value


def _type_of(shape: Shape) -> str:
    if isinstance(shape, list):
        return f"[]{_type_of(shape[0])}"
    return f"{shape.package}.{shape.name}" if isinstance(shape, Struct) else shape


def seen_as(value: object) -> str:
    """Name what a value is as Go's decoder does."""
    return _SEEN_AS.get(type(value), "null")


def _mistyped(walk: _Walk, where: str, value: object, wanted: str) -> Fault:
    return walk.refused(
        f"json: cannot unmarshal {seen_as(value)} into Go struct field {where} of type {wanted}"
    )


def _plain(path: str) -> str:
    """Leave out where in a list something stands: Go names types, not places."""
    return re.sub(r"\[\d+\]", "", path)
