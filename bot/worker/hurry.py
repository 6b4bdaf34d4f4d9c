"""When a change that was heard brings a review sooner: soon, once for many, and never too often."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SETTLED_AFTER: Final = timedelta(seconds=10)
"""So long it must have been quiet: a deployment makes its account, roles and bindings in a row."""

SETTLED_AT_MOST: Final = timedelta(seconds=30)
"""After the first change it is not waited longer, however busy the cluster is."""

APART_LEAST: Final = timedelta(minutes=1)
"""Two reviews of a cluster are at least so far apart."""

APART_SHARE: Final = 20
"""And at least so many times what the last one took: five of a hundred seconds at most."""


@dataclass
class _Heard:
    first: datetime
    last: datetime


class Hurry:
    """What was heard of each cluster since it was looked at; hints in memory, nothing else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, _Heard] = {}
        self._took: dict[str, timedelta] = {}

    def hear(self, alias: str, now: datetime) -> None:
        """Hear that rights of a cluster changed."""
        with self._lock:
            heard = self._heard.setdefault(alias, _Heard(now, now))
            heard.last = max(heard.last, now)

    def took(self, alias: str, how_long: timedelta) -> None:
        """Hear how long the last review of a cluster took, from the first list to the last word."""
        with self._lock:
            self._took[alias] = how_long

    def apart(self, alias: str) -> timedelta:
        """Tell how far apart reviews of a cluster are at least."""
        with self._lock:
            return max(APART_LEAST, self._took.get(alias, timedelta(0)) * APART_SHARE)

    def is_due(self, alias: str, last_look: datetime, now: datetime) -> bool:
        """Tell whether what was heard since the last look brings the next one now.

        A look that began after the last change has seen it, whoever's look it was.
        """
        with self._lock:
            heard = self._heard.get(alias)
            if heard is None:
                return False
            if heard.last < last_look:
                del self._heard[alias]
                return False
            settled = min(heard.last + SETTLED_AFTER, heard.first + SETTLED_AT_MOST)
        return now >= max(settled, last_look + self.apart(alias))
