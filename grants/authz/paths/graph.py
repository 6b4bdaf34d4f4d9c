"""The graph, searched backwards from each goal: one search serves every start."""

import heapq
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from grants.authz.paths.edges import edges_of
from grants.authz.paths.model import Edge, Party, PartyKind, Path, Step
from grants.authz.paths.world import World, groups_of


class Graph:
    """Every party that can be reached from the starts, with the edges between them."""

    def __init__(self, world: World, starts: Iterable[Party]) -> None:
        """Find all that can be reached."""
        self.world: Final = world
        self.parties: Final[list[Party]] = []
        self.numbers: Final[dict[Party, int]] = {}
        self.edges: Final[list[tuple[tuple[int, Edge], ...]]] = []
        self._alike: Final[dict[tuple[Party, ...], tuple[Edge, ...]]] = {}
        for start in starts:
            self._number(start)
        for party in self.parties:  # grows while it is walked
            found = self._edges_of(party)
            self.edges.append(tuple((self._number(edge.target), edge) for edge in found))
        self.into: Final = self._turned_around()

    def _number(self, party: Party) -> int:
        number = self.numbers.setdefault(party, len(self.parties))
        if number == len(self.parties):
            self.parties.append(party)
        return number

    def _edges_of(self, party: Party) -> tuple[Edge, ...]:
        if party.kind is not PartyKind.ACCOUNT or self.world.has_own(party):
            return edges_of(party, self.world)
        # Accounts that no binding names hold what their groups do, and the most hold nothing.
        groups = tuple(group for group in groups_of(party) if self.world.has_own(group))
        if groups not in self._alike:
            self._alike[groups] = edges_of(party, self.world)
        return self._alike[groups]

    def _turned_around(self) -> list[list[tuple[int, Edge]]]:
        into: list[list[tuple[int, Edge]]] = [[] for _ in self.parties]
        for number, edges in enumerate(self.edges):
            for target, edge in edges:
                into[target].append((number, edge))
        return into


class Next(NamedTuple):
    """The first edge of the best way on from a party, and where that leads."""

    target: int
    edge: Edge


class Search:
    """The best way to one goal from every party that has one."""

    def __init__(self, graph: Graph, goal: Party) -> None:
        """Search backwards: fewest steps first, and among those what supposes least."""
        self.graph: Final = graph
        self.goal: Final = goal
        self.next: Final[dict[int, Next]] = {}
        self.order: Final[list[int]] = []
        """Every party with a way to the goal, the nearest first."""
        self._search()

    def _search(self) -> None:
        goal = self.graph.numbers.get(self.goal)
        if goal is None:
            return
        costs, done = {goal: 0}, set()
        heap = [(0, goal)]
        while heap:
            cost, number = heapq.heappop(heap)
            if number in done:
                continue
            done.add(number)
            self.order.append(number)
            for source, edge in self.graph.into[number]:
                total = cost + edge.cost
                if total < costs.get(source, total + 1):
                    costs[source] = total
                    self.next[source] = Next(number, edge)
                    heapq.heappush(heap, (total, source))

    def reaches(self, number: int) -> bool:
        """Tell whether a party is the goal or has a way to it."""
        return number in self.next or self.graph.parties[number] == self.goal

    def path(self, start: Party) -> Path | None:
        """Give the path from a start; None: there is none."""
        number = self.graph.numbers.get(start)
        if number is None or number not in self.next:
            return None
        return Path(start, self.goal, tuple(self._steps(number)))

    def _steps(self, number: int) -> Iterator[Step]:
        """Lead through sets without a step of their own."""
        while number in self.next:
            actor = self.graph.parties[number]
            number, edge = self.next[number]
            needs = list(edge.needs)
            while number in self.next and not self.next[number].edge.kind:
                number, member = self.next[number]
                needs += member.needs
            gains = self.graph.parties[number]
            yield Step(edge.kind, actor, gains, edge.because, tuple(needs))
