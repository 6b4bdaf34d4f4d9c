"""Which binding's removal cuts most paths: for each that a path rests on, counted without it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from grants.authz.objects import Binding
from grants.authz.paths.edges import edges_of
from grants.authz.paths.graph import Graph, Search
from grants.authz.paths.model import Cut, Party, PartyKind

_Name = tuple[str, str, str]


def name_of(binding: Binding) -> _Name:
    """Name a binding for good."""
    return binding.kind, binding.meta.namespace, binding.meta.name


class Cutting:
    """Recounts the paths without one binding or another.

    A start whose path does not rest on a binding keeps that path. So only those that do are
    recounted: edges that rest on it are derived anew without it, and whoever still leads to
    somebody that keeps a path has one. That is the whole count, by less work.
    """

    def __init__(self, graph: Graph, searches: Iterable[Search], starts: Collection[int]) -> None:
        """Note what rests on what."""
        self._graph: Final = graph
        self._searches: Final = tuple(searches)
        self._starts: Final = frozenset(starts)
        self._bindings: Final[dict[_Name, Binding]] = {
            name_of(one): one for one in graph.world.rbac.bindings
        }
        self._sources: Final[dict[_Name, set[int]]] = defaultdict(set)
        for number, edges in enumerate(graph.edges):
            for _, edge in edges:
                for binding in edge.rests_on:
                    self._sources[name_of(binding)].add(number)
        self._resting: Final = [_resting(search) for search in self._searches]

    def cuts(self) -> Iterator[Cut]:
        """Give what removing each binding cuts, in no order; those that cut nothing are left out.

        Bindings that a path only supposes (made on the way) can't be removed.
        """
        names = {name for resting in self._resting for name in resting}
        for name in sorted(names & self._bindings.keys()):
            found = self._without(name)
            if found:
                yield Cut(self._bindings[name], found)

    def _without(self, name: _Name) -> dict[PartyKind, int]:
        found: Counter[PartyKind] = Counter()
        fresh: dict[int, tuple[int, ...]] = {}
        for search, resting in zip(self._searches, self._resting, strict=True):
            affected = resting.get(name, set())
            if affected & self._starts:
                lost = affected - self._kept(name, search, affected, fresh)
                found[search.goal.kind] = len(lost & self._starts)
        return {kind: count for kind, count in found.items() if count}

    def _kept(
        self,
        name: _Name,
        search: Search,
        affected: set[int],
        fresh: dict[int, tuple[int, ...]],
    ) -> set[int]:
        """Give those of the affected that have another way."""
        sources: dict[int, list[int]] = defaultdict(list)
        kept, waiting = set(), []
        for number in affected:
            for target in self._targets(number, name, fresh):
                if target in affected:
                    sources[target].append(number)
                elif search.reaches(target):
                    kept.add(number)
                    waiting.append(number)
                    break
        while waiting:
            for number in sources.pop(waiting.pop(), ()):
                if number not in kept:
                    kept.add(number)
                    waiting.append(number)
        return kept

    def _targets(
        self, number: int, name: _Name, fresh: dict[int, tuple[int, ...]]
    ) -> Iterable[int]:
        if number not in self._sources[name]:
            return (target for target, _ in self._graph.edges[number])
        if number not in fresh:
            party = self._graph.parties[number]
            without = self._bindings[name]
            edges = edges_of(party, self._graph.world, without)
            fresh[number] = tuple(
                one for edge in edges for one in self._numbers(edge.target, without)
            )
        return fresh[number]

    def _numbers(self, party: Party, without: Binding) -> Iterator[int]:
        """Give a party's number; a smaller set that the graph does not have, by its members.

        Less rights lead to no party that more rights did not lead to, but to a part of a set.
        """
        number = self._graph.numbers.get(party)
        if number is not None:
            yield number
            return
        for edge in edges_of(party, self._graph.world, without):
            yield from self._numbers(edge.target, without)


def _resting(search: Search) -> dict[_Name, set[int]]:
    """Give for each binding the parties whose way to the goal rests on it."""
    rests: dict[int, frozenset[_Name]] = {}
    found: dict[_Name, set[int]] = defaultdict(set)
    for number in search.order:
        if number not in search.next:  # the goal itself
            rests[number] = frozenset()
            continue
        target, edge = search.next[number]
        own = frozenset(name_of(one) for one in edge.rests_on)
        rests[number] = rests[target] | own if own else rests[target]
        for name in rests[number]:
            found[name].add(number)
    return found
