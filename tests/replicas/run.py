"""One run: a stage, replicas, people, those who look, and what is done to the replicas."""

import random
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
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
    seed: int = 0
    extra: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How a run goes: which replicas, and how long (rounds of chaos, or minutes)."""

    seed: int
    roles: tuple[str, ...] = ("both", "both", "both")
    rounds: int | None = 1
    minutes: float | None = None
    requesters: int = 12


def play(folder: Path, plane: ControlPlane, database_url: str, plan: Plan) -> Outcome:
    """Play a run to its end and check its log."""
    began = time.monotonic()
    stage = Stage(folder, plane, database_url, plan.seed, requesters=plan.requesters)
    with stage, ExitStack() as stack:
        stage.log.add(time.time(), "run", seed=plan.seed, quorum=QUORUM, minutes=plan.minutes)
        stage.slack.control.lift_rate_limits()
        replicas = stage.start(*plan.roles)
        record, reviews = Record(database_url, stage.log), Reviews(plane, stage.log)
        record.start()
        stack.callback(record.stop)
        reviews.start()
        stack.callback(reviews.stop)
        folk = Folk(stage, record, reviews)
        folk.start()
        chaos = Chaos(replicas, random.Random(f"{plan.seed}:chaos"), threading.Event())
        until = float("inf") if plan.minutes is None else began + plan.minutes * 60
        try:
            chaos.run(None if plan.minutes is not None else plan.rounds, until)
        finally:
            folk.rest()
        _settle(stage)
        reviews.stop()
        record.stop()
        stack.pop_all()
        write_ending(stage)
        entries = stage.log.entries()
    violations = check(entries)
    return Outcome(entries, violations, folk.stories, chaos, stage.log.path, plan.seed)


def _settle(stage: Stage) -> None:
    """Wait until all is told: nothing is due in the outbox any more."""

    def told() -> bool:
        return stage.untold() == 0

    wait_until(told, within=timedelta(seconds=90), what="everything told")
