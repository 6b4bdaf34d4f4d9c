"""How far long work is: one line on a terminal, and nothing where nobody looks."""

import sys
import time
from typing import Final, Self

_EVERY_SECONDS: Final = 0.5
_MEGA: Final = 1_000_000


class Progress:
    """Says how many of some bytes were read, on stderr, at most twice a second."""

    def __init__(self, total_bytes: int | None) -> None:
        self._total = total_bytes
        self._shown = sys.stderr.isatty()
        self._began = self._last = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def say(self, read_bytes: int) -> None:
        """Say how far it is, if it was not just said."""
        now = time.monotonic()
        if not self._shown or now - self._last < _EVERY_SECONDS:
            return
        self._last = now
        speed = read_bytes / (now - self._began) / _MEGA
        sys.stderr.write(f"\r\x1b[K{said(read_bytes, self._total)}, {speed:,.0f} MB/s")
        sys.stderr.flush()


def said(read_bytes: int, total_bytes: int | None) -> str:
    """Say how much of how much."""
    read = f"{read_bytes / _MEGA:,.0f}"
    if not total_bytes:
        return f"read {read} MB"
    return f"read {read} of {total_bytes / _MEGA:,.0f} MB ({read_bytes * 100 // total_bytes} %)"
