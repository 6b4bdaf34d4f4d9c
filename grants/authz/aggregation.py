"""Aggregated ClusterRoles filled as Kubernetes' controller fills them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

from grants.authz.model import Rule
from grants.authz.objects import Requirement, Role, Selector

_Edges = Mapping[str, tuple[str, ...]]


def matches_labels(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Tell whether a selector takes an object with these labels; an empty one takes everything."""
    return all(labels.get(key) == value for key, value in selector.labels) and all(
        _meets(requirement, labels) for requirement in selector.requirements
    )


def _meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    held = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return held is not None and held in requirement.values
        case "NotIn":
            return held is None or held not in requirement.values
        case "Exists":
            return held is not None
        case "DoesNotExist":
            return held is None
    # No API server takes another operator, so nothing is gathered by it.
    return False


def gathered(roles: Sequence[Role]) -> tuple[Role, ...]:
    """Give the roles with each aggregated one holding the rules that it gathers from the others.

    A role that gathers no rule keeps its own, as in a cluster; otherwise they are overwritten.
    One with a uid was read from a cluster, where that has happened already: it keeps what it
    holds and gains what roles from elsewhere would add. Members of a cycle keep each other's
    rules alive, and which ones depends on who went first: each is taken to hold them all.
    """
    named = {role.meta.name: role for role in roles if role.kind == "ClusterRole"}
    index = _Labels(named.values())
    edges = {
        name: tuple(dict.fromkeys(index.taken_by(role)))
        for name, role in named.items()
        if role.aggregates
    }
    rules: dict[str, tuple[Rule, ...]] = {}
    for component in _components(edges):
        rules |= _filled(component, edges, named, rules)
    return tuple(
        replace(role, rules=rules[role.meta.name])
        if role.kind == "ClusterRole" and role.meta.name in rules
        else role
        for role in roles
    )


def _filled(
    component: Sequence[str],
    edges: _Edges,
    named: Mapping[str, Role],
    done: Mapping[str, tuple[Rule, ...]],
) -> Iterator[tuple[str, tuple[Rule, ...]]]:
    """Fill the roles that gather from each other; one alone is the usual case."""
    inside = set(component)
    sources = [name for member in component for name in edges[member] if name not in inside]
    taken = [
        rule
        for name in dict.fromkeys(sources)
        for rule in (done[name] if name in done else named[name].rules)
    ]
    own = [
        rule
        for name in component
        if not taken or len(component) > 1 or named[name].meta.uid
        for rule in named[name].rules
    ]
    held = tuple(dict.fromkeys(chain(own, taken)))
    return ((name, held) for name in component)


class _Labels:
    """ClusterRoles by label, so that thousands of selectors need not look at each of them."""

    def __init__(self, roles: Iterable[Role]) -> None:
        self._roles: Final = sorted(roles, key=lambda role: role.meta.name)
        self._by_pair: dict[tuple[str, str], list[Role]] = {}
        for role in self._roles:
            for pair in role.meta.labels.items():
                self._by_pair.setdefault(pair, []).append(role)

    def taken_by(self, role: Role) -> Iterator[str]:
        """Name the roles that this one gathers from: by selector, then by name, never itself."""
        for selector in role.aggregates or ():
            for other in self._candidates(selector):
                if other.meta.name != role.meta.name and matches_labels(
                    selector, other.meta.labels
                ):
                    yield other.meta.name

    def _candidates(self, selector: Selector) -> Sequence[Role]:
        if not selector.labels:
            return self._roles
        return min((self._by_pair.get(pair, []) for pair in selector.labels), key=len)


def _components(edges: _Edges) -> Iterator[tuple[str, ...]]:
    """Give sets of roles that gather from each other, each after those that it gathers from.

    Tarjan's walk with a stack of its own: a chain of ten thousand roles must not end Python's.
    """
    walk = _Walk(edges)
    for name in edges:
        if name not in walk.order:
            yield from walk.start(name)


class _Walk:
    def __init__(self, edges: _Edges) -> None:
        self.order: dict[str, int] = {}
        self._low: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self._edges: Final = edges

    def start(self, root: str) -> Iterator[tuple[str, ...]]:
        trail = [(root, self._enter(root))]
        while trail:
            name, targets = trail[-1]
            target = next(targets, None)
            if target is None:
                trail.pop()
                if trail:
                    above = trail[-1][0]
                    self._low[above] = min(self._low[above], self._low[name])
                if self._low[name] == self.order[name]:
                    yield self._close(name)
            elif target not in self.order:
                trail.append((target, self._enter(target)))
            elif target in self._open:
                self._low[name] = min(self._low[name], self.order[target])

    def _enter(self, name: str) -> Iterator[str]:
        self.order[name] = self._low[name] = len(self.order)
        self._open[name] = None
        # A role that gathers nothing is where a walk ends; it needs no component.
        return (target for target in self._edges[name] if target in self._edges)

    def _close(self, root: str) -> tuple[str, ...]:
        members: list[str] = []
        while not members or members[-1] != root:
            members.append(self._open.popitem()[0])
        return tuple(members)
