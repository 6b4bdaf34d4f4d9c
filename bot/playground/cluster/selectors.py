"""Label and field selectors as they stand in a query."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from bot.playground.cluster.faults import bad_request
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
from bot.playground.cluster.label_selectors import SelectorError, Term, parse
from grants.authz.aggregation import matches_labels
from grants.authz.objects import Requirement, Selector
from grants.authz.reason import quoted

Matcher = Callable[[Json], bool]

_FIELD: Final = re.compile(r"^(?P<path>[^=!]+?)(?P<op>==|=|!=)(?P<value>.*)$", re.DOTALL)
_UNESCAPED_COMMA: Final = re.compile(r"(?<!\\),")
_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d+")

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
_PLAIN: Final = frozenset({ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, SERVICE_ACCOUNT})


def by_labels(text: str) -> Matcher:
    """Read a label selector; Fault (400) when it is none."""
    try:
        terms = parse(text)
    except SelectorError as error:
        raise bad_request(str(error)) from None
    compared = [term for term in terms if term.operator in {"Gt", "Lt"}]
    plain = Selector((), tuple(_requirement(term) for term in terms if term not in compared))

    def matches(found: Json) -> bool:
        labels = found["metadata"].get("labels") or {}
        return matches_labels(plain, labels) and all(_compares(term, labels) for term in compared)

    return matches


def _requirement(term: Term) -> Requirement:
    return Requirement(term.key, term.operator, term.values)


def _compares(term: Term, labels: Mapping[str, str]) -> bool:
    held = labels.get(term.key, "")
    if not _WHOLE_NUMBER.fullmatch(held):
        return False
    bound = int(term.values[0])
    return int(held) > bound if term.operator == "Gt" else int(held) < bound


def by_fields(kind: Kind, text: str) -> Matcher:
    """Read a field selector; Fault (400) when it is none, or names a field that is not one."""
    terms = [_term(kind, part, text) for part in _UNESCAPED_COMMA.split(text) if part]

    def matches(found: Json) -> bool:
        return all((_field(found, path) == value) is wanted for path, value, wanted in terms)

    return matches


def _term(kind: Kind, part: str, text: str) -> tuple[str, str, bool]:
    found = _FIELD.match(part)
    if found is None:
        raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
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
