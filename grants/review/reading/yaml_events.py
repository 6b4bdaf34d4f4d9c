"""Plain values straight from libyaml's events, and of them only what somebody reads.

A tree of nodes for a large dump would take most of the time and of the memory. What is passed over
is passed over in a loop; each object is handed on as soon as its end is read.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, NoReturn, Protocol, cast

import yaml
from msgspec import inspect

from grants.review.reading.shapes import ObjectIn
from grants.review.reading.sink import LISTS_MOST, kind_in

DEPTH_MOST: Final = 200
"""Deeper than any schema of a custom resource; libyaml takes longer for each level there is."""

ALIASED_MOST: Final = 100_000
"""How many values all aliases of a text may stand for: a few lines can stand for billions."""

Tree = Mapping[str, Any]
"""Which keys are kept, and of their values which; None keeps all."""

_Next = Callable[[], Any]
_SKIP: Final[Any] = object()
_MERGE: Final = "<<"

_WORDS: Final[Mapping[str, Any]] = {
    # As Kubernetes' own reader has it: YAML 1.1.
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
# Numbers and signs stand before it, letters after it: those are text, or one of the words.
_PLAIN: Final = ":"
_INT: Final = re.compile(r"[-+]?[0-9][0-9_]{0,17}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")


class Taker(Protocol):
    """Takes what is read, as a Sink does."""

    def take_plain(self, value: dict[str, Any], line: int, after: int = 0) -> None:
        """Take an object."""

    def tell(self, code: str, line: int, **facts: str) -> None:
        """Take a problem."""


class Head(NamedTuple):
    """The first lines of a text of which something behind them was read already, and left out."""

    lines: int = 0
    left_out: int = 0


NO_HEAD: Final = Head()


class Stop(Exception):
    """The document can't be read on; why is told already. `line` is where, from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Held(list[tuple[dict[str, Any], int]]):
    """Items of a list that say no kind: it follows from their list's, which stands behind them."""


def tree_of(shape: inspect.Type) -> Tree | None:
    """Give what a shape reads."""
    if isinstance(shape, inspect.UnionType):
        shape = next(one for one in shape.types if not isinstance(one, inspect.NoneType))
    if isinstance(shape, inspect.VarTupleType):
        return tree_of(shape.item_type)
    if isinstance(shape, inspect.StructType):
        # Whatever is merged in may be read, too.
        return {_MERGE: None, **{one.encode_name: tree_of(one.type) for one in shape.fields}}
    return None


_ITEMS: Final[Any] = object()
_ALIAS: Final = yaml.AliasEvent
_SCALAR: Final = yaml.ScalarEvent
_MAPPING_START: Final = yaml.MappingStartEvent
_MAPPING_END: Final = yaml.MappingEndEvent
_SEQUENCE_START: Final = yaml.SequenceStartEvent
_SEQUENCE_END: Final = yaml.SequenceEndEvent
_LIST_BEGINS: Final = (yaml.StreamStartEvent, yaml.DocumentStartEvent, _SEQUENCE_START)
_OBJECT: Final[Tree] = {
    **cast("Tree", tree_of(inspect.type_info(ObjectIn))),
    "items": _ITEMS,
}
_NOTHING: Final[Tree] = {}


