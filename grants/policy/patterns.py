"""Patterns of names: `*` is any run of characters, `?` one character; the rest is literal."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

_WILD: Final = frozenset("*?[")
_FIRST_WILD: Final = re.compile(r"[*?\[]")


def is_literal(pattern: str) -> bool:
    """Tell whether a pattern stands for one name only."""
    return _WILD.isdisjoint(pattern)


def matches(pattern: str, name: str) -> bool:
    """Tell whether a whole name matches; as fnmatchcase, without compiling an expression each."""
    if "?" in pattern or "[" in pattern:
        return fnmatchcase(name, pattern)
    head, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, tail = rest
    if len(name) < len(head) + len(tail) or not (name.startswith(head) and name.endswith(tail)):
        return False
    at, end = len(head), len(name) - len(tail)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


class PatternSet:
    """Many patterns asked at once, in about the time of one: for typeahead over many names."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._exact: set[str] = set()
        self._heads: dict[str, list[str]] = {}
        self._tails: set[str] = set()
        self._others: list[str] = []
        self._all = False
        for pattern in set(patterns):
            self._add(pattern)
        self._head_sizes = sorted({len(head) for head in self._heads})
        self._tail_sizes = sorted({len(tail) for tail in self._tails})

    def _add(self, pattern: str) -> None:
        wild = _FIRST_WILD.search(pattern)
        if wild is None:
            self._exact.add(pattern)
            return
        head, rest = pattern[: wild.start()], pattern[wild.start() :]
        if pattern == "*":
            self._all = True
        elif head:
            self._heads.setdefault(head, []).append(pattern)
        elif rest.startswith("*") and is_literal(rest[1:]):
            self._tails.add(rest[1:])
        else:
            self._others.append(pattern)

    def matches(self, name: str) -> bool:
        """Tell whether any of the patterns matches."""
        if self._all or name in self._exact:
            return True
        length = len(name)
        for size in self._tail_sizes:
            if size <= length and name[length - size :] in self._tails:
                return True
        for size in self._head_sizes:
            for pattern in self._heads.get(name[:size], ()):
                if matches(pattern, name):
                    return True
        return any(matches(pattern, name) for pattern in self._others)
