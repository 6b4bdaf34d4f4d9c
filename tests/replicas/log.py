"""One log of a run: everything that was seen from outside, and at its end what the record holds.

Each line is an `Entry`. Times are seconds since the epoch, on the one clock of this machine.

- `run`: the seed, how long, and the quorum of each entitlement;
- `person`: a Slack user, the person linked to it, and what Kubernetes calls them;
- `replica`: what was done to one: `started`, `killed`, `paused`, `continued`, `told`, `ended`;
- `sent`, `acked`: a payload of Slack on its way, and what came of it, joined by `delivery`; `about`
  is the request or grant, for a click on a button;
- `told`: an answer that a user alone was shown, such as that it did not work;
- `call`: a write on a binding that the API server's audit log has; `at` is its answer;
- `review`: an access review of ours: asked at `at`, answered at `answered`, and the binding that
  allowed it;
- `event`: a line of the record, when we first saw it (`at`) and when it says it was (`event_at`);
- at the end `request`, `grant`, `card` and `message`: rows of the database and messages in Slack,
  and `left`: a binding of ours that still stands.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One thing that was seen, at a time, with its facts."""

    at: float
    kind: str
    facts: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.facts[name]


class Log:
    """Entries as they come, kept in a file too, so that a broken run can be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: list[Entry] = []
        self._lock = Lock()
        self._file = path.open("w", encoding="utf-8")

    def add(self, at: float, kind: str, **facts: Any) -> None:
        """Write an entry."""
        line = json.dumps({"at": at, "kind": kind, **facts})
        with self._lock:
            self._entries.append(Entry(at, kind, facts))
            self._file.write(line + "\n")

    def entries(self) -> list[Entry]:
        """All of them, in the order of their times."""
        with self._lock:
            self._file.flush()
            return sorted(self._entries, key=lambda entry: entry.at)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path) -> Iterator[Entry]:
    """Read a log back."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            facts = json.loads(line)
            yield Entry(facts.pop("at"), facts.pop("kind"), facts)


def of_kind(entries: Iterable[Entry], *kinds: str) -> list[Entry]:
    """Those of some kinds, in their order."""
    return [entry for entry in entries if entry.kind in kinds]
