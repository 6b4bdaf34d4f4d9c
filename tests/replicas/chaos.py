"""What is done to the replicas: each killed, paused past its claims, and rolled, in turn."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from tests.replicas.replica import Replica

Act = Literal["kill", "pause", "roll"]
ACTS: Final[tuple[Act, ...]] = ("kill", "pause", "roll")
PAUSE_SECONDS: Final = (7.0, 11.0)
"""Longer than a claim holds, so that another replica goes on meanwhile and this one wakes late."""


@dataclass
class Chaos:
    """Does one thing at a time to one replica; the others are whole, so somebody always serves.

    In each round every replica meets one act, in an order that follows from the dice, and not
    the act that it met in the round before: after three rounds each has met each.
    """

    replicas: list[Replica]
    roll: Callable[[Replica], float]
    dice: random.Random
    stop: threading.Event = field(default_factory=threading.Event)
    done: list[tuple[str, Act]] = field(default_factory=list)
    rolled_seconds: list[float] = field(default_factory=list)

    def run(self, rounds: int | None = None, until: float = float("inf")) -> None:
        """Go on for so many rounds, or until a time of the monotonic clock."""
        round_number = 0
        while rounds is None or round_number < rounds:
            for replica, act in self._plan(round_number):
                if self.stop.is_set() or time.monotonic() > until:
                    return
                self._meet(replica, act)
            round_number += 1

    def _plan(self, round_number: int) -> list[tuple[Replica, Act]]:
        turned = [ACTS[(i + round_number) % len(ACTS)] for i in range(len(self.replicas))]
        plan = list(zip(self.replicas, turned, strict=True))
        self.dice.shuffle(plan)
        return plan

    def _meet(self, replica: Replica, act: Act) -> None:
        self.stop.wait(self.dice.uniform(0.5, 2.0))
        if act == "kill":
            replica.kill()
            self.stop.wait(self.dice.uniform(0.0, 2.0))
            replica.start()
        elif act == "pause":
            replica.pause()
            time.sleep(self.dice.uniform(*PAUSE_SECONDS))
            replica.go_on()
        else:
            self.rolled_seconds.append(self.roll(replica))
        replica.wait_ready()
        self.done.append((replica.name, act))
