"""What a role gives more and less than it did: permissions compared, not the text of the rules."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from grants.authz.matching import (
    matches_group,
    matches_resource,
    matches_verb,
    reaches,
)
from grants.authz.model import Rule, rule_as_json

# A role that names thousands of things by thousands of names must not hold a worker for minutes.
COMPARISONS_MOST: Final = 2_000_000


@dataclass(frozen=True)
class Difference:
    """What was gained and lost, as rules that say just that. Both empty: it gives the same.

    `known` is False when there is too much to compare; then it must be taken for a gain.
    """

    gained: tuple[Rule, ...] = ()
    lost: tuple[Rule, ...] = ()
    known: bool = True

    @property
    def is_wider(self) -> bool:
        """Tell whether anything is given that was not given before, or may be."""
        return bool(self.gained) or not self.known

    @property
    def is_none(self) -> bool:
        """Tell whether the same is given as before, if in other words."""
        return self.known and not self.gained and not self.lost


class _Permission(NamedTuple):
    """One verb on one resource of one group (None: on a path), of one name (None: of any)."""

    verb: str
    group: str | None
    what: str
    name: str | None


def difference(
    old: Collection[Rule], new: Collection[Rule], namespace: str | None = None
) -> Difference:
    """Compare what two sets of rules give in a namespace (None: everywhere).

    A wildcard counts as what it says: `*` instead of all verbs there are is a gain, since it also
    holds those that come later. What a RoleBinding never reaches does not count in a namespace.
    """
    gained = _beyond(new, old, namespace)
    lost = _beyond(old, new, namespace)
    if gained is None or lost is None:
        return Difference(known=False)
    return Difference(gained, lost)


def _beyond(
    rules: Collection[Rule], others: Collection[Rule], namespace: str | None
) -> tuple[Rule, ...] | None:
    """Give what `rules` hold and no single one of `others` covers; None: too much to tell.

    A permission is covered by one rule or by none, as Kubernetes has it: each holds one verb, one
    group, one resource and one name, so no two rules can cover it together.
    """
    known = {_form(rule) for rule in others}
    fresh = [rule for rule in rules if _form(rule) not in known]
    every = (permission for rule in fresh for permission in _permissions(rule, namespace))
    most = COMPARISONS_MOST // (len(others) + 1)
    bounded = list(islice(every, most + 1))
    if len(bounded) > most:
        return None
    return _as_rules(p for p in bounded if not any(_covers(other, p) for other in others))


def _form(rule: Rule) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((field, tuple(held)) for field, held in rule_as_json(rule).items())


def _permissions(rule: Rule, namespace: str | None) -> Iterator[_Permission]:
    names: Iterable[str | None] = rule.resource_names or (None,)
    for group in rule.api_groups:
        for resource in rule.resources:
            if not reaches(group, resource, namespace):
                continue
            for name in names:
                for verb in rule.verbs:
                    yield _Permission(verb, group, resource, name)
    if namespace is None:
        for path in rule.non_resource_urls:
            for verb in rule.verbs:
                yield _Permission(verb, None, path, None)


def _covers(rule: Rule, permission: _Permission) -> bool:
    verb, group, what, name = permission
    if not matches_verb(rule, verb):
        return False
    if group is None:
        return any(_path_covers(url, what) for url in rule.non_resource_urls)
    return (
        matches_group(rule, group)
        and matches_resource(rule, what)
        and (not rule.resource_names or name in rule.resource_names)
    )


def _path_covers(url: str, path: str) -> bool:
    return url == path or (url.endswith("*") and path.startswith(url[:-1]))


def _as_rules(permissions: Iterable[_Permission]) -> tuple[Rule, ...]:
    """Put permissions on the same thing together, in an order that depends on nothing else."""
    held: defaultdict[tuple[str | None, str, str | None], set[str]] = defaultdict(set)
    for verb, group, what, name in permissions:
        held[group, what, name].add(verb)
    ordered = sorted(held.items(), key=lambda one: tuple(part or "" for part in one[0]))
    return tuple(_rule(group, what, name, verbs) for (group, what, name), verbs in ordered)


def _rule(group: str | None, what: str, name: str | None, verbs: Collection[str]) -> Rule:
    ordered = tuple(sorted(verbs))
    if group is None:
        return Rule(ordered, non_resource_urls=(what,))
    return Rule(ordered, (group,), (what,), () if name is None else (name,))