class Events:
    """The documents of one text, as far as libyaml can read it.

    `before` lines stand before it, or before what is behind its head.
    """

    def __init__(
        self, next_event: _Next, sink: Taker, before: int = 0, head: Head = NO_HEAD
    ) -> None:
        self._next = next_event
        self._sink = sink
        self._before = before
        self._head = head
        self._after = 0
        self._lists = 0
        self._anchors: dict[str, Any] = {}
        self._weights: dict[int, int] = {}
        self._aliased = 0

    def read(self) -> None:
        """Read to the end; Stop or YAMLError when that can't be."""
        self._next()
        while not isinstance(self._next(), yaml.StreamEndEvent):
            self._anchors.clear()
            self._weights.clear()
            self._lists = 0
            self._document(self._next())
            self._after = self._line(self._next())

    def only_item(self) -> dict[str, Any] | None:
        """Give the mapping in a list that has nothing else, with nothing behind it; else None.

        None too where what is in it could matter to what stands elsewhere: it has an anchor.
        """
        if not all(type(self._next()) is kind for kind in _LIST_BEGINS):
            return None
        item = self._node(self._next(), _OBJECT, 0)
        if type(self._next()) is not _SEQUENCE_END or self._anchors:
            return None
        end = self._next()
        ends = not end.explicit and type(self._next()) is yaml.StreamEndEvent
        return item if ends and isinstance(item, dict) else None

    def _document(self, event: Any) -> None:
        line = self._line(event)
        if type(event) is _MAPPING_START:
            self._emit(self._node(event, _OBJECT, 0), line)
        elif type(event) is _SEQUENCE_START:
            self._emit_held(self._items(), {}, line)
        elif self._node(event, None, 0) is not None:
            # Nothing at all stands between two `---`, or a template gave nothing.
            self._sink.tell("not-an-object", line)

    def _line(self, event: Any) -> int:
        line = int(event.start_mark.line) + 1
        return line + self._before - (self._head.left_out if line <= self._head.lines else 0)

    def _emit(self, value: dict[str, Any], line: int) -> None:
        items = value.get("items")
        if isinstance(items, _Held):
            self._emit_held(items, value, line)
        else:
            if items is not None and str(value.get("kind")).endswith("List"):
                self._sink.tell("wrong-type", line, at="items", wanted="a list")
            self._sink.take_plain(value, line, self._after)

    def _emit_held(self, items: _Held, among: dict[str, Any], line: int) -> None:
        kind = among.get("kind")
        if among and not isinstance(kind, str):
            # kubectl writes it last: what ends before it was cut off.
            self._sink.tell("list-cut-off", line)
        for item, at in items:
            if isinstance(kind, str):
                item |= {"kind": kind_in(kind), "apiVersion": among.get("apiVersion") or ""}
            self._sink.take_plain(item, at, self._after)

    def _items(self) -> _Held:
        """Read a list's items, its start being read; those that say their kind are handed on."""
        held = _Held()
        self._lists += 1
        while type(event := self._next()) is not _SEQUENCE_END:
            line = self._line(event)
            if self._lists > LISTS_MOST:
                self._sink.tell("lists-too-deep", line)
                self._skip(event)
                continue
            item = self._node(event, _OBJECT, 0)
            if not isinstance(item, dict):
                self._sink.tell("not-an-object", line)
            elif item.get("kind") or "items" in item:
                self._emit(item, line)
            else:
                held.append((item, line))
        self._lists -= 1
        return held

    def _node(self, event: Any, tree: Tree | None, depth: int) -> Any:
        """Read a value whose first event was read."""
        kind = type(event)
        anchor = event.anchor
        if anchor is None and depth < DEPTH_MOST and tree is not _ITEMS:
            # Nearly everything that comes here.
            if kind is _SEQUENCE_START:
                return self._sequence(tree, depth + 1)
            if kind is _MAPPING_START:
                return self._mapping(tree, depth + 1)
        if kind is _ALIAS:
            return self._alias(event)
        if anchor is not None or (tree is _ITEMS and kind is not _SEQUENCE_START):
            tree = None  # who names it later may read other keys of it
        if depth > DEPTH_MOST:
            self._too_deep(event)
        if kind is _SCALAR:
            value = _value_of(event)
        elif kind is _MAPPING_START:
            value = self._mapping(tree, depth + 1)
        else:
            value = self._items() if tree is _ITEMS else self._sequence(tree, depth + 1)
        if anchor is not None:
            self._anchors[anchor] = value
        return value

    def _mapping(self, tree: Tree | None, depth: int) -> dict[str, Any]:
        # The hot loop: what is passed over and most texts are dealt with here, without a call.
        next_event = self._next
        keep, otherwise = (tree.get, _SKIP) if tree is not None else (_NOTHING.get, None)
        found: dict[str, Any] = {}
        while type(event := next_event()) is not _MAPPING_END:
            key = event.value if type(event) is _SCALAR else self._odd_key(event)
            below = keep(key, otherwise)
            event = next_event()
            is_text = type(event) is _SCALAR and event.anchor is None
            if below is _SKIP:
                if not is_text:
                    self._skip(event)
                continue
            if key in found:
                self._sink.tell("duplicate-key", self._line(event), key=key)
            if is_text:
                value = event.value
                found[key] = _value_of(event) if value < _PLAIN or value in _WORDS else value
            else:
                found[key] = self._node(event, below, depth)
        if _MERGE in found:
            _merge(found)
        return found

    def _sequence(self, tree: Tree | None, depth: int) -> list[Any]:
        next_event = self._next
        found: list[Any] = []
        while type(event := next_event()) is not _SEQUENCE_END:
            if type(event) is not _SCALAR or event.anchor is not None:
                found.append(self._node(event, tree, depth))
                continue
            value = event.value
            found.append(_value_of(event) if value < _PLAIN or value in _WORDS else value)
        return found

    def _skip(self, event: Any) -> None:
        """Pass over a value whose first event was read; what has an anchor is kept."""
        next_event = self._next
        depth = 0
        while True:
            kind = type(event)
            if kind is _MAPPING_END or kind is _SEQUENCE_END:
                depth -= 1
            elif kind is not _ALIAS and event.anchor is not None:
                self._node(event, None, depth)
            elif kind is _MAPPING_START or kind is _SEQUENCE_START:
                depth += 1
                if depth > DEPTH_MOST:
                    self._too_deep(event)
            if not depth:
                return
            event = next_event()

    def _odd_key(self, event: Any) -> str:
        self._sink.tell("bad-key", self._line(event))
        self._skip(event)
        return "?"

    def _too_deep(self, event: Any) -> NoReturn:
        self._sink.tell("too-deep", self._line(event))
        raise Stop(self._line(event))

    def _alias(self, event: Any) -> Any:
        line = self._line(event)
        if event.anchor not in self._anchors:
            self._sink.tell("unknown-alias", line, alias=event.anchor)
            return None
        value = self._anchors[event.anchor]
        self._aliased += self._weight(value)
        if self._aliased > ALIASED_MOST:
            self._sink.tell("too-many-aliases", line)
            raise Stop(line)
        return value

    def _weight(self, value: Any) -> int:
        """Count the values in a value; what was named before is not gone through again."""
        if not isinstance(value, dict | list):
            return 1
        known = self._weights.get(id(value))
        if known is None:
            inside = value.values() if isinstance(value, dict) else value
            known = self._weights[id(value)] = 1 + sum(map(self._weight, inside))
        return known


def _merge(found: dict[str, Any]) -> None:
    """Put in what `<<` brings; what stands there itself goes first."""
    brought = found.pop(_MERGE)
    for each in brought if isinstance(brought, list) else [brought]:
        if isinstance(each, dict):
            for key, value in each.items():
                found.setdefault(key, value)


def _value_of(event: Any) -> Any:
    """Give a scalar's value; what is quoted is a text."""
    return value_of(event.value) if event.implicit[0] else event.value


def value_of(text: str) -> Any:
    """Give the value of a text that is not quoted; a time is a text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text.replace("_", ""))  # wherever they stand, as Kubernetes' own reader has it
    return float(text) if _FLOAT.fullmatch(text) else text
