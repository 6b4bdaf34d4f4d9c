"""Replicas under load, each killed, paused and rolled; a checker reads the log of it all."""

import os
import time
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from tests.replicas.chaos import Chaos
from tests.replicas.log import of_kind
from tests.replicas.run import Outcome, Plan, play
from tests.replicas.stage import Stage
from tests.replicas.summary import table

MINUTES = float(os.environ.get("VALETKEY_TEST_REPLICA_MINUTES", "0"))
BY_HTTP = os.environ.get("VALETKEY_TEST_REPLICA_WAY_IN", "socket") == "http"
REPORT = os.environ.get("VALETKEY_TEST_REPLICA_REPORT")
pytestmark = [pytest.mark.needs_postgres, pytest.mark.timeout(7200)]


def _one_round(_stage: Stage, chaos: Chaos) -> None:
    chaos.run(rounds=1)


def _for_minutes(_stage: Stage, chaos: Chaos) -> None:
    chaos.run(until=time.monotonic() + MINUTES * 60)


def _roll_each(stage: Stage, _chaos: Chaos) -> None:
    for replica in stage.replicas:
        stage.workspace.come(lambda: False, 0.5)
        took = stage.roll(replica)
        assert took < 10


def test_three_replicas_killed_paused_and_rolled_in_turn(
    control_plane: ControlPlane, postgres_url: str, tmp_path: Path, seed: int
) -> None:
    plan = Plan(seed, _one_round, requesters=8)
    if MINUTES:
        plan = Plan(seed, _for_minutes, by_http=BY_HTTP, lease_seconds=(3, 9))
    outcome = play(tmp_path, control_plane, postgres_url, plan)
    _show(outcome)
    assert outcome.violations == []
    assert len({act for _, act in outcome.chaos.done}) == 3
    _was_something(outcome)


@pytest.mark.parametrize("by_http", [False, True], ids=["by-socket", "by-http"])
def test_a_rolling_restart_under_load_loses_no_ack_and_no_message(
    control_plane: ControlPlane, postgres_url: str, tmp_path: Path, seed: int, *, by_http: bool
) -> None:
    plan = Plan(seed, _roll_each, requesters=6, by_http=by_http)
    outcome = play(tmp_path, control_plane, postgres_url, plan)
    _show(outcome)
    assert outcome.violations == []
    lost = [e.facts for e in of_kind(outcome.entries, "acked") if not e["ok"]]
    assert lost == []
    _was_something(outcome)


def _was_something(outcome: Outcome) -> None:
    """An empty log breaks no rule either."""
    assert outcome.stories > 5
    assert sum(1 for e in of_kind(outcome.entries, "review") if e["allowed"]) > 50


def _show(outcome: Outcome) -> None:
    text = table(outcome.entries, outcome.violations)
    print(f"seed {outcome.seed}, {outcome.stories} stories, log {outcome.log_path}\n{text}")
    for violation in outcome.violations:
        print(f"{violation.rule}: {violation.about}: {violation.what}")
    if REPORT:
        _write(Path(REPORT), text)


def _write(page: Path, text: str) -> None:
    """Put the table of a long run between its marks on a page."""
    before, mark, rest = page.read_text(encoding="utf-8").partition("<!-- run -->\n")
    end = "<!-- /run -->"
    assert mark, f"{page} has no place for the table"
    after = rest.partition(end)[2]
    page.write_text(f"{before}{mark}{text}{end}{after}", encoding="utf-8")
