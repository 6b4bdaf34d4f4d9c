"""Which of the listed API servers are asked: one that does not answer is not asked by everybody.

A proof asks each of them. Were one dead, each of a thousand endings would wait for its time-outs,
and with them the deletes of all that come after. So after a call that got no answer the next of its
kind are told at once that there is none, and one now and then tries. Of its kind: a server that is
cut off from etcd reads nothing and goes on to answer reviews.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from grants.errors import ClusterUnavailable

FIRST: Final = timedelta(milliseconds=500)
MOST: Final = timedelta(seconds=8)


@dataclass(frozen=True)
class _Gate:
    """How often in a row there was no answer, until when it is shut, and whether one tries now."""

    failures: int = 0
    until: float = 0.0
    tried: bool = False


class Gates:
    """The gates of one cluster's listed servers; `ticks` is a monotonic clock in seconds."""

    def __init__(self, alias: str, ticks: Callable[[], float] = time.monotonic) -> None:
        self._alias = alias
        self._ticks = ticks
        self._lock = threading.Lock()
        self._gates: dict[tuple[str, str], _Gate] = {}

    @contextmanager
    def passing(self, server: str, action: str) -> Iterator[None]:
        """Let a call through and hear how it went; ClusterUnavailable at once when it is shut."""
        what = (server, action)
        if not self._enter(what):
            raise ClusterUnavailable(self._alias, action, "it did not answer a moment ago")
        try:
            yield
        except ClusterUnavailable as error:
            # Only of this very call: credentials that can't be loaded are not the server's fault.
            self._left(what, answered=error.action != action)
            raise
        except BaseException:
            self._left(what, answered=True)
            raise
        self._left(what, answered=True)

    def _enter(self, what: tuple[str, str]) -> bool:
        with self._lock:
            gate = self._gates.get(what)
            if gate is None:
                return True
            if gate.tried or self._ticks() < gate.until:
                return False
            self._gates[what] = replace(gate, tried=True)
            return True

    def _left(self, what: tuple[str, str], *, answered: bool) -> None:
        with self._lock:
            if answered:
                if what in self._gates:
                    # It is back: what else it did not answer is not held against it any more.
                    self._gates = {k: g for k, g in self._gates.items() if k[0] != what[0]}
                return
            gate = self._gates.get(what, _Gate())
            now = self._ticks()
            if now < gate.until:
                return  # it was out when another failed: that is one failure, not two
            wait = min(FIRST * 2 ** min(gate.failures, 16), MOST)
            self._gates[what] = _Gate(gate.failures + 1, now + wait.total_seconds())
