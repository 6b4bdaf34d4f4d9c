"""Label and field selectors as they stand in a query."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from bot.playground.cluster.faults import Fault, bad_request
from bot.playground.cluster.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    NAMESPACE,
    POD,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE_ACCOUNT,
    Json,
    Kind,
)
from grants.authz.aggregation import matches_labels
from grants.authz.objects import Requirement, Selector
from grants.authz.reason import quoted

Matcher = Callable[[Json], bool]

_SET: Final = re.compile(r"^(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL: Final = re.compile(r"^(?P<key>[^\s!=,()]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^\s=!(),]*)$")
_EXISTS: Final = re.compile(r"^(?P<no>!?)\s*(?P<key>[^\s!=,()]+)$")
_OUTSIDE_PARENTHESES: Final = re.compile(r",(?![^()]*\))")
_OPERATORS: Final = {"in": "In", "notin": "NotIn", "=": "In", "==": "In", "!=": "NotIn"}
_FIELD: Final = re.compile(r"^(?P<path>[^=!]+?)(?P<op>==|=|!=)(?P<value>.*)$", re.DOTALL)
_UNESCAPED_COMMA: Final = re.compile(r"(?<!\\),")

_ALWAYS: Final = ("metadata.name", "metadata.namespace")
_MORE_FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    NAMESPACE: ("status.phase",),
    POD: (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    SECRET: ("type",),
}
_CLUSTER_SCOPED: Final = frozenset({NAMESPACE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING})
_PLAIN: Final = frozenset({ROLE, ROLE_BINDING, SERVICE_ACCOUNT})


def by_labels(text: str) -> Matcher:
    """Read a label selector; Fault (400) when it is none."""
    requirements = tuple(_requirement(part.strip(), text) for part in _parts(text))
    selector = Selector((), requirements)

    def matches(found: Json) -> bool:
        return matches_labels(selector, found["metadata"].get("labels") or {})

    return matches


def _parts(text: str) -> list[str]:
    return _OUTSIDE_PARENTHESES.split(text) if text.strip() else []


def _requirement(part: str, text: str) -> Requirement:
    if found := _SET.match(part):
        values = tuple(value.strip() for value in found["values"].split(","))
        return Requirement(found["key"], _OPERATORS[found["op"]], values)
    if found := _EQUAL.match(part):
        return Requirement(found["key"], _OPERATORS[found["op"]], (found["value"],))
    if found := _EXISTS.match(part):
        return Requirement(found["key"], "DoesNotExist" if found["no"] else "Exists")
    raise _unable("labelSelector", text)


def by_fields(kind: Kind, text: str) -> Matcher:
    """Read a field selector; Fault (400) when it is none, or names a field that is not one."""
    terms = [_term(kind, part, text) for part in _UNESCAPED_COMMA.split(text) if part]

    def matches(found: Json) -> bool:
        return all((_field(found, path) == value) is wanted for path, value, wanted in terms)

    return matches


def _term(kind: Kind, part: str, text: str) -> tuple[str, str, bool]:
    found = _FIELD.match(part)
    if found is None:
        raise bad_request(f"invalid selector: {quoted(text)}; can't understand {quoted(part)}")
    path = found["path"]
    known = (*_ALWAYS, *_MORE_FIELDS.get(kind, ()))
    if path not in known or (path == "metadata.namespace" and not kind.namespaced):
        raise bad_request(_unknown_field(kind, path))
    value = re.sub(r"\\(.)", r"\1", found["value"])
    return path, value, found["op"] != "!="


def _unknown_field(kind: Kind, path: str) -> str:
    if kind.group or kind in _PLAIN:
        return (
            f"{quoted(path)} is not a known field selector: "
            'only "metadata.name", "metadata.namespace"'
        )
    return f"field label not supported: {path}"


def _field(found: Json, path: str) -> str:
    value: object = found
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ("false" if path == "spec.hostNetwork" else "")


def _unable(what: str, text: str) -> Fault:
    return bad_request(f"unable to parse requirement: invalid {what} {quoted(text)}")
