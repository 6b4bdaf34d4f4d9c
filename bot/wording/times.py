"""Times and durations as people say them."""

from datetime import datetime, timedelta, tzinfo
from typing import Final

_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def duration_words(duration: timedelta) -> str:
    """Say a duration in at most two units: `1 hour 30 minutes`; under a second is `no time`."""
    left = int(duration.total_seconds())
    parts: list[str] = []
    for name, size in _UNITS:
        count, left = divmod(left, size)
        if count > 0:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(parts[:2]) or "no time"


def clock_words(at: datetime, now: datetime, zone: tzinfo) -> str:
    """Say a time of these days in a person's zone: `today 17:30 CET`, `Tue 3 Nov 09:00 CET`."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    clock = f"{local:%H:%M} {local.tzname()}"
    days = (local.date() - today).days
    if days == 0:
        return f"today {clock}"
    if days == 1:
        return f"tomorrow {clock}"
    return f"{local:%a} {local.day} {local:%b} {clock}"


def moment_words(at: datetime) -> str:
    """Say a moment in full with its zone, for whoever can't be shown their own."""
    return f"{at.day} {at:%b %Y %H:%M} {at.tzname()}"
