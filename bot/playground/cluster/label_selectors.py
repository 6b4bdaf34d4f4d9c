"""The language of label selectors, read word by word as Kubernetes reads it.

Its messages name the word at which reading stopped, so the parser stops at the same ones.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_WORDS: Final = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_SIGNS: Final = frozenset({"==", "!=", "=", "!", "(", ")", ",", "<", ">"})
_OPERATORS: Final = {
    "in": "In",
    "notin": "NotIn",
    "=": "In",
    "==": "In",
    "!=": "NotIn",
    ">": "Gt",
    "<": "Lt",
}
_OPERATORS_LISTED: Final = "in, notin, =, ==, !=, gt, lt"
_KEY_PART: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_KEY_PARTS_MOST: Final = 2
_BAD_KEY: Final = (
    "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start"
    " and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex"
    " used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS"
    " subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_BAD_NAME: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


class SelectorError(Exception):
    """A text is no label selector; says at which word."""


class Term(NamedTuple):
    """One requirement."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


def parse(text: str) -> tuple[Term, ...]:
    """Read a selector; SelectorError when it is none."""
    return tuple(_Reader(text).terms())


class _Reader:
    def __init__(self, text: str) -> None:
        self._words = [found[1] for found in _WORDS.finditer(text)]

    def _look(self) -> str:
        return self._words[0] if self._words else ""

    def _take(self) -> str:
        return self._words.pop(0) if self._words else ""

    def terms(self) -> Iterator[Term]:
        while True:
            word = self._look()
            if not word:
                return
            if word in _SIGNS and word != "!":
                message = f"found '{word}', expected: !, identifier, or 'end of string'"
                raise SelectorError(message)
            try:
                term = self._term()
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            yield term
            after = self._take()
            if not after:
                return
            if after != ",":
                raise SelectorError(f"found '{after}', expected: ',' or 'end of string'")
            following = self._look()
            if not following or (following in _SIGNS and following != "!"):
                raise SelectorError(f"found '{following}', expected: identifier after ','")

    def _term(self) -> Term:
        key, absent = self._take(), False
        if key == "!":
            key, absent = self._take(), True
        if not key or key in _SIGNS:
            raise SelectorError(f"found '{key}', expected: identifier")
        _check_key(key)
        if absent:
            return Term(key, "DoesNotExist")
        if self._look() in {"", ","}:
            return Term(key, "Exists")
        return self._operated(key)

    def _operated(self, key: str) -> Term:
        operator = self._take()
        if operator not in _OPERATORS:
            raise SelectorError(f"found '{operator}', expected: {_OPERATORS_LISTED}")
        values = self._values() if operator in {"in", "notin"} else (self._value(),)
        if operator in {"<", ">"} and not re.fullmatch(r"[+-]?\d+", values[0]):
            raise SelectorError(
                f"values[0][{key}]: Invalid value: \"{values[0]}\": for 'Gt', 'Lt' operators, the"
                " value must be an integer"
            )
        return Term(key, _OPERATORS[operator], values)

    def _value(self) -> str:
        if self._look() in {"", ","}:
            return ""
        value = self._take()
        if value in _SIGNS:
            raise SelectorError(f"found '{value}', expected: identifier")
        return value

    def _values(self) -> tuple[str, ...]:
        opening = self._take()
        if opening != "(":
            raise SelectorError(f"found '{opening}' expected: '('")
        first = self._look()
        if first == ")":
            self._take()
            return ("",)
        if not first or (first in _SIGNS and first != ","):
            raise SelectorError(f"found '{first}', expected: ',', ')' or identifier")
        return tuple(sorted(self._listed()))

    def _listed(self) -> set[str]:
        found: set[str] = set()
        value = ""
        while (word := self._take()) not in {")", ""}:
            if word == ",":
                found.add(value)
                value = ""
            elif word in _SIGNS or value:
                raise SelectorError(f"found '{word}', expected: ',' or ')'")
            else:
                value = word
        if not word:
            raise SelectorError("found '', expected: ')'")
        return found | {value}


def _check_key(key: str) -> None:
    parts = key.split("/")
    if len(parts) > _KEY_PARTS_MOST:
        raise SelectorError(f'<nil>: Invalid value: "{key}": {_BAD_KEY}')
    if not _KEY_PART.fullmatch(parts[-1]):
        raise SelectorError(f'<nil>: Invalid value: "{key}": {_BAD_NAME}')
