"""Claims that are kept while work on them goes on, and lapse soon after their worker died."""

import threading
from collections.abc import Callable
from datetime import timedelta

from bot.logs import get_logger
from grants.errors import ValetkeyError

log = get_logger("slack.keeping")


class KeptClaims:
    """Renews the claims of a courier, on a thread that lives while there is something to keep.

    So a claim may be short: what a replica had in hand when it was killed or stood still waits for
    seconds, and a slow call of a living one is taken from it by nobody.
    """

    def __init__(
        self, renew: Callable[[tuple[str, ...], timedelta], object], hold: timedelta
    ) -> None:
        self._renew = renew
        self._hold = hold
        self._changed = threading.Condition()
        self._kept: set[str] = set()
        self._thread: threading.Thread | None = None

    def begin(self, delivery: str) -> None:
        """Keep the claim on a row from now on."""
        with self._changed:
            self._kept.add(delivery)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="slack-claims", daemon=True)
                thread.start()  # raises where no thread can be had: then the next row tries again
                self._thread = thread

    def end(self, delivery: str) -> None:
        """Let the claim on a row go."""
        with self._changed:
            self._kept.discard(delivery)
            self._changed.notify_all()

    def _run(self) -> None:
        while kept := self._after_a_while():
            try:
                self._renew(kept, self._hold)
            except ValetkeyError as error:
                log.warning("claims could not be renewed", extra={"code": error.code})
            except Exception:
                log.exception("claims could not be renewed")

    def _after_a_while(self) -> tuple[str, ...]:
        """Wait for a third of the hold; gives what is to be kept then. With nothing, it is over."""
        with self._changed:
            third = self._hold.total_seconds() / 3
            self._changed.wait_for(lambda: not self._kept, third)
            if not self._kept:
                self._thread = None
            return tuple(self._kept)
