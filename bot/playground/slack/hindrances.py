"""What may befall a payload on its way to the app: late, twice, out of order, too large."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import random

    from bot.playground.slack.faults import Delay, Faults
    from bot.playground.slack.records import Json

Order = Literal["first", "reversed", "shuffled"]
Forgery = Literal["signature", "unsigned", "timestamp"]
"""`signature`: of another secret; `unsigned`: none; `timestamp`: six minutes old, well signed."""


@dataclass(slots=True)
class Hindrance:
    """One that was asked for: see `Hindrances.add`."""

    kind: str
    left: int | None
    probability: float
    delay: tuple[float, float]
    copies: int
    pad_bytes: int
    forge: Forgery | None
    dice: random.Random


@dataclass(frozen=True, slots=True)
class Plan:
    """How one payload travels: wait so long, then send it so often, made larger by so much."""

    delay_seconds: float = 0.0
    copies: int = 0
    pad_bytes: int = 0
    forge: Forgery | None = None

    def padded(self, payload: Json) -> Json:
        """Return the payload with a field of that many bytes that no app asked for."""
        if not self.pad_bytes:
            return payload
        return {**payload, "playground_padding": "x" * self.pad_bytes}


class Hindrances:
    """Those in force, and the gate at which payloads can be held back."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._lock = threading.Lock()
        self._all: list[Hindrance] = []
        self._is_holding = False
        self._held: list[threading.Event] = []

    def add(
        self,
        kind: str = "*",
        *,
        times: int | None = 1,
        probability: float = 1.0,
        delay: Delay = 0.0,
        copies: int = 0,
        pad_bytes: int = 0,
        forge: Forgery | None = None,
    ) -> Hindrance:
        """Hinder the next `times` payloads of a kind (`slash_commands`, `interactive`,
        `events_api`; None: until lifted). A range of delays reorders what is sent at once.
        """
        span = delay if isinstance(delay, tuple) else (delay, delay)
        with self._lock:
            dice = self._faults.dice("hindrance")
            made = Hindrance(kind, times, probability, span, copies, pad_bytes, forge, dice)
            self._all.append(made)
        return made

    def lift(self, hindrance: Hindrance | None = None) -> None:
        """Take one away, or all."""
        with self._lock:
            self._all = [one for one in self._all if hindrance not in (None, one)]

    def plan(self, kind: str) -> Plan:
        """Return how the next payload of this kind travels."""
        with self._lock:
            for one in self._all:
                if fnmatchcase(kind, one.kind) and one.dice.random() < one.probability:
                    return self._planned(one)
        return Plan()

    def _planned(self, one: Hindrance) -> Plan:
        if one.left is not None:
            one.left -= 1
            if one.left <= 0:
                self._all.remove(one)
        return Plan(one.dice.uniform(*one.delay), one.copies, one.pad_bytes, one.forge)

    def hold(self) -> None:
        """Hold back every payload from now on, until `release`."""
        with self._lock:
            self._is_holding = True

    @property
    def held(self) -> int:
        """How many payloads are being held."""
        with self._lock:
            return len(self._held)

    def release(self, order: Order = "first", gap_seconds: float = 0.02) -> int:
        """Send what is held, in the order it came, reversed or shuffled; returns how many.

        `gap_seconds` lies between two: apps work on several at once, and order is made by time.
        """
        with self._lock:
            self._is_holding = False
            waiting, self._held = self._held, []
        if order == "reversed":
            waiting.reverse()
        if order == "shuffled":
            self._faults.dice("release").shuffle(waiting)
        pause = threading.Event()
        for event in waiting:
            event.set()
            pause.wait(gap_seconds)
        return len(waiting)

    def pass_gate(self) -> None:
        """Wait while payloads are held back."""
        with self._lock:
            if not self._is_holding:
                return
            event = threading.Event()
            self._held.append(event)
        event.wait()
