"""An hour at twenty actions a second, then ten minutes with Slack's rate limits on.

`python -m tests.bench.soak [--minutes 60] [--limited-minutes 10] [--plot FILE] [--database ...]`.
One process serves; what it holds and how soon it answers is noted every ten seconds.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bot.playground.certs import Authority
from bot.playground.controlplane import assets
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import free_port
from bot.playground.slack import Delivery, FormError, Message
from tests.bench.pairs import machine, share
from tests.bench.plot import plot
from tests.bench.starting import rss_megabytes
from tests.replicas.folk import _block_of
from tests.replicas.stage import ALIAS, Resident, Stage
from tests.support.postgres import DURABLE, PostgresServer
from tests.support.stores import sqlite_url

A_SECOND: Final = 20.0
PEOPLE: Final = 36
TEAMS: Final = 12
SAMPLE_SECONDS: Final = 10.0
DRAIN_SECONDS: Final = 900.0
PATIENCE_SECONDS: Final = 60.0
"""How long somebody waits for a card: then it came too late for what they wanted, if it came."""


class Company(Stage):
    """A stage with a channel and an entitlement for each of its teams, as a company has them.

    Slack lets a bot say about one thing a second in a channel: twenty actions a second all told in
    one would only show that.
    """

    def _fill_workspace(self) -> None:
        super()._fill_workspace()
        everyone = [one.user for group in self.people.values() for one in group]
        self.teams = [
            self.workspace.add_channel(f"team-{number}", members=everyone)
            for number in range(TEAMS)
        ]

    def _policy(self) -> dict[str, Any]:
        policy = super()._policy()
        policy["entitlements"] = [
            {
                **self._entitlement(f"look-{number}", 1),
                "notify": {"channels": [team.id]},
                "duration": {"default": "2m", "maximum": "10m"},
            }
            for number, team in enumerate(self.teams)
        ]
        return policy


class Pace:
    """Lets one action begin every so often, whoever's it is."""

    def __init__(self, a_second: float) -> None:
        self._every = 1 / a_second
        self._lock = threading.Lock()
        self._next = time.monotonic()
        self.count = 0

    def take(self) -> None:
        """Wait for one's turn."""
        with self._lock:
            now = time.monotonic()
            self._next = max(self._next + self._every, now - 1)
            wait = self._next - now
            self.count += 1
        time.sleep(max(0.0, wait))


class Worker(threading.Thread):
    """Somebody who asks, is let, uses it a moment, and gives it back; again and again."""

    def __init__(
        self, stage: Company, who: Resident, approver: Resident, team: int, pace: Pace
    ) -> None:
        super().__init__(name=f"worker-{who.user.name}", daemon=True)
        self._stage = stage
        self._who = who
        self._approver = approver
        self._team = team
        self._pace = pace
        self.resting = threading.Event()
        self.stories = 0
        self.broken = 0

    def run(self) -> None:
        while not self.resting.is_set():
            try:
                self._story()
                self.stories += 1
            except (FormError, LookupError):
                self.broken += 1
                self.resting.wait(1)

    def _story(self) -> None:
        me = self._stage.slack.as_user(self._who.user)
        while me.views():
            me.close(me.view(), whole_stack=True)
        self._do(lambda: me.slash("/access", ""))
        queries = (ALIAS, self._stage.namespaces[0], f"look-{self._team}")
        for action, query in zip(("cluster", "namespace", "entitlement"), queries, strict=True):
            self._pace.take()
            options = me.suggest(me.view(), action, query)
            self._do(lambda: me.choose(me.view(), action, options[0]))  # noqa: B023
        reason = f"Soak {self._who.user.name} {self.stories}.{self.broken}"
        me.type(me.view(), "length", "2m")
        me.type(me.view(), "reason", reason)
        self._do(lambda: me.submit(me.view()))
        self._press(self._approver, self._stage.teams[self._team].id, "approve", reason)
        self._press(self._who, None, "give-back", "")

    def _press(self, who: Resident, place: str | None, action: str, reason: str) -> None:
        """Wait for the card with this button and reason, and press it; LookupError: none came."""
        person = self._stage.slack.as_user(who.user)
        found: Message | None = None
        until = time.monotonic() + PATIENCE_SECONDS
        while found is None and not self.resting.is_set():
            if time.monotonic() > until:
                raise LookupError(f"no card with {action} for {reason!r}")
            found = next(
                (
                    message
                    for message in reversed(person.messages(place)[-40:])
                    if reason in str(message.blocks) and _block_of(message, action, "")
                ),
                None,
            )
            self.resting.wait(0.05)
        if found is not None:
            card = found
            self._do(lambda: person.click(card, action, as_shown=True))

    def _do(self, act: Callable[[], Delivery | None]) -> None:
        self._pace.take()
        act()


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment."""

    seconds: float
    rss_mb: float
    handles: int
    threads: int
    actions: int
    p50_ms: float
    p99_ms: float
    missed: int
    waiting: int


class Sampler:
    """Notes what the process holds and how soon it answers."""

    def __init__(self, stage: Stage, pid: int, pace: Pace) -> None:
        self._stage = stage
        self._pid = pid
        self._pace = pace
        self._began = time.monotonic()
        self._seen = 0
        self.samples: list[Sample] = []

    def note(self) -> Sample:
        """Note this moment."""
        deliveries = self._stage.slack.courier.deliveries
        fresh = list(deliveries[self._seen :])
        self._seen = len(deliveries)
        ms = [one.after_ms for one in fresh if one.acked] or [0.0]
        found = Sample(
            seconds=round(time.monotonic() - self._began, 1),
            rss_mb=round(rss_megabytes(self._pid), 1),
            handles=_count(f"/proc/{self._pid}/fd"),
            threads=_count(f"/proc/{self._pid}/task"),
            actions=self._pace.count,
            p50_ms=round(share(ms, 0.5), 1),
            p99_ms=round(share(ms, 0.99), 1),
            missed=sum(not one.acked for one in fresh),
            waiting=sum(self._stage.store.deliveries.figures().waiting.values()),
        )
        self.samples.append(found)
        sys.stderr.write(f"{json.dumps(asdict(found))}\n")
        return found

    def go_on(self, minutes: float) -> None:
        """Note every ten seconds for so long."""
        until = time.monotonic() + 60 * minutes
        while time.monotonic() < until:
            time.sleep(SAMPLE_SECONDS)
            self.note()


def _count(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def stale_cards(stage: Stage) -> list[str]:
    """Name the cards whose message is not what they should show now."""
    from tests.replicas.ending import _difference  # noqa: PLC0415

    done = subprocess.run(
        [sys.executable, "-m", "tests.replicas.rendering"],
        env=stage.environment(free_port()),
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout)
    return [
        f"{row['card']} {row['about']}: {said}"
        for row in rows
        if row["message"] is not None and (said := _difference(stage, row, row["message"]))
    ]


def drained(stage: Stage, sampler: Sampler) -> bool:
    """Wait until nothing waits to be told."""
    until = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < until:
        if not sampler.note().waiting:
            return True
        time.sleep(SAMPLE_SECONDS)
    return False


def slope(samples: list[Sample], of: Callable[[Sample], float]) -> float:
    """Give how much something grew an hour, by the medians of its second and last quarter."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    hours = (late[len(late) // 2].seconds - early[len(early) // 2].seconds) / 3600
    return (statistics.median(map(of, late)) - statistics.median(map(of, early))) / hours


