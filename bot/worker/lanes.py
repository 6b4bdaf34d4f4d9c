"""One cluster's share of the worker: threads of its own, and the grants that they walk."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol

from grants.access.fresh import Fresh, Handed
from grants.errors import ValetkeyError

log = logging.getLogger("valetkey.worker.lanes")

HUNG_AFTER: Final = timedelta(seconds=60)
"""Longer than all calls of a walk with their time-outs: a walk that takes as long never ends."""

_AHEAD: Final = 2
"""How many walks are claimed for each thread: one that comes free need not wait for a commit."""

_AHEAD_WHILE_THEY_END: Final = 3
"""How many where walks do end and more are due: to find the most pressing of a thousand takes as
long as to store eight ends."""

_MOMENT_SECONDS: Final = 1.0
"""Leases that are over become due some dozens at a time: between two of these nothing is. And what
was read or written of a grant is not read anew for as long."""

_NOTHING_READ: Final[Mapping[str, Handed]] = {}


class LaneCalls(Protocol):
    """What a lane calls; the reconciler does it."""

    def claim(self, cluster: str, limit: int) -> tuple[str, ...]:
        """Claim grants that are due in one cluster."""
        ...

    def claim_one(self, grant: str) -> bool:
        """Claim one grant; False when another worker has it in hand."""
        ...

    def release(self, grant: str) -> None:
        """Give a claim back, so that nobody has to wait for it to lapse."""
        ...

    def read_ahead(self, grants: Sequence[str]) -> Mapping[str, Handed]:
        """Read some that are claimed, all at once; those left out are read as they are walked."""
        ...

    def walk(self, grant: str, handed: Handed | None) -> None:
        """Bring one grant forward and give its claim back; `handed` was read a moment ago."""
        ...

    def may_go(self, cluster: str) -> bool:
        """Tell whether a cluster is worked with now."""
        ...


@dataclass(frozen=True)
class _Walk:
    """A walk: when it was claimed (None: not yet), and when it began or was last told to hang.

    Both in seconds. `handed` is what was read or written of its grant a moment ago.
    """

    claimed_at: float | None
    since: float | None = None
    handed: Handed | None = None


class Lane:
    """Walks one cluster's grants, `threads` at a time, and claims more as these come free.

    `hold` is how long a claim lasts: a walk that waited for its thread as long is not begun, for
    somebody else may be at it. `changed` is notified when a walk has ended.
    """

    def __init__(
        self,
        cluster: str,
        threads: int,
        calls: LaneCalls,
        *,
        hold: timedelta,
        changed: threading.Condition,
        ticks: Callable[[], float],
    ) -> None:
        self.cluster = cluster
        self._threads = threads
        self._calls = calls
        self._hold_seconds = hold.total_seconds()
        self._changed = changed
        self._ticks = ticks
        self._pool = ThreadPoolExecutor(threads, f"reconcile-{cluster}")
        self._claiming = threading.Lock()
        self._walks: dict[str, _Walk] = {}
        self._more = False
        self._more_at: float | None = None
        self._room = 0
        self._stopped = False

    def reserve(self, ahead: int = _AHEAD) -> int:
        """Tell for how many more walks there is room; none while another thread claims here.

        `ahead` is how many there may be for each thread.

        Whoever is told of room must call `take`, with nothing if need be.
        """
        if not self._claiming.acquire(blocking=False):
            return 0  # whoever is at it takes what this thread would
        with self._changed:
            self._room = 0 if self._stopped else self._threads * ahead - len(self._walks)
        if self._room > 0:
            return self._room
        self._more = True
        self._claiming.release()
        return 0

    def take(self, claimed: Sequence[str], read: Mapping[str, Handed] = _NOTHING_READ) -> None:
        """Start the walks of grants that were claimed for the room that was reserved."""
        try:
            self._more = len(claimed) == self._room
            if self._more:
                self._more_at = self._ticks()
            for grant in claimed:
                self._start(grant, read.get(grant))
        finally:
            self._claiming.release()

    def _fill(self) -> None:
        """Go on with what else is due here."""
        claimed, read = tuple[str, ...](), _NOTHING_READ
        if room := self.reserve(_AHEAD_WHILE_THEY_END):
            try:
                claimed = self._calls.claim(self.cluster, room)
                read = self._calls.read_ahead(claimed)
            finally:
                self.take(claimed, read)

    def has_room(self) -> bool:
        """Tell whether one more walk can be started now."""
        with self._changed:
            return not self._stopped and len(self._walks) < self._threads * _AHEAD

    def begin(self, grant: str, fresh: Fresh | None = None) -> bool:
        """Start a walk that no search brought, if there is room for it; tells whether it is.

        One that is not `fresh` is not claimed yet.
        """
        with self._changed:
            if self._stopped or len(self._walks) >= self._threads * _AHEAD:
                return False
            if grant in self._walks:
                return False  # it may be past what is new: the next look tells
            claimed_at = None
            if fresh is not None:
                since = fresh.hold.since
                claimed_at = self._ticks() if since is None else since
            self._walks[grant] = _Walk(claimed_at, handed=fresh)
            done = self._pool.submit(self._one, grant)
        done.add_done_callback(lambda ended: self._note(grant, ended))
        return True

    def is_behind(self) -> bool:
        """Tell whether more was due here than there was room for, now or a moment ago."""
        more_at = self._more_at
        return more_at is not None and self._ticks() - more_at < _MOMENT_SECONDS

    def under_way(self) -> tuple[str, ...]:
        """Name the grants that are claimed here, begun or not; the caller holds `changed`."""
        return tuple(self._walks)

    def newly_hung(self) -> list[str]:
        """Name the walks that do not end, each once in a while."""
        now = self._ticks()
        with self._changed:
            late = [
                grant
                for grant, walk in self._walks.items()
                if walk.since is not None and now - walk.since >= HUNG_AFTER.total_seconds()
            ]
            self._walks.update({grant: replace(self._walks[grant], since=now) for grant in late})
        return late

    def stop(self) -> None:
        """Start no more walks; those that wait for a thread give their claims back."""
        with self._changed:
            self._stopped = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(self, grant: str, handed: Handed | None) -> None:
        done = self._submit(grant, handed)
        if done is not None:
            done.add_done_callback(lambda ended: self._note(grant, ended))

    def _submit(self, grant: str, handed: Handed | None) -> "Future[None] | None":
        with self._changed:
            if grant in self._walks:
                return None
            if not self._stopped:
                self._walks[grant] = _Walk(self._ticks(), handed=handed)
                return self._pool.submit(self._one, grant)
        self._calls.release(grant)
        return None

    def _one(self, grant: str) -> None:
        try:
            walk = self._begin(grant)
            if walk is not None:
                self._calls.walk(grant, walk.handed)
        finally:
            idle = self._forget(grant)
        if self._more and idle:
            self._fill()

    def _begin(self, grant: str) -> _Walk | None:
        """Give the walk if it may begin, now that there is a thread for it."""
        now = self._ticks()
        with self._changed:
            walk = self._walks[grant] = replace(self._walks[grant], since=now)
        if walk.claimed_at is None:
            may = self._calls.may_go(self.cluster) and self._calls.claim_one(grant)
            return walk if may else None
        if not self._calls.may_go(self.cluster):
            self._calls.release(grant)
            return None
        waited = now - walk.claimed_at
        if waited >= _MOMENT_SECONDS:
            walk = replace(walk, handed=None)  # by now the rows may say something else
        return walk if waited < self._hold_seconds else None

    def _forget(self, grant: str) -> bool:
        """Forget a walk; tells whether it is time to claim more."""
        with self._changed:
            self._walks.pop(grant, None)
            self._changed.notify_all()
            return len(self._walks) <= self._threads

    def _note(self, grant: str, done: "Future[None]") -> None:
        if done.cancelled():  # by a stop, before its turn came
            self._forget(grant)
            self._calls.release(grant)
            return
        error = done.exception()
        if isinstance(error, ValetkeyError):
            facts = {"grant": grant, "code": error.code}
            log.warning("no more could be claimed; the next look does", extra=facts)
        elif error is not None:
            log.error("a walk failed; the grant is taken up again", exc_info=error)
