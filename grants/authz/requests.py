"""What a real request asks: method, path and query as an API server turns them into a question.

A review believes whatever attributes it is given; a request has only those that follow from it.
"""

import re
from typing import Final
from urllib.parse import parse_qs

from grants.authz.matching import CLUSTER_SCOPED
from grants.authz.model import Question

_VERBS: Final = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_PREFIX_VERBS: Final = frozenset({"proxy", "watch"})
_OF_NAMESPACES: Final = frozenset({"status", "finalize"})
_FALSE: Final = frozenset({"false", "0"})


def question_of(method: str, path: str, query: str = "") -> Question | None:
    """Give the question that a request puts; None: no API server understands it.

    `path` is decoded already, `query` is not.
    """
    parts = [part for part in (path.strip("/").split("/")) if path.strip("/")]
    found = _split_prefix(parts)
    if found is None:
        return Question(method.lower(), path=path)
    group, rest = found
    verb = _VERBS.get(method, "")
    if rest[0] in _PREFIX_VERBS:
        if len(rest) == 1:
            return None
        verb, *rest = rest
    namespace, rest = _split_namespace(rest)
    kind, name, sub = [*rest[:3], "", ""][:3]
    if verb == "proxy":
        sub = ""
    if not name and verb == "get":
        verb, name = _look(query)
    if not name and verb == "delete":
        verb = "deletecollection"
    return Question(verb, group, kind, sub, name, namespace)


def _split_prefix(parts: list[str]) -> tuple[str, list[str]] | None:
    """Take the group off `/api/VERSION/...` or `/apis/GROUP/VERSION/...`; None: no resource."""
    match parts:
        case ["api", _, _, *_]:
            return "", parts[2:]
        case ["apis", group, _, _, *_]:
            return group, parts[3:]
    return None


def _split_namespace(parts: list[str]) -> tuple[str | None, list[str]]:
    """Take `namespaces/NAME` off; of a namespace itself its name is its namespace, too."""
    match parts:
        case ["namespaces", name, sub, *_] if sub not in _OF_NAMESPACES:
            return name, parts[2:]
        case ["namespaces", name, *_]:
            return name, parts
    return None, parts


def _look(query: str) -> tuple[str, str]:
    """Tell a list from a watch, and the one name that its field selector asks for."""
    values = parse_qs(query, keep_blank_values=True)
    watch = "watch" in values and values["watch"][0].lower() not in _FALSE
    return "watch" if watch else "list", _selected_name(values.get("fieldSelector", [""])[0])


def _selected_name(selector: str) -> str:
    for term in re.split(r"(?<!\\),", selector):
        found = re.fullmatch(r"metadata\.name==?((?:[^\\=,!]|\\[\\=,])*)", term)
        if found:
            name = re.sub(r"\\(.)", r"\1", found[1])
            return "" if name in {".", ".."} or set(name) & set("/%") else name
    return ""


def as_requested(question: Question) -> Question:
    """Put a question as a request would: what stands outside of namespaces is asked without one.

    Only a namespace itself is asked for in the namespace that it is.
    """
    kind = question.api_group, question.resource
    namespace = question.namespace or None
    if question.path is not None or kind in CLUSTER_SCOPED:
        namespace = None
    elif kind == ("", "namespaces"):
        namespace = question.name or None
    return Question(
        question.verb,
        *kind,
        question.subresource,
        question.name,
        namespace,
        question.path,
    )
