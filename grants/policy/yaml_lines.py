"""YAML read strictly, once, with the place of every value and key.

Strictly: no duplicate keys (the last would silently win), no anchors, aliases or tags, one
document, and the scalars of YAML 1.2's core schema, so that `no` is a word and `1:30` too.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from grants.garbage import without_gc

if TYPE_CHECKING:
    from collections.abc import Callable

Path = tuple[str | int, ...]
Mark = tuple[int, int]
"""Line and column, both from 1; columns count characters."""

MAX_DEPTH: Final = 16
MAX_NODES: Final = 1_000_000

_NULL: Final = re.compile(r"~|null|Null|NULL|")
_BOOL: Final = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT: Final = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}")
_FLOAT: Final = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
# Names are nearly all of a policy: what begins otherwise is text, without asking the patterns.
_MAY_BE_MORE: Final = frozenset("~nNtTfF.+-0123456789")


@dataclass(frozen=True)
class YamlProblem:
    """One thing wrong with a text as YAML."""

    mark: Mark
    code: str
    message: str


@dataclass
class Lines:
    """What a text says, and where: `values` by path, and `keys` by the path of their value."""

    value: Any = None
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    problems: list[YamlProblem] = field(default_factory=list)

    def mark(self, path: Path, *, key: bool = False) -> Mark:
        """Give the place of a path, or of the nearest thing around it that stands in the text."""
        if key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (1, 1))


class _Stop(Exception):
    """The text can't be read on."""


def read_lines(data: bytes) -> Lines:
    """Read a YAML text (UTF-8); everything wrong with it is in `problems`."""
    lines = Lines()
    text = _decoded(data, lines)
    if text is None:
        return lines
    with without_gc():
        try:
            _Reader(text, lines).read()
        except _Stop:
            pass
        except yaml.YAMLError as error:
            lines.problems.append(_syntax(error, text))
    return lines


def _decoded(data: bytes, lines: Lines) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mark = _mark_at(data[: error.start].decode("utf-8-sig", "replace"))
        lines.problems.append(YamlProblem(mark, "not-utf-8", "the text is not UTF-8"))
        return None


def _mark_at(before: str) -> Mark:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _syntax(error: yaml.YAMLError, text: str) -> YamlProblem:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = (error.problem_mark.line + 1, error.problem_mark.column + 1)
        context = f" ({error.context})" if error.context else ""
        return YamlProblem(mark, "not-yaml", f"not YAML: {error.problem}{context}")
    # The position of a character that YAML forbids is a count of bytes.
    position = getattr(error, "position", 0)
    before = text.encode()[:position].decode("utf-8", "ignore")
    return YamlProblem(_mark_at(before), "not-yaml", "not YAML: a character that is not allowed")


_Started = yaml.ScalarEvent | yaml.CollectionStartEvent


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, text: str, lines: Lines) -> None:
        self._loader = yaml.CSafeLoader(text)
        self._next = cast("Callable[[], yaml.Event]", self._loader.get_event)
        self._lines = lines
        self._nodes = 0

    def read(self) -> None:
        try:
            self._next()
            if isinstance(self._next(), yaml.StreamEndEvent):
                self._wrong((1, 1), "empty", "the text is empty")
                return
            self._lines.value = self._node(self._next(), ())
            self._next()
            end = self._next()
            if not isinstance(end, yaml.StreamEndEvent):
                self._wrong(_start(end), "several-documents", "one document a file, without `---`")
        finally:
            self._loader.dispose()

    def _wrong(self, mark: Mark, code: str, message: str) -> None:
        self._lines.problems.append(YamlProblem(mark, code, message))

    def _node(self, event: yaml.Event, path: Path) -> Any:
        mark = _start(event)
        self._lines.values[path] = mark
        self._nodes += 1
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            self._wrong(mark, "too-big", "too much: too many values, or too deep")
            raise _Stop
        if isinstance(event, yaml.AliasEvent):
            self._wrong(
                mark, "alias", f"`*{event.anchor}`: aliases are not used here, write it out"
            )
            return None
        self._refuse_extras(cast("_Started", event), mark)
        if isinstance(event, yaml.ScalarEvent):
            return _resolve(event.value) if event.implicit[0] else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _refuse_extras(self, event: _Started, mark: Mark) -> None:
        if event.anchor is not None:
            self._wrong(mark, "anchor", "anchors are not used here")
        if event.tag is not None:
            self._wrong(mark, "tag", "tags are not used here")

    def _sequence(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            found.append(self._node(event, (*path, len(found))))
        return found

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            mark = _start(event)
            key = self._key(event, path)
            at = (*path, key)
            if key in found:
                first = self._lines.keys[at][0]
                self._wrong(mark, "duplicate-key", f"`{key}` stands twice, first in line {first}")
                self._aside(at)
                continue
            self._lines.keys[at] = mark
            found[key] = self._node(self._next(), at)
        return found

    def _key(self, event: yaml.Event, path: Path) -> str:
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_extras(event, _start(event))
            return str(event.value)
        self._wrong(_start(event), "bad-key", "a key must be one word or text")
        self._node(event, (*path, "?"))
        return "?"

    def _aside(self, path: Path) -> None:
        """Read a value that is not kept, so that what is wrong in it and after it is told too."""
        kept = self._lines.values, self._lines.keys
        self._lines.values, self._lines.keys = {}, {}
        try:
            self._node(self._next(), path)
        finally:
            self._lines.values, self._lines.keys = kept


def _start(event: yaml.Event) -> Mark:
    mark = cast("yaml.Mark", event.start_mark)
    return mark.line + 1, mark.column + 1


def _resolve(text: str) -> Any:
    """Give a plain scalar's value by YAML 1.2's core schema."""
    if text and text[0] not in _MAY_BE_MORE:
        return text
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text, 10)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
