"""Claims that are kept while work on them goes on, and lapse soon after their worker died."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.logs import get_logger
from grants.clock import ticks_ns
from grants.errors import ValetkeyError

log = get_logger("slack.keeping")


class ClaimLostError(Exception):
    """The claim has run out, and somebody else may be at it: what is not sent yet must not be."""


@dataclass(eq=False)
class KeptClaim:
    """One claim on a row. `until`: to when it surely holds, counted from before it was asked for.

    The same row may be claimed again while who lost the first claim still sleeps: each has its own.
    """

    delivery: str
    until: int


class KeptClaims:
    """Renews the claims of a courier, on a thread that lives while there is something to keep.

    So a claim may be short: what a replica had in hand when it was killed or stood still waits for
    seconds, and a slow call of a living one is taken from it by nobody. One that stood still past
    its claim learns so from `must_hold`, by a clock that went on meanwhile: by then another has
    told what it was about to tell. `ticks` counts nanoseconds and never runs back.
    """

    def __init__(
        self,
        renew: Callable[[tuple[str, ...], timedelta], object],
        hold: timedelta,
        ticks: Callable[[], int] = ticks_ns,
    ) -> None:
        self._renew = renew
        self._hold = hold
        self._hold_ns = int(hold.total_seconds() * 1e9)
        self._ticks = ticks
        self._changed = threading.Condition()
        self._kept: set[KeptClaim] = set()
        self._thread: threading.Thread | None = None

    def now(self) -> int:
        """Look at the clock, just before the database is asked for claims."""
        return self._ticks()

    def begin(self, delivery: str, asked_at: int) -> KeptClaim:
        """Keep the claim on a row that was asked for at that time.

        RuntimeError where no thread can be had: then the next row tries again.
        """
        claim = KeptClaim(delivery, asked_at + self._hold_ns)
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="slack-claims", daemon=True)
                thread.start()  # it waits for our lock, and finds the claim
                self._thread = thread
            self._kept.add(claim)
        return claim

    def end(self, claim: KeptClaim) -> None:
        """Let a claim go."""
        with self._changed:
            self._kept.discard(claim)
            self._changed.notify_all()

    def must_hold(self, claim: KeptClaim) -> None:
        """Raise ClaimLostError unless the claim surely holds at this moment."""
        if self._ticks() >= claim.until:
            raise ClaimLostError(claim.delivery)

    def _run(self) -> None:
        while kept := self._after_a_while():
            asked_at = self._ticks()
            # One that has run out stays so: another's claim on the row looks just like it.
            standing = [claim for claim in kept if asked_at < claim.until]
            if standing and self._is_renewed(tuple(claim.delivery for claim in standing)):
                for claim in standing:
                    claim.until = asked_at + self._hold_ns

    def _is_renewed(self, deliveries: tuple[str, ...]) -> bool:
        try:
            self._renew(deliveries, self._hold)
        except ValetkeyError as error:
            log.warning("claims could not be renewed", extra={"code": error.code})
        except Exception:
            log.exception("claims could not be renewed")
        else:
            return True
        return False

    def _after_a_while(self) -> tuple[KeptClaim, ...]:
        """Wait for a third of the hold; gives what is kept then. With nothing, it is over."""
        with self._changed:
            third = self._hold.total_seconds() / 3
            self._changed.wait_for(lambda: not self._kept, third)
            if not self._kept:
                self._thread = None
            return tuple(self._kept)
