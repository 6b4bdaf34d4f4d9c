"""Rows of one cluster, merged so that order and repetition change nothing but counts."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from grants.usage.model import (
    DENIALS_KEPT,
    MANY,
    NAMES_KEPT,
    NODE_PREFIX,
    NODES,
    PATHS_KEPT,
    Act,
)

_LONGEST: Final = 1_024


class Row:
    """When an act was first and last seen (texts of the one form), and how often."""

    __slots__ = ("count", "first", "last")

    def __init__(self, first: str, last: str, count: int) -> None:
        self.first = first
        self.last = last
        self.count = count

    def merge(self, first: str, last: str, count: int) -> None:
        """Take in another's times and count."""
        self.first = min(self.first, first)
        self.last = max(self.last, last)
        self.count += count


class Family(NamedTuple):
    """Acts that become one row, `many`, once there are more than `kept` of them."""

    many: Act
    kept: int


class Rows:
    """The rows of one cluster.

    Their number is bounded by who does what in which namespace: names and paths of one act are
    kept up to a limit, and past it they are one row; so are a user's denials.
    """

    def __init__(self) -> None:
        self._rows: dict[Act, Row] = {}
        self._families: dict[Act, set[Act] | None] = {}
        self.collapsed = 0
        """How often rows became one; whoever keeps a row by itself must look it up anew then."""

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[Act, Row]]:
        return iter(self._rows.items())

    def __getitem__(self, act: Act) -> Row:
        return self._rows[act]

    def merge(self, act: Act, first: str, last: str, count: int) -> Row:
        """Put in what was seen of an act, and give the row where it went."""
        row = self._rows.get(act)
        if row is None:
            act = self._kept(bounded(act))
            row = self._rows.get(act)
        if row is None:
            row = self._rows[act] = Row(first, last, count)
        else:
            row.merge(first, last, count)
        return row

    def _kept(self, act: Act) -> Act:
        """Give the act as it is kept: among few of its family as it is, else for all of them."""
        mine = family(act)
        if mine is None or act == mine.many:
            return act
        known = self._families.setdefault(mine.many, set())
        if known is None:
            return mine.many
        if act in known or len(known) < mine.kept:
            known.add(act)
            return act
        self._families[mine.many] = None
        self._collapse(mine.many, known)
        return mine.many

    def _collapse(self, many: Act, acts: Iterable[Act]) -> None:
        self.collapsed += 1
        for act in acts:
            row = self._rows.pop(act, None)
            if row is not None:
                self.merge(many, row.first, row.last, row.count)


def family(act: Act) -> Family | None:
    """Give the family of an act; None for one that has none, because nobody can add to it."""
    if not act.allowed:
        many = Act(act.user, act.via, MANY, MANY, MANY, "", MANY, "", "", allowed=False, reason="")
        return Family(many, DENIALS_KEPT)
    if act.path:
        return Family(act._replace(path=MANY), PATHS_KEPT)
    return Family(act._replace(name=MANY), NAMES_KEPT) if act.name else None


def bounded(act: Act) -> Act:
    """Give an act with what need not be told apart left out, and no text longer than is kept.

    Nodes get their rights from an authorizer of their own, and there are thousands: they are one.
    What was denied is not need, so its names are not kept.
    """
    if not act.allowed:
        act = act._replace(name="", reason="")
    if act.user.startswith(NODE_PREFIX):
        # Whose tokens they ask for is kept: a pod that came and went shows by nothing else.
        is_token = (act.resource, act.subresource) == ("serviceaccounts", "token")
        act = act._replace(user=NODES, name=MANY if act.name and not is_token else act.name)
    whole = "".join((*act[:9], act.reason))
    if len(whole) <= _LONGEST and "\x00" not in whole:
        return act
    return Act(*(_text(part) if isinstance(part, str) else part for part in act))  # type: ignore[arg-type]


def _text(text: str) -> str:
    """Cut a text, and take out what a database can't hold."""
    return text[:_LONGEST].replace("\x00", "\ufffd") if text else text
