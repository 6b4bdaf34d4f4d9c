"""One run: people live their stories while one part after another fails and comes back."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path

from sqlalchemy import func, select

from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import wait_until
from grants.store import tables as t
from tests.outages.backlog import Backlog
from tests.outages.newcomers import Newcomers
from tests.outages.stage import OutageStage, Part
from tests.outages.verdict import Lags, check, lags_of
from tests.replicas.checker import Seen, Violation
from tests.replicas.ending import write_ending
from tests.replicas.eyes import Record, Reviews
from tests.replicas.folk import Folk
from tests.replicas.stage import QUORUM
from tests.support.faulty_link import Fault, FaultyLink

_LIVELY_WITHIN = timedelta(seconds=60)
_SETTLED_WITHIN = timedelta(seconds=150)


@dataclass(frozen=True)
class Round:
    """A part that fails in one way for so many seconds.

    `at_once`: it begins as soon as the one before is over, whatever still waits then.
    """

    part: Part
    fault: Fault
    seconds: float
    at_once: bool = False


@dataclass(frozen=True)
class Plan:
    """How a run goes. `patience_seconds`: how long people try what does not work; `lively`: how
    many must have access when a fault begins.
    """

    seed: int
    rounds: tuple[Round, ...]
    replicas: int = 1
    requesters: int = 6
    newcomers: int = 0
    lively: int = 2
    patience_seconds: float = 60.0
    lease_seconds: tuple[int, int] = (2, 6)
    settings: dict[str, str] = field(default_factory=dict)
    program: str = "bot"


@dataclass
class Outcome:
    """What came of a run."""

    seen: Seen
    violations: list[Violation]
    lags: list[Lags]
    stories: int
    log_path: Path


def play(
    folder: Path, plane: ControlPlane, database_url: str, plan: Plan, postgres_port: int | None
) -> Outcome:
    """Play a run to its end and check its log."""
    stage = OutageStage(
        folder,
        plane,
        database_url,
        plan.seed,
        requesters=plan.requesters,
        lease_seconds=plan.lease_seconds,
        patience_seconds=plan.patience_seconds,
        settings=plan.settings,
        postgres_port=postgres_port,
        newcomers=plan.newcomers,
        program=plan.program,
    )
    with stage:
        stage.log.add(time.time(), "run", seed=plan.seed, quorum=QUORUM)
        stage.slack.control.lift_rate_limits()
        stage.start(*["both"] * plan.replicas)
        with _peopled(stage, database_url, plane) as folk:
            for one, after in zip_longest(plan.rounds, plan.rounds[1:]):
                _play_round(stage, plan, one, is_hurried=after is not None and after.at_once)
        wait_until(lambda: stage.untold() == 0, within=_SETTLED_WITHIN, what="everything told")
        write_ending(stage)
        seen = Seen(stage.log.entries())
    return Outcome(seen, check(seen), lags_of(seen), folk.stories, stage.log.path)


@contextmanager
def _peopled(stage: OutageStage, database_url: str, plane: ControlPlane) -> Iterator[Folk]:
    """Have people live, and be looked at; at the end every story is told to its end."""
    record, reviews = Record(database_url, stage.log), Reviews(plane, stage.log)
    with ExitStack() as stack:
        for looker in (record, reviews):
            looker.start()
            stack.callback(looker.stop)
        folk, newcomers = Folk(stage, record, reviews), Newcomers(stage, record, reviews)
        folk.start()
        newcomers.start()
        try:
            yield folk
        finally:
            folk.rest()
            newcomers.rest()


def _play_round(stage: OutageStage, plan: Plan, one: Round, *, is_hurried: bool) -> None:
    """Have a part fail while people use the product, and wait until all is well again."""
    if not one.at_once:
        wait_until(
            lambda: _active(stage) >= plan.lively, within=_LIVELY_WITHIN, what="people with access"
        )
    links = stage.links[one.part]
    before = _done(links)
    stage.log.add(time.time(), "fault", part=one.part, fault=one.fault)
    try:
        for link in links:
            link.begin(one.fault)
        stage.workspace.come(lambda: False, one.seconds)
    finally:
        for link in links:
            link.end()
    done = _done(links) - before
    stage.log.add(time.time(), "mended", part=one.part, fault=one.fault, done=done)
    last = [] if is_hurried else _wait_done(Backlog.of(stage.database), stage)
    stage.log.add(time.time(), "settled", part=one.part, fault=one.fault, last=last)


def _done(links: tuple[FaultyLink, ...]) -> Counter[str]:
    """Tell what the links have done so far, by words."""
    return sum((link.done for link in links), Counter())


def _wait_done(backlog: Backlog, stage: OutageStage) -> list[str]:
    """Wait until what had waited is done; names what was done last."""
    left: list[str] = []

    def is_done() -> bool:
        found = backlog.left(stage.database)
        left[:] = found or left
        return not found

    try:
        wait_until(is_done, within=_SETTLED_WITHIN, what="what had waited")
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {', '.join(left)}") from None
    return left


def _active(stage: OutageStage) -> int:
    """Tell how many have access that can end."""
    grants = t.grants.c
    query = select(func.count()).select_from(t.grants).where(grants.state == "active")
    with stage.database.reading() as connection:
        return int(connection.execute(query).scalar_one())
