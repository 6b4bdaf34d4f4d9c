"""Find the escalation paths of a cluster."""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

from grants.authz.objects import MASTERS
from grants.authz.paths.cutting import Cutting
from grants.authz.paths.graph import Graph, Search
from grants.authz.paths.model import (
    CLUSTER_ADMIN,
    EVERY_SECRET,
    NODE,
    Cut,
    Party,
    PartyKind,
    Path,
    pods_of,
)
from grants.authz.paths.surroundings import Surroundings
from grants.authz.paths.world import World
from grants.authz.rbac import Rbac

_GOALS: Final = (CLUSTER_ADMIN, EVERY_SECRET, NODE)


class Paths:
    """The shortest path from each start to each goal.

    Starts are service accounts and the pods of each namespace (`starts`), and besides the users
    and groups that bindings name (`people`), who are not counted in cuts: admins are meant to be.

    What it leaves out: rights of two parties that were gained one after the other are not put
    together, only those that one party holds; constrained impersonation; and whatever other
    authorizers than RBAC allow.
    """

    def __init__(self, rbac: Rbac, around: Surroundings) -> None:
        """Build the graph and search it from each goal."""
        world = World(rbac, around)
        self.accounts: Final = tuple(
            Party(PartyKind.ACCOUNT, name, namespace)
            for namespace, names in world.scene.accounts.items()
            for name in names
        )
        pods = tuple(pods_of(namespace) for namespace in world.scene.running)
        self.starts: Final = (*self.accounts, *pods)
        self.people: Final = tuple(
            party
            for kind in (PartyKind.USER, PartyKind.GROUP)
            for party in world.bound(kind)
            if party.name != MASTERS
        )
        self._graph = Graph(world, (*self.starts, *self.people))
        self._searches = {goal.kind: Search(self._graph, goal) for goal in _GOALS}

    def path(self, start: Party, goal: PartyKind) -> Path | None:
        """Give the shortest path from a start to a goal; None: there is none."""
        return self._searches[goal].path(start)

    def all(self) -> Iterator[Path]:
        """Give every path, by start."""
        for start in (*self.starts, *self.people):
            for search in self._searches.values():
                path = search.path(start)
                if path is not None:
                    yield path

    @property
    def goals(self) -> tuple[PartyKind, ...]:
        """The goals, the highest first."""
        return tuple(self._searches)

    def count(self, goal: PartyKind) -> int:
        """Count the starts (without people) that have a path to a goal."""
        search, numbers = self._searches[goal], self._graph.numbers
        return sum(search.reaches(numbers[start]) for start in self.starts)

    @cached_property
    def cuts(self) -> tuple[Cut, ...]:
        """What the removal of each single binding cuts, most first; counted without it."""
        starts = {self._graph.numbers[start] for start in self.starts}
        cutting = Cutting(self._graph, self._searches.values(), starts)
        return tuple(sorted(cutting.cuts(), key=lambda cut: (-cut.paths, str(cut.binding))))


def find_paths(rbac: Rbac, around: Surroundings) -> Paths:
    """Find the escalation paths of a cluster, or of what files say of one."""
    return Paths(rbac, around)
