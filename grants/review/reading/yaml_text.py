"""YAML: documents one after the other; after one that is broken it goes on with the next."""

import re
from typing import Final

import yaml

from grants.review.reading.sink import Sink
from grants.review.reading.yaml_events import NO_HEAD, Events, Head, Stop
from grants.review.reading.yaml_lists import read_items

BROKEN_MOST: Final = 100
"""How many broken documents a file may have: each costs a search for the next."""

_SOURCE: Final = b"# Source: "
_BEGUN: Final = _SOURCE[:3]
_TEMPLATE: Final = re.compile(rb"\{\{[^\n]{0,200}?\}\}")
_NEXT: Final = b"\n---"


def read_yaml(data: bytes, sink: Sink, *, is_json: bool = False, before: int = 0) -> None:
    """Read all documents that can be; `before` lines stand before them in the file."""
    head = NO_HEAD
    if not _hints(data, sink, before):
        # A comment may name a template only of what libyaml tells the begin and end of.
        data, head = read_items(data, sink, before)
        before += head.left_out
    begin = 0
    for _ in range(BROKEN_MOST):
        here = before + data.count(b"\n", 0, begin)
        broken = _read_on(data[begin:], sink, here, NO_HEAD if begin else head, is_json=is_json)
        if broken is None:
            return
        # Where the error was seen may be the line of the next document itself.
        found = data.find(_NEXT, max(begin + 1, _start_of(data, begin, broken - here) - 1))
        if found < 0:
            return
        begin = found + 1
    sink.tell("too-many-broken", before + data.count(b"\n", 0, begin) + 1)


def _hints(data: bytes, sink: Sink, before: int) -> bool:
    """Find which template of a chart each document was rendered from; tells whether any says so."""
    # Most dumps have no comment at all, and one character is found at the speed of memory.
    if b"#" not in data:
        return False
    line, position, counted = before + 1, 0, 0
    # Found by its first letters: a longer word takes ten times as long, a pattern a hundred times.
    while (found := data.find(_BEGUN, position)) >= 0:
        position = found + len(_BEGUN)
        is_first = found == 0 or data[found - 1 : found] == b"\n"
        if is_first and data.startswith(_SOURCE, found):
            line += data.count(b"\n", counted, found)
            counted = found
            end = data.find(b"\n", found)
            template = data[found + len(_SOURCE) : end if end >= 0 else len(data)]
            sink.hint(line, template.decode("utf-8", "replace").strip())
    return counted > 0 or data.startswith(_SOURCE)


def _read_on(data: bytes, sink: Sink, before: int, head: Head, *, is_json: bool) -> int | None:
    """Read as far as it goes; gives the line where it broke, or None at the end."""
    loader = yaml.CSafeLoader(data)
    try:
        Events(loader.get_event, sink, before, head).read()
    except Stop as stop:
        return stop.line
    except yaml.YAMLError as error:
        line, words = _broken(error, data)
        # libyaml puts the end of a text one line too far.
        last = data.count(b"\n") + (not data.endswith(b"\n"))
        code = _code(data, line, is_json=is_json)
        sink.tell(code, before + min(line, last), words=words)
        return before + line
    finally:
        loader.dispose()
    return None


def _broken(error: yaml.YAMLError, data: bytes) -> tuple[int, str]:
    """Give the line of an error, from 1, and libyaml's words for it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        context = f" ({error.context})" if error.context else ""
        return error.problem_mark.line + 1, f"{error.problem}{context}"
    position = getattr(error, "position", 0)
    return data.count(b"\n", 0, position) + 1, "a character that is not allowed"


def _code(data: bytes, line: int, *, is_json: bool) -> str:
    place = _start_of(data, 0, line)
    end = data.find(_NEXT, place)
    here = max(0, data.rfind(_NEXT, 0, place)), len(data) if end < 0 else end
    if _TEMPLATE.search(data, *here):
        return "a-template"
    if not data[place:].strip():
        return "cut-off"
    return "not-json" if is_json else "not-yaml"


def _start_of(data: bytes, begin: int, line: int) -> int:
    """Find where a line begins, counted from 1 at `begin`; the end when there are fewer."""
    for _ in range(line - 1):
        found = data.find(b"\n", begin)
        if found < 0:
            return len(data)
        begin = found + 1
    return begin
