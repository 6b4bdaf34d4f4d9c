"""Times as audit events write them: text of one form, which sorts as the times do."""

import re
from datetime import UTC, datetime
from typing import Final

LENGTH: Final = 27
"""Characters of the one form, such as `2026-01-31T18:00:00.000000Z`."""
EARLIEST: Final = "2014-01-01T00:00:00.000000Z"
"""Nothing was done in Kubernetes before: such a time is a clock's that was not set."""

_FORM: Final = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d\.\d{6}Z", re.ASCII)
_FRACTION: Final = re.compile(r"\.(\d{6})\d+")


def is_plain(text: str) -> bool:
    """Tell whether a time has the one form already, as API servers write it."""
    return _FORM.fullmatch(text) is not None


def plain(text: str) -> str | None:
    """Give a time in the one form; None when it is none, has no zone or is before Kubernetes."""
    try:
        at = datetime.fromisoformat(_FRACTION.sub(r".\1", text))
        if at.tzinfo is None:
            return None
        written = as_text(at)
    except (ValueError, OverflowError):
        return None
    return written if written >= EARLIEST else None


def as_text(at: datetime) -> str:
    """Write a time in the one form."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def as_time(text: str) -> datetime:
    """Read a time of the one form."""
    return datetime.fromisoformat(text)
