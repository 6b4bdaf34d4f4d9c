"""Several parts brought to rest at once, none for longer than there is time."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

log = logging.getLogger("valetkey.serving")

Drain = Callable[[timedelta], bool]
"""Brings one part to rest within a time; False when something had to be cut off."""


def drained(drains: Sequence[Drain], within: timedelta) -> bool:
    """Call all at once and wait for them; False when one was not at rest in time, or failed."""
    clean = [False] * len(drains)

    def drain(number: int) -> None:
        try:
            clean[number] = drains[number](within)
        except Exception:
            log.exception("a part could not be brought to rest")

    # Daemons: one that never returns must not keep the process.
    threads = [
        threading.Thread(target=drain, args=(number,), name=f"drain-{number}", daemon=True)
        for number in range(len(drains))
    ]
    deadline = time.monotonic() + within.total_seconds()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return all(clean)
