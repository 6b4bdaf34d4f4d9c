"""Surfaces and workers as processes apart: each half does its own work and none of the other's."""

from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from tests.replicas.chaos import Chaos
from tests.replicas.log import of_kind
from tests.replicas.run import Plan, play
from tests.replicas.stage import Stage
from tests.replicas.summary import table

pytestmark = [pytest.mark.needs_postgres, pytest.mark.timeout(600)]


def test_two_surfaces_and_two_workers_live_through_the_death_of_one_of_each(
    control_plane: ControlPlane, postgres_url: str, tmp_path: Path, seed: int
) -> None:
    def kill_one_of_each(stage: Stage, _chaos: Chaos) -> None:
        for victim in (stage.replicas[0], stage.replicas[2]):
            stage.workspace.come(lambda: False, 2)
            victim.kill()
            stage.workspace.come(lambda: False, 4)
            victim.start()
            victim.wait_ready()

    roles = ("surfaces", "surfaces", "worker", "worker")
    plan = Plan(seed, kill_one_of_each, roles=roles, requesters=8)
    outcome = play(tmp_path, control_plane, postgres_url, plan)
    print(table(outcome.entries, outcome.violations))
    assert outcome.violations == []
    assert outcome.stories > 5
    assert sum(1 for e in of_kind(outcome.entries, "review") if e["allowed"]) > 50
