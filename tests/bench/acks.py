"""How soon Slack is answered: idle, and at fifty a second while a thousand revocations run."""

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bot.playground.slack import Delivery, FormError, Message
from tests.bench.pairs import Figure, share
from tests.replicas.stage import Resident, Stage

BUSY_MS: Final = 300.0
IDLE_MS: Final = 30.0
KINDS: Final = {
    "block_actions": "decisions",
    "block_suggestion": "typeahead",
    "command": "modals",
}


class Load:
    """Actions at a steady rate: half decisions, a quarter typeahead, a quarter modals.

    It is open: who is not answered soon does not hold up the next. `cards` are pending requests,
    each denied once. `typing` and `opening` are people who do nothing else meanwhile.
    """

    def __init__(
        self,
        stage: Stage,
        cards: Sequence[Message],
        typing: Sequence[Resident],
        opening: Sequence[Resident],
    ) -> None:
        self._stage = stage
        self._cards = iter(cards)
        self._typing = itertools.cycle(typing)
        self._opening = itertools.cycle(opening)
        self._deciding = itertools.cycle(stage.people["platform"])
        for who in typing:
            stage.slack.as_user(who.user).slash("/access", "")

    def run(self, a_second: float, go_on: Callable[[float], bool]) -> list[Delivery]:
        """Act until `go_on(seconds since it began)` says no; gives what became of each payload."""
        kinds = itertools.cycle((self._decide, self._type, self._decide, self._open))
        since = len(self._stage.slack.courier.deliveries)
        with ThreadPoolExecutor(64, "load") as crowd:
            began = time.monotonic()
            for number in itertools.count():
                if not go_on(time.monotonic() - began):
                    break
                time.sleep(max(0.0, began + number / a_second - time.monotonic()))
                crowd.submit(next(kinds))
        return list(self._stage.slack.courier.deliveries[since:])

    def _decide(self) -> None:
        card, who = next(self._cards), next(self._deciding)
        self._stage.slack.as_user(who.user).click(card, "deny", as_shown=True)

    def _type(self) -> None:
        person = self._stage.slack.as_user(next(self._typing).user)
        with suppress(FormError):  # no answer in time is counted by the double
            person.suggest(person.view(), "namespace", "rep")

    def _open(self) -> None:
        self._stage.slack.as_user(next(self._opening).user).slash("/access", "")


@dataclass(frozen=True)
class Acked:
    """What a run of the load gave."""

    ms: tuple[float, ...]
    by_kind: dict[str, tuple[float, ...]]
    missed: int

    @staticmethod
    def of(deliveries: Sequence[Delivery]) -> "Acked":
        """Count deliveries: those answered within three seconds, and those that were not."""
        by_kind: dict[str, list[float]] = {name: [] for name in KINDS.values()}
        missed = 0
        for one in deliveries:
            kind = KINDS.get(str(one.payload.get("type") or "command"))
            if kind is None:
                continue
            if one.acked:
                by_kind[kind].append(one.after_ms)
            else:
                missed += 1
        every = tuple(sorted(ms for values in by_kind.values() for ms in values))
        return Acked(every, {name: tuple(values) for name, values in by_kind.items()}, missed)

    def figure(self, name: str, most_ms: float) -> Figure:
        """Give the row of the table."""
        p99 = share(self.ms, 0.99)
        kinds = ", ".join(
            f"{name} {share(values, 0.99):.0f}" for name, values in self.by_kind.items() if values
        )
        said = f"p50 {share(self.ms, 0.5):.1f}, p99 {p99:.0f}, most {self.ms[-1]:.0f} ms"
        counted = f"{len(self.ms)} acks, {self.missed} missed"
        holds = p99 < most_ms and not self.missed
        return Figure(
            name, said, f"p99 by kind: {kinds}", counted, f"p99 under {most_ms:g} ms", holds
        )
