"""JSON into typed values, on any thread."""

import threading
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

_LOCK: Final = threading.Lock()
_MADE: Final[dict[Any, "msgspec.json.Decoder[Any]"]] = {}


def decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """Give the decoder of a type, made once and by one thread at a time.

    msgspec 0.22 works out what a type holds when it first meets it. Two threads that meet one
    together, or two that share a part, end the whole process: one reads what the other has not
    written yet.
    """
    made = _MADE.get(kind)
    if made is None:
        with _LOCK:
            made = _MADE.get(kind)
            if made is None:
                made = _MADE[kind] = msgspec.json.Decoder(kind)
    return made
