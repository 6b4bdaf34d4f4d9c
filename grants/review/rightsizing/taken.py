"""What a proposal takes away, and what of it stays in places or for names."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from grants.authz.covers import Permission, covers_one, permissions_of
from grants.authz.model import Rule
from grants.review.finding import BindingRef, binding_ref
from grants.review.rightsizing.held import Held
from grants.review.rightsizing.least import rules_of
from grants.review.rightsizing.model import Scope, Taken

if TYPE_CHECKING:
    from grants.authz.objects import Binding

_Key = tuple[Scope, frozenset[str], frozenset[str]]
_NOWHERE: Final[frozenset[str]] = frozenset()


def taken(held: Held, given: Mapping[Scope, tuple[Rule, ...]]) -> tuple[Taken, ...]:
    """List the rights that the account itself holds and that neither stay nor come by groups."""
    found: dict[_Key, set[Permission]] = {}
    givers: dict[_Key, dict[BindingRef, Binding]] = {}
    stays = _Stays(given)
    for right in held.own:
        scope = right.namespace
        here = (*given.get(None, ()), *given.get(scope, ()), *held.group_rules_in(scope))
        for rule in right.rules:
            for permission in permissions_of(rule, scope):
                if any(covers_one(other, permission) for other in here):
                    continue
                key = (scope, *stays.parts_of(scope, permission))
                found.setdefault(key, set()).add(permission)
                givers.setdefault(key, {})[binding_ref(right.binding)] = right.binding
    ordered = sorted(found, key=lambda key: (key[0] or "", sorted(key[1]), sorted(key[2])))
    return tuple(
        Taken(
            key[0], rule, tuple(givers[key].values()), tuple(sorted(key[1])), tuple(sorted(key[2]))
        )
        for key in ordered
        for rule in rules_of(found[key])
    )


class _Stays:
    """What the proposal gives, to be held against what it takes away."""

    def __init__(self, given: Mapping[Scope, tuple[Rule, ...]]) -> None:
        self._given = [
            (scope, permission)
            for scope, rules in given.items()
            for rule in rules
            for permission in permissions_of(rule, scope)
        ]

    def parts_of(
        self, scope: Scope, permission: Permission
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Say in which namespaces and for which names something of a permission stays."""
        whole = _as_rule(permission)
        parts = [
            (place, one)
            for place, one in self._given
            if scope in {None, place} and covers_one(whole, one)
        ]
        places = {place for place, _ in parts if place is not None and place != scope}
        if permission.name is not None:
            return frozenset(places), _NOWHERE
        return frozenset(places), frozenset(_names_of(one for _, one in parts))


def _names_of(permissions: Iterable[Permission]) -> Iterable[str]:
    return (one.name for one in permissions if one.name is not None)


def _as_rule(permission: Permission) -> Rule:
    verb, group, what, name = permission
    if group is None:
        return Rule((verb,), non_resource_urls=(what,))
    return Rule((verb,), (group,), (what,), () if name is None else (name,))
