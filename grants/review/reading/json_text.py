"""JSON: what kubectl prints, one or many documents, each item decoded by itself.

An item that is not as it should be costs nothing but itself, and lines are counted as the items
are gone through. What is no JSON at all is left to the reader of YAML, which has most of JSON in
it and gives everything up to the place where it breaks.
"""

import json
import re
from collections import Counter
from typing import Any, Final

import msgspec

from grants.decoding import decoder
from grants.review.reading.shapes import ObjectIn
from grants.review.reading.sink import LISTS_MOST, Sink, kind_in

CHECKED_MOST_BYTES: Final = 8 * 1024 * 1024
"""Keys that stand twice are looked for up to here: more is a machine's, and those write none."""

_TRAILING: Final = re.compile(r"trailing characters \(byte (\d+)\)")
_NOT_BLANK: Final = re.compile(rb"[^ \t\r\n]")
_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Top(msgspec.Struct, rename="camel"):
    """What tells a list from an object, and the list's items as they stand in the text."""

    kind: str = ""
    api_version: str = ""
    items: list[msgspec.Raw] | None = None


_TOP: Final = decoder(_Top)
_NO_LIST: Final = _Top()
_ITEMS: Final = decoder(list[msgspec.Raw])
_OBJECT: Final = decoder(ObjectIn)


def read_json(data: bytes, sink: Sink) -> int:
    """Read all documents; gives how many bytes were read, fewer than there are where it broke."""
    reader = _Reader(sink)
    position, line = 0, 1
    while (begin := _begin(data, position)) < len(data):
        line += data.count(b"\n", position, begin)
        top, end = _top(memoryview(data)[begin:])
        if end == 0:
            return begin
        position = begin + end
        # Only a stream is cut up: a dump is one document, and large.
        document = data if end == len(data) else data[begin:position]
        reader.document(document, top, line)
        line += document.count(b"\n") if position < len(data) else 0
    return len(data)


def doubled(raw: bytes) -> list[str]:
    """Name the keys that stand twice in one mapping; none where the text is no JSON."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        if len(dict(pairs)) != len(pairs):
            found.extend(
                key for key, often in Counter(key for key, _ in pairs).items() if often > 1
            )

    try:
        json.loads(raw, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return []
    return found


def _begin(data: bytes, position: int) -> int:
    found = _NOT_BLANK.search(data, position)
    return found.start() if found else len(data)


def _top(text: memoryview) -> tuple[_Top, int]:
    """Read the outside of the first document, and where it ends: 0 when it is broken."""
    try:
        return _decode_top(text), len(text)
    except msgspec.ValidationError:
        return _Top(), _extent(text)
    except _BROKEN as error:
        end = _end_of_first(error)
        return _top(text[:end]) if end else (_Top(), 0)


def _decode_top(text: memoryview | bytes) -> _Top:
    if text[:1] == b"[":
        return _Top(items=_ITEMS.decode(text))
    return _TOP.decode(text)


def _extent(text: memoryview) -> int:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except _BROKEN as error:
        return _end_of_first(error)
    return len(text)


def _end_of_first(error: Exception) -> int:
    found = _TRAILING.search(str(error))
    # It counts from 1, and what trails is no longer the first.
    return int(found[1]) - 1 if found else 0


class _Reader:
    """Reads documents, each of them whole and well-formed on the outside."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._look_for_doubled = False

    def document(self, data: bytes, top: _Top, line: int) -> None:
        """Read a list or an object."""
        keys = doubled(data) if len(data) <= CHECKED_MOST_BYTES else []
        self._look_for_doubled = bool(keys)
        if top.items is None:
            self._item(data, line, _NO_LIST, 0)
            return
        told = self._list(data, line, top, 0)
        if keys and not told:
            self._sink.tell("duplicate-key", line, key=keys[0])

    def _list(self, data: bytes, line: int, top: _Top, lists: int) -> int:
        """Read a list's items; gives how many of them had keys that stand twice."""
        if lists >= LISTS_MOST:
            self._sink.tell("lists-too-deep", line)
            return 0
        position, told = 0, 0
        for item in top.items or ():
            raw = bytes(item)
            # The first is found whole; each other begins where its first character stands next.
            begin = data.find(raw[:1] if position else raw, position)
            line += data.count(b"\n", position, begin)
            told += self._item(raw, line, top, lists)
            position = begin + len(raw)
            line += raw.count(b"\n")
        return told

    def _item(self, raw: bytes, line: int, among: _Top, lists: int) -> int:
        try:
            read = _OBJECT.decode(raw)
        except msgspec.ValidationError:
            return self._plain(raw, line, among)
        except _BROKEN as error:
            self._sink.tell(_code_of(error), line)
            return 0
        if read.kind.endswith("List") and (top := self._list_in(raw, line)).items is not None:
            return self._list(raw, line, top, lists + 1)
        if not read.kind:
            read.kind, read.api_version = kind_in(among.kind), among.api_version
        told = self._tell_doubled(raw, line)
        self._sink.take(read, line)
        return told

    def _list_in(self, raw: bytes, line: int) -> _Top:
        """Read the outside of something that calls itself a list."""
        try:
            return _decode_top(raw)
        except _BROKEN:
            self._sink.tell("wrong-type", line, at="items", wanted="a list")
            return _NO_LIST

    def _plain(self, raw: bytes, line: int, among: _Top) -> int:
        """Read what has values of a wrong type."""
        try:
            value = msgspec.json.decode(raw)
        except _BROKEN as error:
            self._sink.tell(_code_of(error), line)
            return 0
        if not isinstance(value, dict):
            self._sink.tell("not-an-object", line)
            return 0
        told = self._tell_doubled(raw, line)
        if not value.get("kind"):
            value |= {"kind": kind_in(among.kind), "apiVersion": among.api_version}
        self._sink.take_plain(value, line)
        return told

    def _tell_doubled(self, raw: bytes, line: int) -> int:
        keys = doubled(raw) if self._look_for_doubled else []
        for key in keys:
            self._sink.tell("duplicate-key", line, key=key)
        return len(keys)


def _code_of(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "too-deep"
    return "not-utf-8" if isinstance(error, UnicodeDecodeError) else "not-json"
