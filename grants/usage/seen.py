"""What was seen when, as bits: any order gives the same, and nothing grows but by the calendar."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from grants.usage.model import Kind, Whose

_MINUTES: Final = 60


class Traced(NamedTuple):
    """A kind of act, and whose; coverage is kept for each."""

    kind: Kind
    whose: Whose


class Seen:
    """In which minutes anything was seen of a cluster, and on which days what kind of it.

    An hour (`2026-01-31T18`) has a bit for each minute, a month (`2026-01`) one for each day.
    """

    def __init__(self) -> None:
        self.hours: dict[str, int] = defaultdict(int)
        self.months: dict[tuple[Traced, str], int] = defaultdict(int)

    def at(self, time: str) -> None:
        """Note that an event of that time was seen; a text of the one form."""
        self.hours[time[:13]] |= 1 << int(time[14:16])

    def of(self, traced: Traced, day: str) -> None:
        """Note that an act of that kind was seen on a day (`2026-01-31`)."""
        self.months[traced, day[:7]] |= 1 << int(day[8:10])

    def merge(self, other: "Seen") -> None:
        """Take in what another has."""
        for hour, minutes in other.hours.items():
            self.hours[hour] |= minutes
        for key, days in other.months.items():
            self.months[key] |= days


def bits(mask: int) -> Iterator[int]:
    """Give the numbers of the bits that are set, in order."""
    return (number for number in range(_MINUTES + 4) if mask >> number & 1)
