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

NODES_MOST: Final = 36
"""Of more boxes nobody sees anything: what else leads to one of them is one more box, counted."""

NAMESPACES_MOST: Final = 4
"""Accounts that do the same stand together by namespace, and of more namespaces all in one."""

WIDTH: Final = 190
HEIGHT: Final = 40
GAP_X: Final = 134
GAP_Y: Final = 14
MARGIN: Final = 12
NAME_MOST: Final = 20
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
    """A drawing. `together` is how many accounts stand in boxes of "more"."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    together: int


@dataclass(slots=True)
class _Node:
    """A party on its way to a goal. Starts that nobody leads to are put together in `starts`."""

    party: Party
    step: Step | None
    after: "_Node | None"
    starts: list[Party]
    before: "list[_Node]"
    weight: int = 0
    is_rest: bool = False

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
    together = sum(_put_rest_together(node, kept) for node in list(kept.values()))
    return _laid_out(roots, set(kept), together)


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
    # A node may also lie on the way to another goal.
    goals = [party for party, goal in nodes if party.kind is goal]
    return sorted(goals, key=lambda party: GOALS.index(party.kind))


def _together(nodes: list[_Node]) -> list[_Node]:
    """Put those together that nobody leads to and that do the same."""
    places = {node.party.namespace for node in nodes if _is_leaf(node)}
    alike: dict[object, list[_Node]] = defaultdict(list)
    for number, node in enumerate(nodes):
        place = node.party.namespace if len(places) <= NAMESPACES_MOST else ""
        key = (_kind(node), _is_certain(node), place)
        alike[key if _is_leaf(node) else number].append(node)
    for first, *others in alike.values():
        for other in others:
            first.starts += other.starts
    return [those[0] for those in alike.values()]


def _is_leaf(node: _Node) -> bool:
    return not node.before and node.party.kind is PartyKind.ACCOUNT


def _kind(node: _Node) -> str:
    return node.step.kind if node.step is not None else ""


def _is_certain(node: _Node) -> bool:
    return node.step is None or all(need.seen for need in node.step.needs)


def _put_rest_together(node: _Node, kept: dict[int, _Node]) -> int:
    """Make one box of all whose boxes do not fit, and give the number of accounts in it."""
    rest = [one for one in node.before if id(one) not in kept]
    starts = [start for one in rest for start in _starts(one)]
    if len(rest) == 1 and _is_leaf(rest[0]):
        kept[id(rest[0])] = rest[0]
        return 0
    if starts:
        made = _Node(rest[0].party, rest[0].step, node, starts, [], len(starts), is_rest=True)
        node.before = [*(one for one in node.before if id(one) in kept), made]
        kept[id(made)] = made
    return len(starts)


def _starts(node: _Node) -> Iterator[Party]:
    yield from node.starts
    for one in node.before:
        yield from _starts(one)


def _weigh(node: _Node) -> int:
    node.weight = len(node.starts) + sum(_weigh(one) for one in node.before)
    node.before.sort(key=lambda one: (-one.weight, one.party))
    return node.weight


def _heaviest(roots: Iterable[_Node]) -> dict[int, _Node]:
    """Give as many nodes as fit, first those by which most starts go, each after its next one."""
    kept: dict[int, _Node] = {}
    waiting = list(roots)
    while waiting and len(kept) < NODES_MOST:
        node = max(waiting, key=lambda one: one.weight)
        waiting.remove(node)
        kept[id(node)] = node
        waiting += node.before
    return kept


def _laid_out(roots: Iterable[_Node], kept: set[int], together: int) -> Drawing:
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
        together=together,
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
    if count > 1 or node.is_rest:
        names = ", ".join(party_words(one) for one in node.starts[:NAMES_MOST])
        more = f" and {count - NAMES_MOST} more" if count > NAMES_MOST else ""
        places = {one.namespace for one in node.starts}
        below = next(iter(places)) if len(places) == 1 else f"of {len(places)} namespaces"
        return (
            f"{count:,} {'more ' if node.is_rest else ''}account{'s' if count > 1 else ''}",
            below,
            names + more,
        )
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
        bend = x + GAP_X * 0.84
        yield Line(
            number=numbers[id(node)],
            curve=f"M{x:g} {y:g}H{x + GAP_X * 0.66:g}C{bend:g} {y:g} {bend:g} {to_y:g} "
            f"{to_x - 7:g} {to_y:g}",
            label="by several ways" if node.is_rest else node.step.kind,
            label_x=x + 6,
            # On the side from which the line does not bend away.
            label_y=y + 13 if to_y < y else y - 5,
            certain=_is_certain(node),
            says=_says(node, node.step),
        )


def _says(node: _Node, step: Step) -> str:
    if node.is_rest:
        return f"{len(node.starts):,} more accounts get here by several ways"
    return f"{party_words(node.party)} {step_words(step)}"


def path_id(start: Party) -> str:
    """Give the id that the words of a start's path have in the page."""
    return f"path-{start.namespace}-{start.name}"
