"""Reading JSON from outside: one meaning or none."""

import json
from collections.abc import Iterator
from typing import Any, Final, NoReturn

MOST_DEEP: Final = 64
"""Slack's own payloads, a card with tables in it, are less than half as deep."""


class Malformed(ValueError):
    """What came can't be read in one way alone; its text is a stable word, and never what came."""


def read_json(data: bytes | str) -> dict[str, Any]:
    """Read a JSON object; Malformed when it is none, or means different things to two readers."""
    try:
        text = data.decode() if isinstance(data, bytes) else data
        found = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise Malformed("not-utf-8") from None
    except Malformed:
        raise
    except RecursionError:
        raise Malformed("too-deep") from None
    except ValueError:
        raise Malformed("not-json") from None
    if not isinstance(found, dict) or not found:
        raise Malformed("not-an-object")
    if _is_too_deep(found):
        raise Malformed("too-deep")
    return found


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: which one counts is each reader's own choice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("duplicate-key")
    return found


def _no_number(_: str) -> NoReturn:
    raise Malformed("not-a-number")


def _is_too_deep(found: dict[str, Any]) -> bool:
    """Look level by level: what walks such a thing by recursion would break on it."""
    level: list[Any] = [found]
    for _ in range(MOST_DEEP):
        level = [below for one in level for below in _inside(one)]
        if not level:
            return False
    return True


def _inside(value: dict[str, Any] | list[Any]) -> Iterator[Any]:
    values = value.values() if isinstance(value, dict) else value
    return (one for one in values if isinstance(one, dict | list))
