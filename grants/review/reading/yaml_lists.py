"""The items of a List as kubectl writes it, read line by line: faster than libyaml's bare events.

What kubectl prints of a large cluster is the plainest YAML: an item begins with `- `, and all in it
stands a line a key. Such items are read here. One that has anything else in it (a text of several
lines, an escape, a letter that is not ASCII, a key that stands twice) is given to libyaml alone,
and where even that leaves a doubt, this stops and libyaml reads on from there. So nothing is read
in a way of our own: what is read here is a part of YAML that has one meaning, and a test holds it
to libyaml's.
"""

import re
from typing import Any, Final, NamedTuple

import yaml

from grants.review.reading.sink import Sink
from grants.review.reading.yaml_events import NO_HEAD, Events, Head, Stop, value_of

INDENT_MOST: Final = 60
"""At how many spaces a line may begin here."""

LINE_MOST: Final = 4096
"""How long a line may be here: while it is read, each place to begin otherwise is kept in mind."""

ODD_MOST: Final = 1000
"""So many items that are not plain are read one by one; if most are, libyaml reads on."""

KNOWN_MOST: Final = 20_000
"""Most lines of a dump stand in it many times: of so many it is known what they say."""

# How kubectl begins; the List's kind stands behind its items.
_HEAD: Final = b"apiVersion: v1\nitems:\n"
_ITEM: Final = b"\n- "
_TEMPLATE: Final = b"{{"

# A text has no space at its ends, and no `: ` or ` #` within; one that begins with another sign
# than these may be something else than a text. libyaml looks a thousand letters far for a colon.
_KEY: Final = r"[\w.][\w./-]{0,250}(?::[\w./-]{1,250})?"
_TEXT: Final = r"[A-Za-z0-9][\w./@=,+()-]*(?:[: ][\w./@=,+()-]+)*"
_QUOTED: Final = r"'[ -&(-~]*'|\"[ !#-\[\]-~]*\""
# These end a line for libyaml, too, which counts them.
_BREAK: Final = re.compile(rb"\r|\xc2\x85|\xe2\x80[\xa8\xa9]")
# An item whose first line is empty or a comment begins at a later one.
_BEGINS_LATER: Final = re.compile(rb"- *(?:#|\n)")
_LINE: Final = re.compile(
    rf"( *)(- )?(?:({_KEY}):(?: (?=.)|$))?(?:({_TEXT})|({_QUOTED})|(\[\])|(\{{\}}))?", re.ASCII
)


class _Line(NamedTuple):
    """What one line says; `opens`: a key whose value may stand below."""

    indent: int
    is_item: bool
    key: str | None
    value: Any
    opens: bool


_ODD: Final = _Line(-1, False, None, None, False)


class _Draft:
    """Keeps what libyaml's reader tells of one item: anything at all is a doubt."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def tell(self, code: str, line: int, **facts: str) -> None:
        """Keep a problem."""
        self.told.append((code, line, facts))

    def take_plain(self, value: dict[str, Any], line: int, after: int = 0) -> None:
        """Keep an object within the item."""
        self.told.append((value, line, after))


def read_items(data: bytes, sink: Sink, before: int) -> tuple[bytes, Head]:
    """Read the items of a List, as far as they leave no doubt; gives what is left to be read.

    That is the list without them: who reads on has its end to judge, and what is behind it. So the
    last item is always left.
    """
    begin = len(_HEAD)
    if not data.startswith(_HEAD + _ITEM[1:]):
        return data, NO_HEAD
    reader = _Items()
    head_lines = lines = _HEAD.count(b"\n")
    while end := data.find(_ITEM, begin) + 1:
        text = data[begin:end]
        item = reader.item(text)
        # An item may leave its kind to its list's, and a list in a list has rules of its own. One
        # with a template in it explains what is broken behind it.
        if item is None or not item.get("kind") or "items" in item or _TEMPLATE in text:
            break
        sink.take_plain(item, before + lines + 1)
        lines += text.count(b"\n")
        begin = end
    return _HEAD + data[begin:], Head(head_lines, lines - head_lines)


class _Items:
    """Reads one item after the other."""

    def __init__(self) -> None:
        self._known: dict[str, _Line] = {}
        self._plain = 0
        self._odd = 0

    def item(self, text: bytes) -> dict[str, Any] | None:
        """Read one item; None: there is a doubt, or it is no use to go on."""
        found = self._by_lines(text.decode("ascii")) if text.isascii() else None
        if found is not None:
            self._plain += 1
            return found
        self._odd += 1
        is_seldom = self._odd <= max(ODD_MOST, self._plain)
        return _by_libyaml(text) if is_seldom else None

    def _by_lines(self, text: str) -> dict[str, Any] | None:
        """Read an item whose lines are all plain; None: they are not."""
        lines = text.split("\n")
        lines.pop()  # behind the last line's end
        known = self._known
        found: list[Any] = []
        # What is open, each within the one before, and at how many spaces its lines begin; an odd
        # line, and one that would end the list, come to nothing.
        holders: list[Any] = [None, found]
        indents = [-1, 0]
        opened = ""
        for line in lines:
            indent, is_item, key, value, opens = known.get(line) or self._learn(line)
            if opened:
                below = indent - indents[-1]
                if below > 0 or (below == 0 and is_item):
                    # A list may begin at its key's own indent.
                    inner: Any = [] if is_item else {}
                    holders[-1][opened] = inner
                    holders.append(inner)
                    indents.append(indent)
            while indents[-1] > indent:
                del indents[-1], holders[-1]
            if is_item:
                holder = holders[-1]
                if indents[-1] != indent or type(holder) is not list:
                    return None
                if key is None:
                    holder.append(value)
                    opened = ""
                    continue
                indent += 2
                holder.append({})
                holders.append(holder[-1])
                indents.append(indent)
            elif type(holders[-1]) is list:
                del indents[-1], holders[-1]
            holder = holders[-1]
            if indents[-1] != indent or key is None or type(holder) is list or key in holder:
                return None
            holder[key] = value
            opened = key if opens else ""
        return found[0] if isinstance(found[0], dict) else None

    def _learn(self, text: str) -> _Line:
        if len(text) > LINE_MOST:
            return _ODD
        if len(self._known) >= KNOWN_MOST:
            self._known.clear()
        line = self._known[text] = _line(text)
        return line


def _line(text: str) -> _Line:
    """Read one line."""
    match = _LINE.fullmatch(text)
    if match is None:
        return _ODD
    indent, dash, key, plain, quoted, no_items, no_keys = match.groups()
    is_bare = plain is None and quoted is None and no_items is None and no_keys is None
    if len(indent) > INDENT_MOST or (key is None and (is_bare or not dash)):
        return _ODD
    if is_bare:
        value: Any = None
    elif plain is not None:
        value = value_of(plain)
    elif quoted is not None:
        value = quoted[1:-1]
    else:
        value = [] if no_items else {}
    return _Line(len(indent), dash is not None, key, value, is_bare)


def _by_libyaml(text: bytes) -> dict[str, Any] | None:
    """Read one item that is not plain; None: what it says may depend on what is beside it."""
    if _BREAK.search(text) or _BEGINS_LATER.match(text):
        return None
    draft = _Draft()
    loader = yaml.CSafeLoader(text)
    try:
        item = Events(loader.get_event, draft).only_item()
    except (Stop, yaml.YAMLError):
        return None
    finally:
        loader.dispose()
    return None if draft.told else item
