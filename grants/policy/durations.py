"""Lengths of time as people write them: `30m`, `8h`, `1h30m`, `2d`."""

import re
from datetime import timedelta
from typing import Final

DURATION_PATTERN: Final = r"^(?:[0-9]{1,6}d)?(?:[0-9]{1,6}h)?(?:[0-9]{1,6}m)?(?:[0-9]{1,6}s)?$"
"""Days, hours, minutes, seconds, in this order; also the published schema's pattern."""

_PARTS: Final = re.compile(r"([0-9]{1,6})([dhms])")
_WHOLE: Final = re.compile(DURATION_PATTERN)
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def parse_duration(text: str) -> timedelta | None:
    """Read a length of time; None when the text is not one. Zero is one: callers refuse it."""
    # `$` would let a trailing line end pass.
    if not text or not _WHOLE.fullmatch(text):
        return None
    found = {_UNITS[unit]: int(number) for number, unit in _PARTS.findall(text)}
    return timedelta(**found)


def format_duration(length: timedelta) -> str:
    """Write a length of time, without its fractions of a second; `0s` when there is nothing."""
    left = int(length.total_seconds())
    sign, left = ("-", -left) if left < 0 else ("", left)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number}{unit}")
    return sign + "".join(parts) if parts else "0s"
