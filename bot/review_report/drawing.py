"""The graph of escalation paths, laid out in layers: goals on the right, starts on the left.

Shortest paths to the same goal run together and never part again, so they make a tree. Its leaves
take a row each and whoever they lead to stands in their middle: no two lines ever cross.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from grants.authz.paths.find import Paths
from grants.authz.paths.model import GOALS, Party, PartyKind, Path, Step
from grants.authz.paths.words import party_words, step_words
from grants.review.findings.escalations import highest

NODES_MOST: Final = 60
"""Of more boxes nobody sees anything; what is left out is counted and said."""

WIDTH: Final = 190
HEIGHT: Final = 40
GAP_X: Final = 128
GAP_Y: Final = 14
MARGIN: Final = 12
NAME_MOST: Final = 24
NAMES_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Box:
    """One box: a party, or several starts that take the same step. `id` names the words of it."""

    x: float
    y: float
    kind: str
    name: str
    below: str
    whole: str
    link: str
    number: int
    leads_to: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line between boxes, from left to right."""

    number: int
    curve: str
    label: str
    label_x: float
    label_y: float
    certain: bool
    says: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawing, and how many starts are left out of it."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    left_out: int


@dataclass(slots=True)
class _Node:
    """A party on its way to a goal. Starts that nobody leads to are put together in `starts`."""

    party: Party
    step: Step | None
    after: "_Node | None"
    starts: list[Party]
    before: "list[_Node]"
    weight: int = 0

    @property
    def column(self) -> int:
        """How many steps are left from here."""
        return 0 if self.after is None else self.after.column + 1


def draw(paths: Paths) -> Drawing | None:
    """Draw the path of each account to the highest goal that it gets to; None: there is none."""
    found = [path for start in paths.accounts if (path := highest(paths, start)) is not None]
    if not found:
        return None
    roots = _trees(found)
    kept = _heaviest(roots)
    drawn = sum(len(node.starts) for node in kept)
    return _laid_out(roots, {id(node) for node in kept}, len(found) - drawn)


def _trees(paths: Iterable[Path]) -> list[_Node]:
    """Put paths together, and then starts that do the same first step and that nobody leads to."""
    nodes: dict[tuple[Party, PartyKind], _Node] = {}
    starts = {}
    for path in paths:
        goal = path.goal
        after = nodes.setdefault((goal, goal.kind), _Node(goal, None, None, [], []))
        for step in reversed(path.steps):
            key = step.actor, goal.kind
            if key not in nodes:
                nodes[key] = _Node(step.actor, step, after, [], [])
                after.before.append(nodes[key])
            after = nodes[key]
        starts[path.start] = after
    for start, node in starts.items():
        node.starts.append(start)
    for node in list(nodes.values()):
        node.before = _together(node.before)
    roots = [nodes[party, party.kind] for party in _goals(nodes)]
    for root in roots:
        _weigh(root)
    return roots


def _goals(nodes: Iterable[tuple[Party, PartyKind]]) -> list[Party]:
    goals = [party for party, _ in nodes if party.kind in GOALS]
    return sorted(goals, key=lambda party: GOALS.index(party.kind))


def _together(nodes: list[_Node]) -> list[_Node]:
    alike: dict[object, list[_Node]] = defaultdict(list)
    for number, node in enumerate(nodes):
        kind = node.step.kind if node.step is not None else ""
        certain = node.step is None or all(need.seen for need in node.step.needs)
        alone = bool(node.before) or node.party.kind is not PartyKind.ACCOUNT
        alike[number if alone else (kind, certain, node.party.namespace)].append(node)
    for first, *others in alike.values():
        for other in others:
            first.starts += other.starts
    return [those[0] for those in alike.values()]


def _weigh(node: _Node) -> int:
    node.weight = len(node.starts) + sum(_weigh(one) for one in node.before)
    node.before.sort(key=lambda one: (-one.weight, one.party))
    return node.weight