def soak(stage: Company, minutes: float, limited_minutes: float, plot_path: Path | None) -> str:
    """Run, and say what came of it."""
    stage.slack.control.lift_rate_limits()
    (replica,) = stage.start("both")
    pace, approvers = Pace(A_SECOND), itertools.cycle(stage.people["platform"])
    workers = [
        Worker(stage, who, next(approvers), number % TEAMS, pace)
        for number, who in enumerate(stage.people["engineers"])
    ]
    sampler = Sampler(stage, replica.running.pid, pace)
    for one in workers:
        one.start()
    sampler.go_on(minutes)
    free = list(sampler.samples)
    stage.slack.control.lift_rate_limits(lifted=False)
    sampler.go_on(limited_minutes)
    limited = sampler.samples[len(free) :]
    for one in workers:
        one.resting.set()
    stage.slack.control.lift_rate_limits()
    told = drained(stage, sampler)
    stale = stale_cards(stage)
    if plot_path is not None:
        plot(plot_path, [asdict(one) for one in sampler.samples])
    rate = (free[-1].actions - free[0].actions) / (free[-1].seconds - free[0].seconds)
    return "\n".join(
        (
            (
                f"{minutes:g} min, {rate:.1f} actions a second, "
                f"{sum(one.stories for one in workers)} requests to their end, "
                f"{sum(one.broken for one in workers)} begun anew; {machine()}"
            ),
            "",
            "| what | second quarter | last quarter | growth an hour |",
            "|---|---|---|---|",
            _row("memory, MB", free, lambda s: s.rss_mb),
            _row("open handles", free, lambda s: s.handles),
            _row("threads", free, lambda s: s.threads),
            _row("ack p50, ms", free, lambda s: s.p50_ms),
            _row("ack p99, ms", free, lambda s: s.p99_ms),
            _row("outbox, rows", free, lambda s: s.waiting),
            "",
            _told_of_limits(sampler.samples, limited, limited_minutes),
            _told_of_end(stale, told=told),
            *stale[:10],
        )
    )


def _told_of_limits(every: list[Sample], limited: list[Sample], minutes: float) -> str:
    missed = sum(sample.missed for sample in every)
    said = f"Not acked in time: {missed}."
    if not limited:
        return said
    first, last = limited[0], limited[-1]
    return (
        f"{said} With rate limits on for {minutes:g} min: outbox {first.waiting} -> "
        f"{last.waiting} rows, memory {first.rss_mb} -> {last.rss_mb} MB."
    )


def _told_of_end(stale: list[str], *, told: bool) -> str:
    everything = "all was told" if told else "NOT all was told"
    return f"Afterwards {everything}; {len(stale)} cards show an older state."


def _row(name: str, samples: list[Sample], of: Callable[[Sample], float]) -> str:
    quarter = max(1, len(samples) // 4)
    early = statistics.median(map(of, samples[quarter : 2 * quarter]))
    late = statistics.median(map(of, samples[-quarter:]))
    return f"| {name} | {early:.1f} | {late:.1f} | {slope(samples, of):+.1f} |"


def main() -> None:
    """Parse the words after the command, run, print."""
    parser = argparse.ArgumentParser(prog="tests.bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--limited-minutes", type=float, default=10)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    wanted = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        found = assets.find(assets.AssetSources.from_environment(), progress=sys.stderr.write)
        plane = stack.enter_context(
            ControlPlane(folder / "plane", found, Authority.in_folder(folder / "ca"))
        )
        (folder / "stage").mkdir()
        if wanted.database == "sqlite":
            url = sqlite_url(folder / "stage" / "database" / "valetkey.db")
        else:
            server = stack.enter_context(PostgresServer(settings=DURABLE))
            url = server.url(server.fresh_database())
        stage = stack.enter_context(
            Company(folder / "stage", plane, url, seed=1, requesters=PEOPLE, approvers=6)
        )
        text = soak(stage, wanted.minutes, wanted.limited_minutes, wanted.plot)
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
