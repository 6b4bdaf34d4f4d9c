"""Claims grants that are due and walks each, on threads of its cluster's own."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Final

from bot.worker.lanes import HUNG_AFTER, Lane
from grants.access.fresh import Fresh, Handed
from grants.access.model import Grant, GrantState
from grants.access.ports import AccessStore, Hold
from grants.errors import ValetkeyError

__all__ = ["HUNG_AFTER", "Reconciler"]

log = logging.getLogger("valetkey.worker.reconciler")

GIVE_BACK_AFTER: Final = timedelta(seconds=1)
"""How long a stop waits for walks before others may have their grants; most take milliseconds."""


class Reconciler:
    """Brings due grants forward, in each cluster at most `threads` at a time.

    Each cluster has a lane of its own, claims and threads: one that hangs, and one with a thousand
    grants due, must not keep another's from ending on time. `threads_in` says it of single
    clusters; `shut` names those that can't be worked with now, whose grants are not claimed.

    A claim only keeps replicas from doing the same work twice; what keeps them from harm is the
    fence. So a claim that lapses while its holder is slow is no danger. `hung` is called every
    minute about a walk that does not end (a credential plugin has no time-out), so that its grant
    is shown as failing like any other.
    `read` reads many at once that a lane has claimed.
    """

    def __init__(
        self,
        store: AccessStore,
        reconcile: Callable[[str, Handed | None], Grant | None],
        hung: Callable[[str], object],
        read: Callable[[Sequence[str]], Mapping[str, Handed]] = lambda _: {},
        *,
        worker: str,
        threads: int,
        hold: timedelta,
        threads_in: Mapping[str, int] | None = None,
        shut: Callable[[], Collection[str]] = frozenset,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._reconcile = reconcile
        self._hung = hung
        self._read = read
        self._worker = worker
        self._threads = threads
        self._threads_in = threads_in or {}
        self._hold = hold
        self._shut = shut
        self._ticks = ticks
        self._changed = threading.Condition()
        self._lanes: dict[str, Lane] = {}
        self._stopped = False

    def run_due(self) -> int:
        """Claim what is due, as far as each cluster has free threads, and start it; tells how many.

        While more is due in a cluster than it has threads, each that comes free goes on by itself.
        """
        started = 0
        if not self._stopped:
            started = self._claim_each(self._store.due_clusters())
        for grant in self._newly_hung():
            log.error("a walk hangs", extra={"grant": grant})
            self._hung(grant)
        return started

    def hold_for(self, cluster: str) -> Hold | None:
        """Give the claim that a grant is born with that is begun here; None: there is no room."""
        if self._stopped or not self.may_go(cluster) or not self._lane(cluster).has_room():
            return None
        return Hold(self._worker, self._hold, self._ticks())

    def begin(self, cluster: str, grant: str, fresh: Fresh | None = None) -> bool:
        """Start the walk of a grant that is known to be due, where its cluster has room for it.

        Without a search, and without the wait for one; it is claimed as its walk begins, unless it
        was born so. False: it is taken up by the next look.
        """
        begun = (
            not self._stopped and self.may_go(cluster) and self._lane(cluster).begin(grant, fresh)
        )
        if fresh is not None and not begun:
            self.release(grant)
        return begun

    def is_behind(self) -> bool:
        """Tell whether a cluster has more grants due than room for them, or had a moment ago."""
        with self._changed:
            return any(lane.is_behind() for lane in self._lanes.values())

    def stop(self, within: timedelta = timedelta(seconds=10)) -> bool:
        """Take no more and finish the walks under way; False when one did not end in time.

        Claims on walks that have not begun, or are not soon done, are given back, so that another
        replica goes on at once and not when they lapse. A walk that is still at it meanwhile does
        no harm: that is what the fence is for.
        """
        with self._changed:
            self._stopped = True
            lanes = tuple(self._lanes.values())
        for lane in lanes:
            lane.stop()
        if not self._ended(min(GIVE_BACK_AFTER, within)):
            with self._changed:
                slow = [grant for lane in lanes for grant in lane.under_way()]
            for grant in slow:
                self.release(grant)
        return self._ended(within - GIVE_BACK_AFTER)

    def _claim_each(self, clusters: Iterable[str]) -> int:
        """Claim in all these clusters at once: one commit, however many they are."""
        lanes = [self._lane(cluster) for cluster in clusters if self.may_go(cluster)]
        claimed: dict[str, list[str]] = {}
        # Each lane that was reserved is given free again, whatever befalls another.
        with ExitStack() as reserved:
            rooms: dict[str, int] = {}
            for lane in reversed(lanes):
                if room := lane.reserve():
                    rooms[lane.cluster] = room
                    reserved.callback(lane.take, claimed.setdefault(lane.cluster, []))
            if rooms:
                for one in self._store.claim_each(self._worker, rooms, self._hold):
                    claimed[one.cluster].append(one.grant)
        return sum(map(len, claimed.values()))

    def claim(self, cluster: str, limit: int) -> tuple[str, ...]:
        """Claim grants that are due in one cluster."""
        if not self.may_go(cluster):
            return ()
        found = self._store.claim_grants(self._worker, limit, self._hold, cluster)
        return tuple(one.grant for one in found)

    def claim_one(self, grant: str) -> bool:
        """Claim one grant; False when another worker has it in hand."""
        return self._store.claim_grant(grant, self._worker, self._hold)

    def release(self, grant: str) -> None:
        """Give a claim back, so that nobody has to wait for it to lapse."""
        try:
            self._store.release_grant(grant, self._worker)
        except ValetkeyError as error:
            log.warning("a claim lapses by itself", extra={"grant": grant, "code": error.code})

    def read_ahead(self, grants: Sequence[str]) -> Mapping[str, Handed]:
        """Read some that are claimed, all at once; those left out are read as they are walked."""
        try:
            return self._read(grants)
        except ValetkeyError as error:
            log.warning("each is read by its own walk", extra={"code": error.code})
            return {}

    def walk(self, grant: str, handed: Handed | None) -> None:
        """Bring one grant forward and give its claim back; one that has ended needs none."""
        try:
            done = self._reconcile(grant, handed)
            if done is None or done.state is not GrantState.ENDED:
                self._store.release_grant(grant, self._worker)
        except ValetkeyError as error:
            log.warning("a walk ended early", extra={"grant": grant, "code": error.code})

    def may_go(self, cluster: str) -> bool:
        """Tell whether a cluster is worked with now."""
        return cluster not in self._shut()

    def _lane(self, cluster: str) -> Lane:
        with self._changed:
            lane = self._lanes.get(cluster)
            if lane is None:
                threads = self._threads_in.get(cluster, self._threads)
                lane = self._lanes[cluster] = Lane(
                    cluster,
                    threads,
                    self,
                    hold=self._hold,
                    changed=self._changed,
                    ticks=self._ticks,
                )
                if self._stopped:
                    lane.stop()
            return lane

    def _ended(self, within: timedelta) -> bool:
        """Wait until no walk is under way; tells whether that came to be."""

        def is_idle() -> bool:
            return not any(lane.under_way() for lane in self._lanes.values())

        with self._changed:
            return self._changed.wait_for(is_idle, max(0, within.total_seconds()))

    def _newly_hung(self) -> list[str]:
        with self._changed:
            lanes = tuple(self._lanes.values())
        return [grant for lane in lanes for grant in lane.newly_hung()]
