"""One run: a stage, replicas, people, those who look, and what is done to the replicas."""

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import wait_until
from tests.replicas.chaos import Chaos
from tests.replicas.checker import Violation, check
from tests.replicas.ending import write_ending
from tests.replicas.eyes import Record, Reviews
from tests.replicas.folk import Folk
from tests.replicas.log import Entry
from tests.replicas.stage import QUORUM, Stage


@dataclass
class Outcome:
    """What came of a run: its log, what broke, and how often what was done."""

    entries: list[Entry]
    violations: list[Violation]
    stories: int
    chaos: Chaos
    log_path: Path
    seed: int


@dataclass(frozen=True)
class Plan:
    """How a run goes: which replicas, and what is done to them."""

    seed: int
    do: Callable[[Stage, Chaos], None]
    roles: tuple[str, ...] = ("both", "both", "both")
    requesters: int = 12
    by_http: bool = False
    lease_seconds: tuple[int, int] = (2, 4)


def play(folder: Path, plane: ControlPlane, database_url: str, plan: Plan) -> Outcome:
    """Play a run to its end and check its log."""
    stage = Stage(
        folder,
        plane,
        database_url,
        plan.seed,
        requesters=plan.requesters,
        by_http=plan.by_http,
        lease_seconds=plan.lease_seconds,
    )
    with stage, ExitStack() as stack:
        stage.log.add(time.time(), "run", seed=plan.seed, quorum=QUORUM)
        stage.slack.control.lift_rate_limits()
        replicas = stage.start(*plan.roles)
        record, reviews = Record(database_url, stage.log), Reviews(plane, stage.log)
        for looker in (record, reviews):
            looker.start()
            stack.callback(looker.stop)
        folk = Folk(stage, record, reviews)
        folk.start()
        chaos = Chaos(replicas, stage.roll, random.Random(f"{plan.seed}:chaos"))
        try:
            plan.do(stage, chaos)
        finally:
            folk.rest()
        _settle(stage)
        stack.close()
        write_ending(stage)
        entries = stage.log.entries()
    return Outcome(entries, check(entries), folk.stories, chaos, stage.log.path, plan.seed)


def _settle(stage: Stage) -> None:
    """Wait until all is told: nothing is due in the outbox any more."""

    def told() -> bool:
        return stage.untold() == 0

    wait_until(told, within=timedelta(seconds=180), what="everything told")
