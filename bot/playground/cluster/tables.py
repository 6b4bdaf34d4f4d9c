"""Objects as rows of a table, which is what `kubectl get` shows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from bot.playground.cluster.kinds import Json, Kind


class _Column(NamedTuple):
    name: str
    value: Callable[[Json], Any]
    type: str = "string"
    format: str = ""
    wide: bool = False
    about: str = ""

    def definition(self) -> Json:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.about,
            "priority": int(self.wide),
        }


_NAME_ABOUT: Final = (
    "Name must be unique within a namespace. Is required when creating resources, although some"
    " resources may allow a client to request the generation of an appropriate name automatically."
    " Name is primarily intended for creation idempotence and configuration definition. Cannot be"
    " updated. More info:"
    " https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
_AGE_ABOUT: Final = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It"
    " is not guaranteed to be set in happens-before order across separate operations. Clients may"
    " not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the"
    " system. Read-only. Null for lists. More info:"
    " https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 24 * 3600, 365 * 24 * 3600


def age(created: str) -> str:
    """Say how old something is, as `kubectl get` does."""
    when = datetime.fromisoformat(created)
    return human_duration(datetime.now(UTC) - when)


def human_duration(span: timedelta) -> str:  # noqa: PLR0911 - a table of bounds
    """Write a duration in one or two units: enough to see, short to read."""
    seconds = max(0, int(span.total_seconds()))
    minutes, hours, days = seconds // _MINUTE, seconds // _HOUR, seconds // _DAY
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if minutes < 10:  # noqa: PLR2004 - the bounds are kubectl's own
        return _two(minutes, "m", seconds % _MINUTE, "s")
    if hours < 3:  # noqa: PLR2004
        return f"{minutes}m"
    if hours < 8:  # noqa: PLR2004
        return _two(hours, "h", minutes % 60, "m")
    if days < 2:  # noqa: PLR2004
        return f"{hours}h"
    if days < 8:  # noqa: PLR2004
        return _two(days, "d", hours % 24, "h")
    if seconds < 2 * _YEAR:
        return f"{days}d"
    return _two(seconds // _YEAR, "y", days % 365, "d")


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first}{unit}{second}{smaller}" if second else f"{first}{unit}"


def _name(found: Json) -> str:
    return str(found["metadata"].get("name", ""))


def _created(found: Json) -> str:
    return str(found["metadata"].get("creationTimestamp", ""))


def _age(found: Json) -> str:
    return age(_created(found)) if _created(found) else "<unknown>"


def _role(found: Json) -> str:
    return f"{found['roleRef']['kind']}/{found['roleRef']['name']}"


def _subjects(kind: str) -> Callable[[Json], str]:
    def listed(found: Json) -> str:
        names = [
            f"{one.get('namespace', '')}/{one['name']}"
            if kind == "ServiceAccount"
            else str(one["name"])
            for one in found.get("subjects") or ()
            if one["kind"] == kind
        ]
        return ", ".join(names)

    return listed


def _in(*path: str, otherwise: Any = "") -> Callable[[Json], Any]:
    def value(found: Any) -> Any:
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return otherwise if found is None else found

    return value


def _containers(key: str, *path: str) -> Callable[[Json], str]:
    def listed(found: Json) -> str:
        spec = _in(*path, otherwise={})(found)
        return ",".join(str(one.get(key, "")) for one in spec.get("containers") or ())

    return listed


def _selector(found: Json) -> str:
    labels = _in("spec", "selector", "matchLabels", otherwise={})(found)
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def _ready_pods(found: Json) -> str:
    return f"0/{len(found['spec'].get('containers') or ())}"


def _pod_status(found: Json) -> str:
    if found["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(_in("status", "phase")(found))


def _ready_of(found: Json) -> str:
    ready = _in("status", "readyReplicas", otherwise=0)(found)
    return f"{ready}/{_in('spec', 'replicas', otherwise=1)(found)}"


def _count(*keys: str) -> Callable[[Json], int]:
    return lambda found: sum(len(found.get(key) or ()) for key in keys)


_NAME: Final = _Column("Name", _name, format="name", about=_NAME_ABOUT)
_AGE: Final = _Column("Age", _age, about=_AGE_ABOUT)
_CREATED: Final = _Column("Created At", _created, "date", about=_AGE_ABOUT)
_TEMPLATE: Final = ("spec", "template", "spec")
_WORKLOAD_WIDE: Final = (
    _Column("Containers", _containers("name", *_TEMPLATE), wide=True),
    _Column("Images", _containers("image", *_TEMPLATE), wide=True),
    _Column("Selector", _selector, wide=True),
)
_BINDING: Final = (
    _NAME,
    _Column("Role", _role),
    _AGE,
    _Column("Users", _subjects("User"), wide=True),
    _Column("Groups", _subjects("Group"), wide=True),
    _Column("ServiceAccounts", _subjects("ServiceAccount"), wide=True),
)
_NONE: Final = "<none>"

_COLUMNS: Final[Mapping[str, Sequence[_Column]]] = {
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "Namespace": (_NAME, _Column("Status", _in("status", "phase")), _AGE),
    "ServiceAccount": (_NAME, _AGE),
    "Secret": (
        _NAME,
        _Column("Type", _in("type")),
        _Column("Data", _count("data")),
        _AGE,
    ),
    "ConfigMap": (_NAME, _Column("Data", _count("data", "binaryData")), _AGE),
    "Pod": (
        _NAME,
        _Column("Ready", _ready_pods),
        _Column("Status", _pod_status),
        _Column("Restarts", lambda _found: "0"),
        _AGE,
        _Column("IP", _in("status", "podIP", otherwise=_NONE), wide=True),
        _Column("Node", _in("spec", "nodeName", otherwise=_NONE), wide=True),
        _Column("Nominated Node", _in("status", "nominatedNodeName", otherwise=_NONE), wide=True),
        _Column("Readiness Gates", lambda _found: _NONE, wide=True),
    ),
    "Deployment": (
        _NAME,
        _Column("Ready", _ready_of),
        _Column("Up-to-date", _in("status", "updatedReplicas", otherwise=0)),
        _Column("Available", _in("status", "availableReplicas", otherwise=0)),
        _AGE,
        *_WORKLOAD_WIDE,
    ),
    "ReplicaSet": (
        _NAME,
        _Column("Desired", _in("spec", "replicas", otherwise=1), "integer"),
        _Column("Current", _in("status", "replicas", otherwise=0), "integer"),
        _Column("Ready", _in("status", "readyReplicas", otherwise=0), "integer"),
        _AGE,
        *_WORKLOAD_WIDE,
    ),
}


def columns_of(kind: Kind) -> tuple[Json, ...]:
    """Give the definitions of a kind's columns."""
    return tuple(column.definition() for column in _columns(kind))


def row_of(kind: Kind, found: Json, shown: Json | None) -> Json:
    """Give the row of an object; `shown` is what stands beside the cells."""
    row: Json = {"cells": [column.value(found) for column in _columns(kind)]}
    return row | {"object": shown}


def _columns(kind: Kind) -> Sequence[_Column]:
    return _COLUMNS.get(kind.kind, (_NAME, _CREATED))
