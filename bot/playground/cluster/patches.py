"""The patches that Kubernetes knows: merge, JSON patch, and strategic merge by merge keys."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from bot.playground.cluster.faults import Fault, bad_request
from bot.playground.cluster.kinds import Json

MERGE: Final = "application/merge-patch+json"
JSON_PATCH: Final = "application/json-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"

_KEYS: Final[Mapping[str, str]] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "env": "name",
    "ports": "containerPort",
    "volumeMounts": "mountPath",
    "secrets": "name",
    "ownerReferences": "uid",
    "conditions": "type",
}
"""By which field the items of a list are the same; lists of other names are replaced whole."""
_SETS: Final = frozenset({"finalizers"})
"""Lists of words that are merged."""
_ORDER, _PATCH, _WITHOUT = "$setElementOrder/", "$patch", "$deleteFromPrimitiveList/"
_RETAIN: Final = "$retainKeys"


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def strategic(target: Any, patch: Json) -> Json:
    """Apply a strategic merge patch."""
    if patch.get(_PATCH) == "replace":
        return {key: value for key, value in patch.items() if key != _PATCH}
    found = dict(target) if isinstance(target, dict) else {}
    if (kept := patch.get(_RETAIN)) is not None:
        found = {key: value for key, value in found.items() if key in kept}
    for key, value in patch.items():
        if key.startswith(_WITHOUT):
            name = key.removeprefix(_WITHOUT)
            found[name] = [one for one in found.get(name) or () if one not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            found[key] = strategic(found.get(key), value)
        elif isinstance(value, list):
            found[key] = _list(key, found.get(key) or [], value)
        else:
            found[key] = value
    _reorder(found, patch)
    return found


def _as_go(value: Any) -> str:
    """Show a value as Go prints it."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_as_go(value[key])}' for key in sorted(value))}]"
    return f"[{' '.join(map(_as_go, value))}]" if isinstance(value, list) else str(value)


def _list(key: str, old: list[Any], new: list[Any]) -> list[Any]:
    if key in _SETS:
        return [*new, *(one for one in old if one not in new)]
    by = _KEYS.get(key)
    if by is None:
        return new
    if any(isinstance(one, dict) and one.get(_PATCH) == "replace" for one in new):
        return [one for one in new if one.get(_PATCH) != "replace"]
    if not old:
        # Nothing to be merged with, so nobody looks for the key.
        return [one for one in new if not isinstance(one, dict) or one.get(_PATCH) != "delete"]
    found = list(old)
    for one in new:
        if not isinstance(one, dict) or by not in one:
            raise bad_request(f"map: {_as_go(one)} does not contain declared merge key: {by}")
        at = next((n for n, held in enumerate(found) if held.get(by) == one[by]), None)
        if one.get(_PATCH) == "delete":
            found = [held for held in found if held.get(by) != one[by]]
        elif at is None:
            found.append(strategic({}, one))
        else:
            found[at] = strategic(found[at], one)
    return found


def _reorder(found: Json, patch: Json) -> None:
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if not key.startswith(_ORDER) or name not in found:
            continue
        by = _KEYS.get(name)
        wanted = [one.get(by) if isinstance(one, dict) and by else one for one in order]

        def place(item: Any, by: str | None = by, wanted: list[Any] = wanted) -> int:
            value = item.get(by) if isinstance(item, dict) and by else item
            return wanted.index(value) if value in wanted else len(wanted)

        found[name] = sorted(found[name], key=place)


class _UnappliableError(Exception):
    """A JSON patch does not fit the object."""


def json_patched(target: Json, operations: object) -> Json:
    """Apply a JSON patch (RFC 6902); Fault (422) when it does not fit."""
    if operations is None:
        return target
    if not isinstance(operations, list) or not all(isinstance(o, dict) for o in operations):
        message = (
            "error decoding patch: json: cannot unmarshal object into Go value of type"
            " []handlers.jsonPatchOp"
        )
        raise bad_request(message)
    found = json.loads(json.dumps(target))
    try:
        for operation in operations:
            found = _operate(found, operation)
    except (_UnappliableError, ValueError):
        raise _unprocessable() from None
    if not isinstance(found, dict):
        raise _unprocessable()
    return found


def _operate(target: Any, operation: Any) -> Any:
    steps: Mapping[str, Callable[[Any, Any], Any]] = {
        "add": lambda t, o: _put(t, _path(o, "path"), o.get("value"), insert=True),
        "replace": lambda t, o: _put(t, _path(o, "path"), o.get("value"), insert=False),
        "remove": lambda t, o: _taken(t, _path(o, "path"))[0],
        "test": _tested,
        "move": _moved,
        "copy": lambda t, o: _put(
            t, _path(o, "path"), _at(t, _path(o, "from"), "copy"), insert=True
        ),
    }
    name = str(operation.get("op")) if isinstance(operation, dict) else ""
    if name not in steps:
        raise _UnappliableError(f"Unexpected kind: {name}")
    return steps[name](target, operation)


def _tested(target: Any, operation: Any) -> Any:
    path = operation.get("path", "")
    try:
        held = _at(target, _path(operation, "path"), "test")
    except _UnappliableError:
        held = None
    if held != operation.get("value"):
        raise _UnappliableError(f"testing value {path} failed: test failed")
    return target


def _moved(target: Any, operation: Any) -> Any:
    rest, value = _taken(target, _path(operation, "from"))
    return _put(rest, _path(operation, "path"), value, insert=True)


def _path(operation: Any, key: str) -> list[str]:
    text = operation.get(key, "")
    if not isinstance(text, str):
        raise _UnappliableError(f"{key} is no text")
    parts = text.split("/")[1:] if text else []
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _at(target: Any, path: list[str], doing: str) -> Any:
    for step in path:
        try:
            target = target[int(step)] if isinstance(target, list) else target[step]
        except (KeyError, IndexError, ValueError, TypeError):
            raise _missing(doing, path) from None
    return target


def _missing(doing: str, path: list[str]) -> _UnappliableError:
    where = "/" + "/".join(path)
    return _UnappliableError(
        f"{doing} operation does not apply: doc is missing path: {where}: missing value"
    )


def _put(target: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    doing = "add" if insert else "replace"
    if not path:
        return value
    home, last = _at(target, path[:-1], doing), path[-1]
    if isinstance(home, list):
        at = len(home) if last == "-" else int(last)
        if at > len(home) or (not insert and at >= len(home)):
            raise _missing(doing, path)
        if insert:
            home.insert(at, value)
        else:
            home[at] = value
    elif isinstance(home, dict):
        # As the library has it that an API server uses: what is replaced need not be there.
        home[last] = value
    else:
        raise _missing(doing, path)
    return target


def _taken(target: Any, path: list[str]) -> tuple[Any, Any]:
    if not path:
        raise _missing("remove", path)
    home, last = _at(target, path[:-1], "remove"), path[-1]
    try:
        value = home.pop(int(last)) if isinstance(home, list) else home.pop(last)
    except (KeyError, IndexError, ValueError, AttributeError):
        message = (
            f"remove operation does not apply: doc is missing path: /{'/'.join(path)}:"
            " missing value"
        )
        raise _UnappliableError(message) from None
    return target, value


def _unprocessable() -> Fault:
    # An API server does not say why, either.
    message = "the server rejected our request due to an error in our request"
    return Fault(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, {})
