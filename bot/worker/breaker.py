"""Whether a cluster is worked with now, and when it is looked at next: one look after the other.

A cluster that does not answer would have each of its grants run into its own time-out. So the first
that does brings a look at the cluster itself; while that is out, or fails, nothing else goes there.
"""

import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from grants.errors import ClusterChanged, ClusterUnavailable

HANGS: Final = "hung"
SHUTS: Final = frozenset({ClusterUnavailable.code, ClusterChanged.code, HANGS})
"""Problems with which nothing can be done in a cluster, or must not be. A refusal is none: what the
bot may still do there, such as deleting a binding, it must do. Neither is a second alias: access
that lives under it has to end, and each walk asks the cluster who it is."""


@dataclass(frozen=True)
class LookTimes:
    """How often a cluster is looked at.

    `every`: while it is well. `first` and `most`: the waits between looks that fail, doubled each
    time, and jittered by a quarter, so that many processes do not come back in one moment. `most`
    is well under the 15 s in which a lease has to end once its cluster answers. `patience`: a look
    that takes longer counts as failed; all its time-outs together, a credential plugin's among
    them, are less. `fresh`: how long a good look answers for work that fails just after it.
    """

    every: timedelta = timedelta(seconds=15)
    first: timedelta = timedelta(milliseconds=500)
    most: timedelta = timedelta(seconds=6)
    patience: timedelta = timedelta(seconds=20)
    fresh: timedelta = timedelta(seconds=1)


@dataclass(frozen=True)
class Breaker:
    """One cluster's state in this process; times are monotonic, in seconds.

    `problem` is the code of the last look, empty when it was good, and None before the first.
    `looking_since` is set while a look is out.
    """

    problem: str | None = None
    failures: int = 0
    suspect: bool = False
    next_look: float = 0.0
    good_at: float | None = None
    looking_since: float | None = None

    @property
    def is_shut(self) -> bool:
        """Tell whether nothing but looks may go to the cluster now."""
        return self.problem in SHUTS or self.suspect

    def is_due(self, now: float) -> bool:
        """Tell whether to look now: nobody is at it, and it is time."""
        return self.looking_since is None and now >= self.next_look

    def begun(self, now: float) -> "Breaker":
        """Give the state while a look is out."""
        return replace(self, looking_since=now)

    def suspected(self, now: float, times: LookTimes) -> "Breaker":
        """Give the state after work on a grant found no answer: look before the next one."""
        if self.is_shut or (self.good_at is not None and now - self.good_at < _in(times.fresh)):
            return self
        return replace(self, suspect=True, next_look=now)

    def is_overdue(self, now: float, times: LookTimes) -> bool:
        """Tell whether a look is out for so long that it counts as failed."""
        return self.looking_since is not None and now - self.looking_since >= _in(times.patience)

    def looked(self, problem: str, now: float, times: LookTimes, dice: random.Random) -> "Breaker":
        """Give the state after a look."""
        if not problem:
            return Breaker(problem="", next_look=now + _in(times.every), good_at=now)
        failures = self.failures + 1
        wait = min(times.first * 2 ** min(failures - 1, 16), times.most)
        jittered = _in(wait) * dice.uniform(0.75, 1.25)
        return Breaker(problem=problem, failures=failures, next_look=now + jittered)

    def hangs(self) -> "Breaker":
        """Give the state while a look is overdue; it is still out, and no other begins."""
        return replace(self, problem=HANGS, failures=self.failures + 1)


def _in(time: timedelta) -> float:
    return time.total_seconds()
