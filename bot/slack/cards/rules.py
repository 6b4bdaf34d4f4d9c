"""A role's exact rules, as short as they can be said without losing anything.

Kubernetes adds rules up verb by verb, so they may be sorted anew: by what may be done, then by API
group. What the words here allow is what the role allows, no more and no less.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from grants.authz.model import Rule

_LOOKING: Final = frozenset({"get", "list", "watch"})

# (API group, resource or path, names) -> verbs; a path stands without an API group.
_Held = Mapping[tuple[str | None, str, tuple[str, ...]], frozenset[str]]


def rule_lines(rules: Iterable[Rule]) -> list[str]:
    """Say the rules: a line of verbs, then indented lines of what they act on, the heaviest first.

    `pods/{exec,log}` stands for the two subresources, without the pods themselves.
    """
    by_verbs: dict[frozenset[str], list[tuple[str | None, str, tuple[str, ...]]]] = {}
    for thing, verbs in _held(rules).items():
        by_verbs.setdefault(verbs, []).append(thing)
    lines: list[str] = []
    for verbs in sorted(by_verbs, key=_weight):
        lines.append(", ".join(sorted(verbs)))
        lines += [f"  {line}" for line in _things(by_verbs[verbs])]
    return lines


def _held(rules: Iterable[Rule]) -> _Held:
    held: defaultdict[tuple[str | None, str, tuple[str, ...]], set[str]] = defaultdict(set)
    for rule in rules:
        names = tuple(sorted(rule.resource_names))
        for resource in rule.resources:
            for group in rule.api_groups:
                held[group, resource, names].update(rule.verbs)
        for path in rule.non_resource_urls:
            held[None, path, ()].update(rule.verbs)
    return {thing: frozenset(verbs) for thing, verbs in held.items()}


def _weight(verbs: frozenset[str]) -> tuple[bool, int, list[str]]:
    """Sort what only looks last, and among the others what does most first."""
    return verbs <= _LOOKING, -len(verbs), sorted(verbs)


def _things(things: Iterable[tuple[str | None, str, tuple[str, ...]]]) -> list[str]:
    places: defaultdict[tuple[bool, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for group, what, names in things:
        places[group is None, group or "", names].append(what)
    lines = []
    for (is_path, group, names), whats in sorted(places.items()):
        said = ", ".join(sorted(whats) if is_path else _folded(whats))
        head = "paths: " if is_path else f"{group}: " if group else ""
        only = f"  only {', '.join(names)}" if names else ""
        lines.append(f"{head}{said}{only}")
    return lines


def _folded(whats: Iterable[str]) -> list[str]:
    """Put the subresources of one resource together."""
    subs: defaultdict[str, list[str]] = defaultdict(list)
    for what in sorted(whats):
        kind, slash, sub = what.partition("/")
        subs[kind + slash].append(sub)
    return [
        f"{kind}{{{','.join(all_of)}}}" if len(all_of) > 1 else f"{kind}{all_of[0]}"
        for kind, all_of in sorted(subs.items())
    ]
