"""Whether Slack as a whole is there: while it is not, one question now and then, and no more."""

import threading
from datetime import datetime, timedelta
from typing import Final

from grants.clock import Clock

_FIRST_WAIT: Final = timedelta(seconds=1)
_MOST_WAIT: Final = timedelta(seconds=15)
"""So long at most nobody is told anything after Slack is back. `auth.test` may be asked hundreds
of times a minute.
"""


class Breaker:
    """Opens after some failures in a row; then a probe may run, ever more seldom.

    A probe that succeeds lets deliveries begin again, on trial: the next failure opens it at once,
    and the wait goes on growing. Only a delivery that succeeds ends that. `why` is a stable code.
    """

    def __init__(self, clock: Clock, *, failures: int = 3, most: timedelta = _MOST_WAIT) -> None:
        self._clock = clock
        self._failures = failures
        self._most = most
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._on_trial = False
        self._wait = _FIRST_WAIT
        self._opened: tuple[datetime, str] | None = None
        self._tried_at = clock.now()
        self._worked_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether nothing is to be sent."""
        return self._opened is not None

    @property
    def why(self) -> str:
        """Say why it is open, or nothing."""
        opened = self._opened
        return opened[1] if opened else ""

    @property
    def since(self) -> datetime | None:
        """Say since when it is open."""
        opened = self._opened
        return opened[0] if opened else None

    def may_probe(self) -> bool:
        """Tell whether it is time for the next question; a clock that was set back is no reason
        to wait for longer.
        """
        with self._lock:
            waited = self._clock.now() - self._tried_at
            return self.is_open and (waited >= self._wait or waited < timedelta(0))

    def worked_within(self, within: timedelta) -> bool:
        """Tell whether any delivery succeeded of late."""
        worked = self._worked_at
        return worked is not None and self._clock.now() - worked <= within

    def worked(self) -> None:
        """Hear that a delivery succeeded."""
        with self._lock:
            self._in_a_row, self._wait, self._opened = 0, _FIRST_WAIT, None
            self._on_trial = False
            self._worked_at = self._clock.now()

    def probed(self) -> None:
        """Hear that Slack answered a probe well: deliveries begin again, on trial."""
        with self._lock:
            self._opened, self._on_trial = None, True

    def failed(self, why: str, *, at_once: bool = False) -> bool:
        """Hear that a call failed as if Slack were away; tells whether that opened it.

        `at_once`: one such answer says enough (the app's token is refused).
        """
        with self._lock:
            now = self._clock.now()
            self._in_a_row += 1
            if self._opened is not None:
                # The answer of a call that was under way, or of a probe.
                self._opened = (self._opened[0], why)
                return False
            if not (at_once or self._on_trial) and self._in_a_row < self._failures:
                return False
            if self._on_trial:
                self._wait = min(self._wait * 2, self._most)
            self._opened, self._tried_at, self._on_trial = (now, why), now, False
            return True

    def probe_failed(self, why: str) -> None:
        """Hear that a probe failed: the next one comes later."""
        with self._lock:
            self._tried_at = self._clock.now()
            self._wait = min(self._wait * 2, self._most)
            if self._opened is not None:
                self._opened = (self._opened[0], why)
