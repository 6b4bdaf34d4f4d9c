"""Replicas under load, each killed, paused and rolled in turn; a checker reads the log."""

import os
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from tests.replicas.run import Outcome, Plan, play

MINUTES = float(os.environ.get("VALETKEY_REPLICAS_MINUTES", "0"))
pytestmark = [pytest.mark.needs_postgres]


@pytest.mark.timeout(7200)
def test_three_replicas_killed_paused_and_rolled_in_turn(
    control_plane: ControlPlane, postgres_url: str, tmp_path: Path, seed: int
) -> None:
    plan = Plan(seed, minutes=MINUTES or None)
    outcome = play(tmp_path, control_plane, postgres_url, plan)
    _show(outcome)
    assert outcome.violations == []


def _show(outcome: Outcome) -> None:
    print(f"seed {outcome.seed}, {outcome.stories} stories, log {outcome.log_path}")
    for violation in outcome.violations:
        print(f"{violation.rule}: {violation.about}: {violation.what}")
