"""What came of reading events: rows, what was seen when, and what was wrong, by cluster."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from grants.usage.seen import Seen
from grants.usage.table import Rows

# What may be wrong with what was read; the words are a contract of `--format json` and metrics.
BROKEN: Final = "broken"
CUT_OFF: Final = "cut-off"
TOO_LONG: Final = "too-long"
FUTURE: Final = "future"
UNTIMED: Final = "untimed"
NOBODY: Final = "nobody"
NO_CLUSTER: Final = "no-cluster"
REPEATED: Final = "repeated"
OTHER: Final = "other"

LOST: Final = frozenset({BROKEN, TOO_LONG, CUT_OFF, UNTIMED, FUTURE})
"""After these something may have happened that nobody will know of."""
MOST_PLACES: Final = 10


@dataclass
class Part:
    """What was read of one cluster."""

    rows: Rows = field(default_factory=Rows)
    seen: Seen = field(default_factory=Seen)
    losses: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """How much was lost, by hour and word; the hour is that of what was read before it."""

    def merge(self, other: "Part") -> None:
        """Take in what was read elsewhere."""
        for act, row in other.rows:
            self.rows.merge(act, row.first, row.last, row.count)
        self.seen.merge(other.seen)
        for key, count in other.losses.items():
            self.losses[key] += count


@dataclass
class Folded:
    """What came of some files, or of a part of one.

    `words` counts what was not used, by why; `places` names the first of it: file, line, word.
    """

    parts: dict[str, Part] = field(default_factory=lambda: defaultdict(Part))
    events: int = 0
    lines: int = 0
    words: Counter[str] = field(default_factory=Counter)
    places: list[tuple[str, int, str]] = field(default_factory=list)

    def note(self, word: str, file: str, line: int, count: int = 1) -> None:
        """Count something that was not used, and keep where the first ones stand."""
        self.words[word] += count
        if line and word not in {REPEATED, OTHER} and len(self.places) < MOST_PLACES:
            self.places.append((file, line, word))

    @property
    def is_partial(self) -> bool:
        """Tell whether something was lost."""
        return any(self.words[word] for word in LOST)

    def merge(self, other: "Folded", lines_before: int = 0) -> None:
        """Take in what came of another part, which began behind so many lines."""
        for cluster, part in other.parts.items():
            self.parts[cluster].merge(part)
        self.events += other.events
        self.lines += other.lines
        self.words.update(other.words)
        room = MOST_PLACES - len(self.places)
        moved = [(file, line + lines_before, word) for file, line, word in other.places]
        self.places.extend(moved[:room])
