"""The queue before SQLite's one writer: whoever a person waits for goes first, for a while."""

import threading
import time
from typing import Final

IN_A_ROW: Final = 3
"""How often somebody may go first while others wait: clicks must not keep access from ending."""


class Gate:
    """Lets one in at a time. Without it SQLite's own waiting starves threads for seconds.

    Among equals whoever comes when it is open goes in: handing over to a thread that still has to
    wake would leave the database idle meanwhile.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._first = threading.Condition(self._lock)
        self._others = threading.Condition(self._lock)
        self._held = False
        self._first_waiting = 0
        self._others_waiting = 0
        self._in_a_row = 0

    def acquire(self, *, first: bool, within_seconds: float) -> bool:
        """Go in; False when there was no turn within that time."""
        deadline = time.monotonic() + within_seconds
        with self._lock:
            return self._go_first(deadline) if first else self._go(deadline)

    def release(self) -> None:
        """Go out."""
        with self._lock:
            self._held = False
            if self._is_turn_of_first():
                self._first.notify()
            elif self._others_waiting:
                self._others.notify()

    def _is_turn_of_first(self) -> bool:
        return self._first_waiting > 0 and not (self._others_waiting and self._in_a_row >= IN_A_ROW)

    def _go_first(self, deadline: float) -> bool:
        self._first_waiting += 1
        try:
            # One who comes while others have waited long enough lets them go.
            came = self._first.wait_for(
                lambda: not self._held and self._is_turn_of_first(),
                deadline - time.monotonic(),
            )
        finally:
            self._first_waiting -= 1
        if not came:
            self._pass_on()
            return False
        self._held = True
        self._in_a_row = self._in_a_row + 1 if self._others_waiting else 0
        return True

    def _go(self, deadline: float) -> bool:
        self._others_waiting += 1
        try:
            came = self._others.wait_for(
                lambda: not self._held and not self._is_turn_of_first(),
                deadline - time.monotonic(),
            )
        finally:
            self._others_waiting -= 1
        if not came:
            self._pass_on()
            return False
        self._held, self._in_a_row = True, 0
        return True

    def _pass_on(self) -> None:
        """Wake the next one: whoever gave up may have been the one that was woken."""
        if self._held:
            return
        if self._is_turn_of_first():
            self._first.notify()
        elif self._others_waiting:
            self._others.notify()
