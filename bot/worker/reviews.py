"""Reviews every cluster when that is due, each beside the others: one that hangs delays no other.

A change of rights that was heard brings a review sooner (`hurry`), and the digest with it.

When a cluster was looked at last stands in rows, so neither a restart nor another replica brings
a review sooner, and none is left out because processes live shorter than the time between two.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.worker.hurry import Hurry
from bot.worker.sweeps import TURN_SHARE
from grants.clock import Clock
from grants.errors import ValetkeyError
from grants.review.inventory import Inventory
from grants.review.ports import ReviewPorts, TellPorts
from grants.review.review_cluster import review_cluster
from grants.review.scan import Scan
from grants.review.tell_findings import tell_findings

log = logging.getLogger("valetkey.worker.reviews")

AGAIN_AFTER: Final = timedelta(minutes=10)
"""How long a cluster whose review failed is left alone: to list all there is costs it something."""

ON_TIME: Final = "review"
SOONER: Final = "review-soon"
"""Why a review is due: by the clock, or by what was heard. Each is a turn of its own."""

WHOLE: Final = "whole"
PARTIAL: Final = "partial"

TOLD_WITHIN: Final = {ON_TIME: timedelta(minutes=10), SOONER: timedelta(seconds=30)}
"""How long what a review found waits for others under way, so that one finding in many clusters is
told once: a start has all of them reviewed side by side. A cluster that hangs delays no more."""

LEFT_WITHIN: Final = timedelta(seconds=3)
"""How long a stop waits for a review: one cut off has kept nothing, and is done again."""


@dataclass(frozen=True)
class ReviewCalls:
    """How clusters are read, how often, whose turn it is, and who hears how it went.

    `read` may take minutes. `heard` is told a cluster and a stable word for what became of it.
    `shut` names the clusters that can't be worked with now; `ticks` is a monotonic clock in
    seconds.
    """

    aliases: Callable[[], Collection[str]]
    read: Callable[[str], Inventory]
    every: timedelta
    my_turn: Callable[[str, timedelta], bool]
    heard: Callable[[str, str], object]
    shut: Callable[[], Collection[str]] = frozenset
    ticks: Callable[[], float] = time.monotonic


class Reviews:
    """Begins a review of each cluster that is due and has none under way."""

    def __init__(
        self, ports: ReviewPorts, telling: TellPorts, clock: Clock, calls: ReviewCalls
    ) -> None:
        self._ports = ports
        self._telling = telling
        self._clock = clock
        self._calls = calls
        self._changed = threading.Condition()
        self._under_way: set[str] = set()
        self._left_until: dict[str, float] = {}
        self.hurry = Hurry()
        # What was found before a restart may not be told yet.
        self._tell_by: float | None = self._told_by(ON_TIME)
        self._stopped = False
        # One is judged at a time: side by side they would only share one interpreter, and memory.
        self._judging = threading.Lock()

    def begin(self) -> None:
        """Begin what is due; never waits for a cluster."""
        shut = self._calls.shut()
        for alias in self._calls.aliases():
            why = "" if alias in shut else self._why_due(alias)
            if why:
                self._begin(alias, why)
        self._tell_when_settled()

    def hear(self, alias: str) -> None:
        """Hear that rights of a cluster changed: it is looked at soon."""
        self.hurry.hear(alias, self._clock.now())

    def wait(self, within: timedelta) -> bool:
        """Wait until no review is under way; False when one did not end in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, within.total_seconds())

    def stop(self, within: timedelta) -> bool:
        """Begin no more, and wait a little for those under way."""
        with self._changed:
            self._stopped = True
        self.wait(min(within, LEFT_WITHIN))
        return True

    def _why_due(self, alias: str) -> str:
        """Say why a cluster is due, as the name of a turn; empty when it is not."""
        if self._calls.ticks() < self._left_until.get(alias, float("-inf")):
            return ""
        last, now = self._last_look(alias), self._clock.now()
        if last is None or last + self._calls.every <= now:
            return ON_TIME
        return SOONER if self.hurry.is_due(alias, last, now) else ""

    def _last_look(self, alias: str) -> datetime | None:
        with self._ports.store.read() as tx:
            return next(iter(tx.looks(alias, 1)), None)

    def _begin(self, alias: str, why: str) -> None:
        with self._changed:
            if self._stopped or alias in self._under_way:
                return
            self._under_way.add(alias)
        # Not of a pool: one that hangs must not keep the process from ending.
        threading.Thread(
            target=self._review, args=(alias, why), name=f"review-{alias}", daemon=True
        ).start()

    def _review(self, alias: str, why: str) -> None:
        begun = self._calls.ticks()
        self._leave(alias, AGAIN_AFTER)
        outcome = "failed"
        try:
            outcome = self._reviewed(alias) if self._is_my_turn(alias, why) else ""
            if outcome in {WHOLE, PARTIAL}:
                self._want_told(why)
                self._tell_when_settled(but=alias)
                # Rows say when it was: until then only what is heard brings another.
                self.hurry.took(alias, timedelta(seconds=self._calls.ticks() - begun))
                self._leave(alias, self.hurry.apart(alias))
            elif not outcome and why is SOONER:
                self._leave(alias, self.hurry.apart(alias))
        except ValetkeyError as error:
            log.warning("a cluster could not be reviewed", extra=error.for_log())
        except Exception:
            log.exception("the review of a cluster broke", extra={"cluster": alias})
        finally:
            if outcome:
                self._calls.heard(alias, outcome)
            with self._changed:
                self._under_way.discard(alias)
                self._changed.notify_all()

    def _told_by(self, why: str) -> float:
        return self._calls.ticks() + TOLD_WITHIN[why].total_seconds()

    def _want_told(self, why: str) -> None:
        with self._changed:
            by = self._told_by(why)
            self._tell_by = by if self._tell_by is None else min(by, self._tell_by)

    def _tell_when_settled(self, but: str = "") -> None:
        """Tell what is news once no other review is under way, or when that takes too long."""
        with self._changed:
            by = self._tell_by
            others = self._under_way - {but}
            if by is None or self._stopped or (others and self._calls.ticks() < by):
                return
            self._tell_by = None
        try:
            tell_findings(tuple(self._calls.aliases()), ports=self._telling)
        except BaseException:
            self._tell_by = by
            raise

    def _leave(self, alias: str, how_long: timedelta) -> None:
        self._left_until[alias] = self._calls.ticks() + how_long.total_seconds()

    def _is_my_turn(self, alias: str, why: str) -> bool:
        """Take the turn, which another worker may have taken; those of either kind are apart."""
        every = AGAIN_AFTER if why is ON_TIME else self.hurry.apart(alias)
        return self._calls.my_turn(f"{why}:{alias}", min(self._calls.every, every) * TURN_SHARE)

    def _reviewed(self, alias: str) -> str:
        inventory = self._calls.read(alias)
        with self._judging:
            found = review_cluster(inventory, ports=self._ports)
        outcome = _outcome(found)
        facts = {"cluster": alias, "outcome": outcome, "findings": len(found.findings)}
        log.info("a cluster was reviewed", extra=facts)
        return outcome


def _outcome(found: Scan) -> str:
    if found.silent:
        return "no-answer"
    return PARTIAL if found.partial else WHOLE