def _heaviest(roots: Iterable[_Node]) -> list[_Node]:
    """Give as many nodes as fit, first those by which most starts go, each after its next one."""
    kept: list[_Node] = []
    waiting = list(roots)
    while waiting and len(kept) < NODES_MOST:
        node = max(waiting, key=lambda one: one.weight)
        waiting.remove(node)
        kept.append(node)
        waiting += node.before
    return kept


def _laid_out(roots: Iterable[_Node], kept: set[int], left_out: int) -> Drawing:
    order: list[tuple[_Node, float]] = []
    row = 0.0
    for root in roots:
        if id(root) in kept:
            row = _rows(root, row, kept, order)
    columns = max(node.column for node, _ in order)
    numbers = {id(node): number for number, (node, _) in enumerate(order)}
    places: dict[int, tuple[float, float]] = {
        id(node): (
            MARGIN + (columns - node.column) * (WIDTH + GAP_X),
            MARGIN + at * (HEIGHT + GAP_Y),
        )
        for node, at in order
    }
    return Drawing(
        width=2 * MARGIN + (columns + 1) * WIDTH + columns * GAP_X,
        height=2 * MARGIN + row * (HEIGHT + GAP_Y) - GAP_Y,
        boxes=tuple(_box(node, places[id(node)], numbers) for node, _ in order),
        lines=tuple(_lines((node for node, _ in order), places, numbers)),
        left_out=left_out,
    )


def _rows(node: _Node, row: float, kept: set[int], order: list[tuple[_Node, float]]) -> float:
    """Give each leaf the next row, and everybody else the middle of theirs."""
    before = [one for one in node.before if id(one) in kept]
    first, begin = len(order), row
    for one in before:
        row = _rows(one, row, kept, order)
    if not before:
        order.append((node, row))
        return row + 1
    own = [at for one, at in order[first:] if one.after is node]
    order.append((node, (own[0] + own[-1]) / 2 if own else begin))
    return row


def _box(node: _Node, place: tuple[float, float], numbers: dict[int, int]) -> Box:
    name, below, whole = _labels(node)
    link = path_id(node.starts[0]) if node.starts else ""
    after = numbers[id(node.after)] if node.after is not None else None
    kind = "goal" if node.step is None else node.party.kind.value
    return Box(*place, kind, _short(name), below, whole, link, numbers[id(node)], after)


def _labels(node: _Node) -> tuple[str, str, str]:
    party, count = node.party, len(node.starts)
    if node.step is None:
        return party_words(party), f"{node.weight} accounts get there", party_words(party)
    if count > 1:
        names = ", ".join(party_words(one) for one in node.starts[:NAMES_MOST])
        more = f" and {count - NAMES_MOST} more" if count > NAMES_MOST else ""
        return f"{count} accounts", party.namespace, names + more
    if party.kind is PartyKind.ACCOUNT:
        return party.name, party.namespace, party_words(party)
    return party_words(party), "", party_words(party)


def _short(name: str) -> str:
    return name if len(name) <= NAME_MOST else f"{name[: NAME_MOST - 1]}…"


def _lines(
    nodes: Iterable[_Node], places: dict[int, tuple[float, float]], numbers: dict[int, int]
) -> Iterator[Line]:
    for node in nodes:
        if node.after is None or node.step is None:
            continue
        x, y = places[id(node)][0] + WIDTH, places[id(node)][1] + HEIGHT / 2
        to_x, to_y = places[id(node.after)][0], places[id(node.after)][1] + HEIGHT / 2
        bend = x + GAP_X * 0.72
        yield Line(
            number=numbers[id(node)],
            curve=f"M{x:g} {y:g}H{x + GAP_X * 0.45:g}C{bend:g} {y:g} {bend:g} {to_y:g} "
            f"{to_x - 7:g} {to_y:g}",
            label=node.step.kind,
            label_x=x + 6,
            # On the side from which the line does not bend away.
            label_y=y + 13 if to_y < y else y - 5,
            certain=all(need.seen for need in node.step.needs),
            says=f"{party_words(node.party)} {step_words(node.step)}",
        )


def path_id(start: Party) -> str:
    """Give the id that the words of a start's path have in the page."""
    return f"path-{start.namespace}-{start.name}"
