"""Events are sent again when they were not acked: at once, after a minute, after five.

https://docs.slack.dev/apis/events-api/#retries
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GAPS_SECONDS = (0.0, 60.0, 300.0)
WORKERS = 8


class Retries:
    """Runs what is due later. `compress` makes its time run that many times faster.

    `on` false: nothing is sent again.
    """

    def __init__(self) -> None:
        self.compress = 1.0
        self.on = True
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._workers: ThreadPoolExecutor | None = None

    def after(self, retry_num: int, send: Callable[[], object]) -> bool:
        """Have `send` run when retry `retry_num` (1 to 3) is due; False when there is none."""
        if not self.on or not 1 <= retry_num <= len(GAPS_SECONDS):
            return False
        due = time.monotonic() + GAPS_SECONDS[retry_num - 1] / self.compress
        with self._changed:
            if self._closed:
                return False
            heapq.heappush(self._due, (due, next(self._numbers), send))
            if self._thread is None:
                self._workers = ThreadPoolExecutor(WORKERS, "slack-retry")
                self._thread = threading.Thread(
                    target=self._run, args=(self._workers,), name="slack-retries", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()
        return True

    @property
    def waiting(self) -> int:
        """How many retries are due later."""
        with self._changed:
            return len(self._due)

    def _run(self, workers: ThreadPoolExecutor) -> None:
        while True:
            with self._changed:
                now = time.monotonic()
                if self._closed:
                    return
                if not self._due or self._due[0][0] > now:
                    self._changed.wait(self._due[0][0] - now if self._due else None)
                    continue
                send = heapq.heappop(self._due)[2]
            workers.submit(send)

    def close(self) -> None:
        """Forget what is due, and end."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        if self._workers is not None:
            self._workers.shutdown(wait=True, cancel_futures=True)
