"""The fields that objects may have, where that matters: others are dropped, told of or refused.

Kinds that are here only so that something can be listed are taken as they come.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bot.playground.cluster.faults import bad_request
from bot.playground.cluster.kinds import Json, Kind
from grants.authz.reason import quoted

Shape = str | Mapping[str, Any] | list[Any]
"""A type by its name; a mapping of fields; a list of one shape. `*` is anything."""

_TEXT, _FLAG, _NUMBER, _ANY, _TEXTS_BY_NAME = "string", "bool", "int64", "*", "map"

_OWNER: Final = {
    "apiVersion": _TEXT,
    "kind": _TEXT,
    "name": _TEXT,
    "uid": _TEXT,
    "controller": _FLAG,
    "blockOwnerDeletion": _FLAG,
}
_META: Final = {
    "name": _TEXT,
    "generateName": _TEXT,
    "namespace": _TEXT,
    "selfLink": _TEXT,
    "uid": _TEXT,
    "resourceVersion": _TEXT,
    "generation": _NUMBER,
    "creationTimestamp": _TEXT,
    "deletionTimestamp": _TEXT,
    "deletionGracePeriodSeconds": _NUMBER,
    "labels": _TEXTS_BY_NAME,
    "annotations": _TEXTS_BY_NAME,
    "ownerReferences": [_OWNER],
    "finalizers": [_TEXT],
    "managedFields": [_ANY],
}
_RULE: Final = {
    "verbs": [_TEXT],
    "apiGroups": [_TEXT],
    "resources": [_TEXT],
    "resourceNames": [_TEXT],
    "nonResourceURLs": [_TEXT],
}
_SUBJECT: Final = {"kind": _TEXT, "apiGroup": _TEXT, "name": _TEXT, "namespace": _TEXT}
_REF: Final = {"apiGroup": _TEXT, "kind": _TEXT, "name": _TEXT}
_REQUIREMENT: Final = {"key": _TEXT, "operator": _TEXT, "values": [_TEXT]}
_SELECTOR: Final = {"matchLabels": _TEXTS_BY_NAME, "matchExpressions": [_REQUIREMENT]}
_BINDING: Final = {"subjects": [_SUBJECT], "roleRef": _REF}
_ROOT: Final = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _META}

SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    "Role": {"rules": [_RULE]},
    "ClusterRole": {
        "rules": [_RULE],
        "aggregationRule": {"clusterRoleSelectors": [_SELECTOR]},
    },
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "Namespace": {
        "spec": {"finalizers": [_TEXT]},
        "status": {"phase": _TEXT, "conditions": [_ANY]},
    },
    "ServiceAccount": {
        "secrets": [_ANY],
        "imagePullSecrets": [_ANY],
        "automountServiceAccountToken": _FLAG,
    },
    "ConfigMap": {"data": _TEXTS_BY_NAME, "binaryData": _TEXTS_BY_NAME, "immutable": _FLAG},
    "Secret": {
        "data": _TEXTS_BY_NAME,
        "stringData": _TEXTS_BY_NAME,
        "type": _TEXT,
        "immutable": _FLAG,
    },
}

# These stand in an answer even when there is nothing in them.
_ALWAYS: Final = frozenset({"rules", "verbs", "roleRef", "metadata", "kind", "apiVersion", "name"})
_MEANT_EMPTY: Final = frozenset({"clusterRoleSelectors"})
_PYTHON: Final[Mapping[str, type]] = {_TEXT: str, _FLAG: bool, _NUMBER: int}
_SEEN_AS: Final[Mapping[type, str]] = {
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
    list: "array",
    dict: "object",
}


@dataclass
class _Walk:
    kind: Kind
    unknown: list[str] = field(default_factory=list)


def shaped(kind: Kind, body: Json) -> tuple[Json, tuple[str, ...]]:
    """Give an object without what its kind does not know, and the unknown fields' names.

    Fault (400) when something is of another type than it must be.
    """
    walk = _Walk(kind)
    own = SHAPES.get(kind.kind)
    if own is None:
        meta = _fields(walk, _META, body.get("metadata") or {}, "metadata")
        return {**body, "metadata": meta}, tuple(walk.unknown)
    found = _fields(walk, {**_ROOT, **own}, body, "")
    found.setdefault("metadata", {})
    if "rules" in own:
        found.setdefault("rules", None)
    return found, tuple(walk.unknown)


def _fields(walk: _Walk, shape: Mapping[str, Any], body: Json, path: str) -> Json:
    found: Json = {}
    for name, value in body.items():
        here = f"{path}.{name}" if path else name
        if name not in shape:
            walk.unknown.append(here)
            continue
        taken = None if value is None else _value(walk, shape[name], value, here)
        if taken or taken is False or name in _ALWAYS or _is_meant(name, taken):
            found[name] = taken
    return found


def _is_meant(name: str, taken: object) -> bool:
    """Tell what says something when it is empty: an aggregation rule, and a period of zero."""
    return (name == "aggregationRule" and taken is not None) or (
        isinstance(taken, int) and name == "deletionGracePeriodSeconds"
    )


def _value(walk: _Walk, shape: Shape, value: Any, path: str) -> Any:
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise _mistyped(walk.kind, path, value)
        return [
            _value(walk, shape[0], item, f"{path}[{number}]") for number, item in enumerate(value)
        ]
    if isinstance(shape, Mapping):
        if not isinstance(value, dict):
            raise _mistyped(walk.kind, path, value)
        return _fields(walk, shape, value, path)
    if shape == _ANY:
        return value
    if shape == _TEXTS_BY_NAME:
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            raise _mistyped(walk.kind, path, value)
        return value
    # A flag is a number to Python.
    if not isinstance(value, _PYTHON[shape]) or (shape == _NUMBER and isinstance(value, bool)):
        raise _mistyped(walk.kind, path, value)
    return value


def _mistyped(kind: Kind, path: str, value: object) -> Exception:
    seen = _SEEN_AS.get(type(value), "null")
    return bad_request(
        f"{kind.kind} in version {quoted(kind.version)} cannot be handled as a {kind.kind}:"
        f" json: cannot unmarshal {seen} into Go struct field {kind.kind}.{_plain(path)}"
        f" of type {_GO_TYPES.get(_plain(path).rpartition('.')[2], 'string')}"
    )


_GO_TYPES: Final = {
    "rules": "[]v1.PolicyRule",
    "subjects": "[]v1.Subject",
    "verbs": "[]string",
    "apiGroups": "[]string",
    "resources": "[]string",
    "resourceNames": "[]string",
    "nonResourceURLs": "[]string",
    "labels": "map[string]string",
    "annotations": "map[string]string",
    "roleRef": "v1.RoleRef",
    "metadata": "v1.ObjectMeta",
}


def _plain(path: str) -> str:
    """Leave out where in a list something stands: Go names types, not places."""
    return "".join(_without_indexes(path))


def _without_indexes(path: str) -> Iterator[str]:
    inside = False
    for letter in path:
        if letter in "[]":
            inside = letter == "["
        elif not inside:
            yield letter
