"""Each part that the bot depends on fails, while people use it; a checker reads the log of it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from tests.outages import sessions
from tests.outages.run import Outcome, play
from tests.outages.sessions import Session
from tests.outages.summary import Report
from tests.replicas.log import of_kind
from tests.support.faulty_link import Fault
from tests.support.postgres import PostgresServer
from tests.support.stores import sqlite_url

ROUNDS = int(os.environ.get("VALETKEY_TEST_OUTAGE_ROUNDS", "0"))
REPORT = os.environ.get("VALETKEY_TEST_OUTAGE_REPORT")
SESSIONS = [*sessions.long(ROUNDS), sessions.broken()] if ROUNDS else [sessions.short()]
_COUNTED = {Fault.STALL, Fault.RESET, Fault.SLOW, Fault.GARBAGE}

pytestmark = [
    pytest.mark.needs_postgres,
    pytest.mark.usefixtures("provider_packages"),
    pytest.mark.timeout(1800),
]


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    """The table of this run, shown and written at its end."""
    made = Report()
    yield made
    print(f"\n{made.text()}")
    if REPORT:
        made.write(Path(REPORT))


@pytest.mark.security("B3")
@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
def test_whatever_fails_nothing_is_lost_and_access_ends_on_time(
    session: Session,
    control_plane: ControlPlane,
    postgres: PostgresServer,
    tmp_path: Path,
    seed: int,
    report: Report,
) -> None:
    port = postgres.port if session.on_postgres else None
    url = (
        postgres.url(postgres.fresh_database())
        if session.on_postgres
        else sqlite_url(tmp_path / "database" / "valetkey.db")
    )
    outcome = play(tmp_path, control_plane, url, session.plan(seed), port)
    if not session.finds:
        report.add(outcome.lags, len(outcome.violations))
    _show(outcome, seed)
    assert {violation.rule for violation in outcome.violations} == session.finds
    _was_something(outcome)


def _was_something(outcome: Outcome) -> None:
    """An empty log breaks no rule either."""
    assert outcome.stories > 5
    assert sum(1 for e in of_kind(outcome.seen.entries, "review") if e["allowed"]) > 50
    assert _not_met(outcome) == set()


def _not_met(outcome: Outcome) -> set[str]:
    """Name the parts whose failing nobody met. Where nobody listens that can't be counted."""
    over = [e for e in of_kind(outcome.seen.entries, "mended") if e["fault"] in _COUNTED]
    return {e["part"] for e in over} - {e["part"] for e in over if any(e["done"].values())}


def _show(outcome: Outcome, seed: int) -> None:
    print(f"seed {seed}, {outcome.stories} stories, log {outcome.log_path}")
    for violation in outcome.violations:
        print(f"{violation.rule}: {violation.about}: {violation.what}")
