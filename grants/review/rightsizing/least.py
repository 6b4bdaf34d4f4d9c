"""Permissions put together into the fewest rules that give just them, and nothing by the way."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from grants.authz.covers import Permission
from grants.authz.model import Rule
from grants.review.rightsizing.model import Scope

_ANY_NAME: Final = frozenset({None})
_Names = frozenset[str | None]
_Words = frozenset[str]


def without_doubles(
    wanted: Mapping[Scope, Iterable[Permission]],
) -> dict[Scope, frozenset[Permission]]:
    """Leave out what another permission gives already: one of any name, or of everywhere."""
    everywhere = frozenset(wanted.get(None, ()))
    found = {}
    for scope, permissions in wanted.items():
        here = frozenset(permissions)
        above = everywhere if scope is not None else frozenset()
        found[scope] = frozenset(p for p in here if not _given(p, here, above))
    return {scope: permissions for scope, permissions in found.items() if permissions}


def _given(one: Permission, here: frozenset[Permission], above: frozenset[Permission]) -> bool:
    of_any = one._replace(name=None)
    return one in above or of_any in above or (one.name is not None and of_any in here)


def rules_of(permissions: Iterable[Permission]) -> tuple[Rule, ...]:
    """Put permissions together where verbs, kinds, groups and names make up a full product.

    Verbs share a rule only if they are for just the same names of a kind; kinds only if they have
    the same verbs, names and group; groups only if all else is the same. The order is fixed.
    """
    names: defaultdict[tuple[str | None, str, str], set[str | None]] = defaultdict(set)
    for verb, group, what, name in permissions:
        names[group, what, verb].add(name)
    verbs: defaultdict[tuple[str | None, str, _Names], set[str]] = defaultdict(set)
    for (group, what, verb), held in names.items():
        verbs[group, what, _ANY_NAME if None in held else frozenset(held)].add(verb)
    kinds: defaultdict[tuple[str | None, _Words, _Names], set[str]] = defaultdict(set)
    for (group, what, held_names), held_verbs in verbs.items():
        kinds[group, frozenset(held_verbs), held_names].add(what)
    groups: defaultdict[tuple[bool, _Words, _Words, _Names], set[str]] = defaultdict(set)
    for (group, held_verbs_, held_names), whats in kinds.items():
        groups[group is None, frozenset(whats), held_verbs_, held_names].add(group or "")
    return tuple(sorted((_rule(*key, held) for key, held in groups.items()), key=_order))


def _rule(is_path: bool, what: _Words, verbs: _Words, names: _Names, groups: set[str]) -> Rule:  # noqa: FBT001 - a key's part
    ordered = tuple(sorted(verbs))
    if is_path:
        return Rule(ordered, non_resource_urls=tuple(sorted(what)))
    named = tuple(sorted(name for name in names if name is not None))
    return Rule(ordered, tuple(sorted(groups)), tuple(sorted(what)), named)


def _order(rule: Rule) -> tuple[object, ...]:
    return (
        bool(rule.non_resource_urls),
        rule.api_groups,
        rule.resources,
        rule.resource_names,
        rule.non_resource_urls,
        rule.verbs,
    )
