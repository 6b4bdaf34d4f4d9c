"""Errors, delays and outages on demand: what is met is decided here, and drawn from a seed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot.playground.slack.records import Json

Trouble = Literal["stall", "reset", "cut", "truncated", "html", "empty"]
"""What breaks instead of an answer:

- `stall`: nothing comes, until the fault is lifted, the outage ends or the app hangs up;
- `reset`: the connection is reset (RST);
- `cut`: the connection ends in the middle of the answer's body;
- `truncated`: a whole answer of HTTP, whose JSON stops in the middle;
- `html`: status 200 and a page of HTML; `empty`: status 200 and no body.
"""
OutageKind = Literal[
    "refuse", "stall", "reset", "cut", "truncated", "html", "empty", "500", "502", "503", "504"
]
"""`refuse`: nothing listens, and what was open is reset. A number is answered as that status."""
Area = Literal["api", "sockets"]
"""`api`: the Web API, response URLs and Sign in with Slack; `sockets`: Socket Mode."""
Delay = float | tuple[float, float]
"""Seconds, or a range to draw from."""


@dataclass(frozen=True, slots=True)
class Instead:
    """What the app gets instead of the true answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    trouble: Trouble | None = None


@dataclass(slots=True)
class Fault:
    """One fault that was asked for. `left` None: until it is lifted. `hits`: how often it was met.

    `takes_effect`: the call is carried out first, and only its answer is lost.
    """

    id: int
    method: str
    where: Mapping[str, str]
    instead: Instead | None
    left: int | None
    probability: float
    delay: tuple[float, float]
    takes_effect: bool
    dice: random.Random
    hits: int = 0
    lifted: bool = False


@dataclass(frozen=True, slots=True)
class Met:
    """What one call meets: wait, then the true answer or something instead of it."""

    delay_seconds: float
    instead: Instead | None
    takes_effect: bool
    over: Callable[[], bool]
    fault: str


@dataclass(eq=False, slots=True)
class Outage:
    """A time in which nothing answers well. In seconds of the monotonic clock; no end: until
    it is ended by hand.
    """

    kind: OutageKind
    begins: float
    ends: float | None
    areas: frozenset[Area]

    def is_on(self, now: float) -> bool:
        """Whether it lasts at `now`."""
        return self.begins <= now and (self.ends is None or now < self.ends)


class Faults:
    """All faults in force. Each draws from its own dice, so one does not disturb another's."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.outages: list[Outage] = []
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._count = 0
        self._drawn: Counter[str] = Counter()

    def dice(self, purpose: str) -> random.Random:
        """Return the next dice for this purpose: they follow from the seed, which is said once."""
        if not self._drawn:
            print(f"the Slack double draws its faults from seed {self.seed!r}")
        self._drawn[purpose] += 1
        seed = f"{self.seed}:{purpose}:{self._drawn[purpose]}"
        return random.Random(seed)  # noqa: S311 - for faults, not for secrets

    def reseed(self, seed: str) -> None:
        """Draw from another seed from now on: the one that an earlier run printed."""
        self.seed = seed
        self._drawn.clear()

    def add(
        self,
        method: str,
        instead: Instead | None,
        *,
        where: Mapping[str, str] | None = None,
        times: int | None = 1,
        probability: float = 1.0,
        delay: Delay = 0.0,
        takes_effect: bool = False,
    ) -> Fault:
        """Have calls meet a fault. The earlier of two that match is met first."""
        span = delay if isinstance(delay, tuple) else (delay, delay)
        drawn = probability < 1 or span[0] != span[1]
        with self._lock:
            self._count += 1
            dice = self.dice("fault") if drawn else random.Random(0)  # noqa: S311
            fault = Fault(
                self._count,
                method,
                dict(where or {}),
                instead,
                times,
                probability,
                span,
                takes_effect,
                dice,
            )
            self._faults.append(fault)
        return fault

    def lift(self, fault: Fault | None = None) -> None:
        """Take a fault away, or all of them."""
        with self._lock:
            for one in list(self._faults):
                if fault is None or one is fault:
                    one.lifted = True
                    self._faults.remove(one)

    def active(self) -> list[Fault]:
        """Return the faults in force, oldest first."""
        with self._lock:
            return list(self._faults)

    def decide(self, method: str, args: Mapping[str, Any], area: Area = "api") -> Met | None:
        """Return what this call meets, None if nothing. An outage goes before every fault."""
        outage = self.outage(area)
        if outage is not None:
            over = lambda: not outage.is_on(time.monotonic())  # noqa: E731 - one line, used once
            return Met(0.0, outage_answer(outage.kind), False, over, f"outage {outage.kind}")
        with self._lock:
            for fault in self._faults:
                if _matches(fault, method, args) and _drawn(fault):
                    return self._met(fault)
        return None

    def _met(self, fault: Fault) -> Met:
        fault.hits += 1
        if fault.left is not None:
            fault.left -= 1
            if fault.left <= 0:
                self._faults.remove(fault)
        low, high = fault.delay
        seconds = low if low == high else fault.dice.uniform(low, high)
        return Met(
            seconds, fault.instead, fault.takes_effect, lambda: fault.lifted, f"fault {fault.id}"
        )

    def outage(self, area: Area) -> Outage | None:
        """Return the outage of now, None if there is none."""
        now = time.monotonic()
        for outage in self.outages:
            if area in outage.areas and outage.is_on(now):
                return outage
        return None


def _matches(fault: Fault, method: str, args: Mapping[str, Any]) -> bool:
    return fnmatchcase(method, fault.method) and all(
        name in args and fnmatchcase(str(args[name]), wanted)
        for name, wanted in fault.where.items()
    )


def _drawn(fault: Fault) -> bool:
    return fault.probability >= 1 or fault.dice.random() < fault.probability


def outage_answer(kind: OutageKind) -> Instead:
    """Return what a call gets during an outage of this kind."""
    if kind.isdecimal():
        return Instead(int(kind))
    if kind == "refuse":
        return Instead(trouble="reset")
    if kind in get_args(Trouble):
        return Instead(trouble=kind)  # type: ignore[arg-type]  # just looked up
    raise ValueError(f"no such outage: {kind}")
