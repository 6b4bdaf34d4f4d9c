"""Fills facts into sentences; a fact that is missing must never hide the sentence."""

from collections.abc import Mapping
from typing import Final

UNSAID: Final = "?"


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return UNSAID


def fill(template: str, facts: Mapping[str, object]) -> str:
    """Fill `{name}` places; what is not among the facts (or empty) reads as a question mark."""
    known = {name: str(value) for name, value in facts.items() if value not in (None, "")}
    return template.format_map(_Facts(known))
