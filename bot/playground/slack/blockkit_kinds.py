"""What a field of Block Kit may hold, and how it is checked. The tables are made of these.

Messages and JSON pointers have the form that Slack answers with, for example
`must be less than 3001 characters [json-pointer:/blocks/0/text/text]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

PLAIN = ("plain_text",)
ANY_TEXT = ("plain_text", "mrkdwn")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    message: str
    pointer: str

    def __str__(self) -> str:
        return f"{self.message} [json-pointer:{self.pointer}]"


Problems = Iterator[Problem]


class Kind(Protocol):
    """What a field may hold."""

    def check(self, value: Any, at: str) -> Problems:
        """Everything wrong with `value`, which stands at the pointer `at`."""
        ...


@dataclass(frozen=True, slots=True)
class Str:
    """A string of `least`..`most` characters, perhaps of a pattern or a fixed set."""

    most: int
    least: int = 1
    one_of: tuple[str, ...] = ()
    pattern: str = ""

    def check(self, value: Any, at: str) -> Problems:
        """As `Kind` says."""
        if not isinstance(value, str):
            yield Problem("must provide a string", at)
        elif len(value) < self.least:
            yield Problem(f"must be more than {self.least - 1} characters", at)
        elif len(value) > self.most:
            yield Problem(f"must be less than {self.most + 1} characters", at)
        elif self.one_of and value not in self.one_of:
            yield Problem("must be a valid enum value", at)
        elif self.pattern and not re.fullmatch(self.pattern, value):
            yield Problem("must match the required pattern", at)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def check(self, value: Any, at: str) -> Problems:
        """As `Kind` says."""
        if not isinstance(value, bool):
            yield Problem("must be a boolean", at)


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer of `least`..`most`."""

    least: int
    most: int

    def check(self, value: Any, at: str) -> Problems:
        """As `Kind` says."""
        if not isinstance(value, int) or isinstance(value, bool):
            yield Problem("must be an integer", at)
        elif value < self.least:
            yield Problem(f"must be greater than {self.least - 1}", at)
        elif value > self.most:
            yield Problem(f"must be less than {self.most + 1}", at)


@dataclass(frozen=True, slots=True)
class Text:
    """A text object of one of `types`, of `least`..`most` characters."""

    most: int
    types: tuple[str, ...] = PLAIN
    least: int = 1

    def check(self, value: Any, at: str) -> Problems:
        """As `Kind` says."""
        if not isinstance(value, dict):
            yield Problem("must provide an object", at)
            return
        if value.get("type") not in self.types:
            yield Problem(f"unsupported type: {value.get('type')}", f"{at}/type")
            return
        option = "emoji" if value["type"] == "plain_text" else "verbatim"
        for extra in value.keys() - {"type", "text", option}:
            yield Problem(f"invalid additional property: {extra}", at)
        if option in value:
            yield from Flag().check(value[option], f"{at}/{option}")
        if "text" not in value:
            yield Problem("missing required field: text", at)
        else:
            yield from Str(self.most, self.least).check(value["text"], f"{at}/text")


@dataclass(frozen=True, slots=True)
class Items:
    """A list of `least`..`most` items of one kind."""

    of: Kind
    most: int
    least: int = 1

    def check(self, value: Any, at: str) -> Problems:
        """As `Kind` says."""
        if not isinstance(value, list):
            yield Problem("must provide an array", at)
            return
        if len(value) < self.least:
            yield Problem(f"no fewer than {self.least} items allowed", at)
        if len(value) > self.most:
            yield Problem(f"no more than {self.most} items allowed", at)
        for index, item in enumerate(value):
            yield from self.of.check(item, f"{at}/{index}")


@dataclass(frozen=True, slots=True)
class Field:
    """A named field of a shape."""

    kind: Kind
    required: bool = False


Rule = Callable[[Mapping[str, Any], str], Problems]
"""A check across the fields of one object, asked only when each field is right."""


@dataclass(frozen=True, slots=True)
class Shape:
    """An object with fixed fields. `doc` is Slack's page about it."""

    name: str
    doc: str
    fields: Mapping[str, Field]
    rules: tuple[Rule, ...] = ()
    typed: bool = True

    def check(self, value: Any, at: str) -> Problems:
        """As `Kind` says; rules across fields only when no field is wrong."""
        if not isinstance(value, dict):
            yield Problem("must provide an object", at)
            return
        found = list(self._fields(value, at))
        yield from found
        if not found:
            for rule in self.rules:
                yield from rule(value, at)

    def _fields(self, value: Mapping[str, Any], at: str) -> Problems:
        known = set(self.fields) | ({"type"} if self.typed else set())
        for extra in sorted(value.keys() - known):
            yield Problem(f"invalid additional property: {extra}", at)
        for name, fld in self.fields.items():
            if name in value:
                yield from fld.kind.check(value[name], f"{at}/{name}")
            elif fld.required:
                yield Problem(f"missing required field: {name}", at)


@dataclass(frozen=True, slots=True)
class OneOf:
    """An object whose `type` picks its shape.

    A type that exists in Slack but not here is "not modelled"; one that exists here but does
    not belong in this place, or exists nowhere, is "unsupported".
    """

    shapes: Mapping[str, Shape]
    not_modelled: frozenset[str] = frozenset()

    def check(self, value: Any, at: str) -> Problems:
        """As `Kind` says."""
        if not isinstance(value, dict):
            yield Problem("must provide an object", at)
            return
        kind = value.get("type")
        if kind in self.not_modelled:
            yield Problem(f"not modelled: {kind}", f"{at}/type")
        elif not isinstance(kind, str) or kind not in self.shapes:
            yield Problem(f"unsupported type: {kind}", f"{at}/type")
        else:
            yield from self.shapes[kind].check(value, at)


def exactly_one(*names: str) -> Rule:
    """Return a rule: one of these fields, and no second."""
    either = " or ".join(f"`{name}`" for name in names)

    def rule(value: Mapping[str, Any], at: str) -> Problems:
        given = [name for name in names if name in value]
        if not given:
            yield Problem(f"must define either {either}", at)
        elif len(given) > 1:
            yield Problem(f"must define only one of {either}", at)

    return rule
