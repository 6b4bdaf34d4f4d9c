"""Threads for what comes in, and how much may wait for them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bot.logs import get_logger

log = get_logger("slack.intake")


class Intake:
    """Works on what it takes, `workers` at once; at most `most_waiting` more may wait.

    What is taken is told how long it has waited, in seconds, and decides what it is still worth.
    """

    def __init__(self, name: str, workers: int, most_waiting: int) -> None:
        self._threads = ThreadPoolExecutor(workers, name)
        self._most = workers + most_waiting
        self._changed = threading.Condition()
        self._taken = 0
        self._closed = False

    @property
    def taken(self) -> int:
        """How many are worked on or wait."""
        return self._taken

    def take(self, act: Callable[[float], None]) -> bool:
        """Have it done; False when there is no room, or nothing is taken any more. Never waits."""
        with self._changed:
            if self._closed or self._taken >= self._most:
                return False
            self._taken += 1
        came = time.monotonic()
        try:
            self._threads.submit(self._run, act, came)
        except RuntimeError:  # shut down, or no thread can be had
            self._done()
            return False
        return True

    def _run(self, act: Callable[[float], None], came: float) -> None:
        try:
            act(time.monotonic() - came)
        except Exception:
            log.exception("what came in was not worked on to its end")
        finally:
            self._done()

    def _done(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Take no more."""
        with self._changed:
            self._closed = True

    def drained(self, within_seconds: float) -> bool:
        """Wait until all that was taken is done; False when time ran out."""
        with self._changed:
            return self._changed.wait_for(lambda: self._taken == 0, max(0.0, within_seconds))

    def stop(self) -> None:
        """Let the threads go; whatever hangs in one of them is not waited for."""
        self.close()
        self._threads.shutdown(wait=self._taken == 0, cancel_futures=True)
