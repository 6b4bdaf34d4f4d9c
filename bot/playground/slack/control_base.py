"""What the parts of the control API share."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.playground.slack.double import SlackDouble


class ControlBase:
    """The double that is controlled, and what is to happen to it later."""

    def __init__(self, double: SlackDouble) -> None:
        self._double = double
        self._workspace = double.workspace
        self._timers: set[threading.Timer] = set()
        self._ending = threading.Lock()

    def _say(self, what: str, **facts: object) -> None:
        self._workspace.log.add("control", what, **facts)

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        if seconds <= 0:
            act()
            return
        timer = threading.Timer(seconds, act)
        timer.daemon = True
        self._timers = {one for one in self._timers if one.is_alive()} | {timer}
        timer.start()

    def close(self) -> None:
        """Forget what was to begin or end later."""
        for timer in self._timers:
            timer.cancel()
