"""Rules in plain words, and the exact lines behind them. What is shown at most, callers limit."""

from collections.abc import Iterable, Sequence
from typing import Final

from grants.authz.matching import ANY, split_resource
from grants.authz.model import Rule

_READ: Final = frozenset({"get", "list", "watch"})
_CHANGE: Final = frozenset({"create", "update", "patch"})
_DELETE: Final = frozenset({"delete", "deletecollection"})

# Subresources that do something of their own: (verbs that do it, words before the kind).
_SPECIAL: Final[dict[str, tuple[frozenset[str], str]]] = {
    "exec": (frozenset({"create", "get"}), "open a shell in"),
    "attach": (frozenset({"create", "get"}), "attach to"),
    "portforward": (frozenset({"create", "get"}), "forward ports of"),
    "proxy": (frozenset({"create", "get", "update", "patch", "delete"}), "reach by proxy"),
    "log": (frozenset({"get"}), "read logs of"),
    "eviction": (frozenset({"create"}), "evict"),
    "token": (frozenset({"create"}), "mint tokens of"),
    "ephemeralcontainers": (frozenset({"update", "patch"}), "add debug containers to"),
    "scale": (frozenset({"update", "patch"}), "scale"),
    "approval": (frozenset({"update", "patch"}), "approve"),
}
_VERBS: Final = {
    "bind": "bind",
    "escalate": "widen",
    "impersonate": "act as",
    "approve": "approve for",
    "sign": "sign for",
    "use": "use",
}
_ORDER: Final = ("do anything with", "change", "delete", "read")


def in_words(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Say what rules allow, for example `change deployments` or `open a shell in pods`.

    One phrase a kind of doing; the heaviest first, looking last. Named objects are named.
    """
    things: dict[str, dict[str, None]] = {}
    for rule in rules:
        for doing, thing in _phrases(rule):
            things.setdefault(doing, {})[thing] = None
    return tuple(
        f"{doing} {', '.join(sorted(things[doing]))}" for doing in sorted(things, key=_weight)
    )


def in_few_words(rules: Iterable[Rule], most: int = 6) -> str:
    """Say what rules allow as one text of at most so many phrases: `delete pods; read secrets`."""
    phrases = in_words(rules)
    more = len(phrases) - most
    shown = "; ".join(phrases[:most])
    return f"{shown}; and {more} more" if more > 0 else shown


def _weight(doing: str) -> tuple[int, str]:
    if doing == _ORDER[0]:
        return 0, doing
    return (_ORDER.index(doing) + 2 if doing in _ORDER else 1), doing


def _phrases(rule: Rule) -> Iterable[tuple[str, str]]:
    verbs = frozenset(rule.verbs)
    for resource in rule.resources:
        for group in rule.api_groups:
            yield from _of_resource(verbs, group, resource, rule.resource_names)
    for url in rule.non_resource_urls:
        yield ("do anything with" if ANY in verbs else "call"), f"the path {url}"


def _of_resource(
    verbs: frozenset[str], group: str, resource: str, names: Sequence[str]
) -> Iterable[tuple[str, str]]:
    kind, sub = split_resource(resource)
    kind_words = _thing(group, kind, names)
    if ANY in verbs:
        yield "do anything with", _thing(group, resource, names)
        return
    left = verbs
    if sub in _SPECIAL and verbs & _SPECIAL[sub][0]:
        doing_verbs, doing = _SPECIAL[sub]
        yield doing, kind_words
        # No subresource is ever listed or watched: where it is read, that says it all.
        left -= doing_verbs | {"list", "watch"}
    thing = _thing(group, resource, names)
    for group_verbs, doing in ((_READ, "read"), (_CHANGE, "change"), (_DELETE, "delete")):
        if left & group_verbs:
            yield _narrowed(doing, left & group_verbs, group_verbs), thing
    for verb in sorted(left - _READ - _CHANGE - _DELETE):
        yield _VERBS.get(verb, f"`{verb}` on"), thing


def _narrowed(doing: str, held: frozenset[str], _all: frozenset[str]) -> str:
    """Say `create` where only that is given: it is much less than to change."""
    if held in ({"create"}, {"watch"}):
        return next(iter(held))
    if held in ({"list"}, {"list", "watch"}):
        return "list"
    return doing


def _thing(group: str, resource: str, names: Sequence[str]) -> str:
    if resource == ANY:
        what = "everything" if group in {ANY, ""} else f"everything of {group}"
        if group == "":
            what = "every core kind"
    else:
        what = f"every kind{resource[1:]}" if resource.startswith("*/") else resource
    return f"{what} ({', '.join(sorted(names))})" if names else what


def rule_lines(rules: Iterable[Rule]) -> tuple[str, ...]:
    """Give the exact rules, one line each: verbs, then resources with their groups, then names."""
    return tuple(_line(rule) for rule in rules)


def _line(rule: Rule) -> str:
    parts = [",".join(rule.verbs)]
    if rule.resources:
        groups = ",".join(group or "core" for group in rule.api_groups)
        parts.append(f"{','.join(rule.resources)} in {groups}")
    if rule.resource_names:
        parts.append(f"named {','.join(rule.resource_names)}")
    if rule.non_resource_urls:
        parts.append(f"paths {','.join(rule.non_resource_urls)}")
    return " ".join(parts)
