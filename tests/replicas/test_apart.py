"""Surfaces and workers as processes apart: each half does its own work and none of the other's."""

import json
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
        _each_is_its_own_half(stage)
        for victim in (stage.replicas[0], stage.replicas[2]):
            stage.workspace.come(lambda: False, 1)
            victim.kill()
            stage.workspace.come(lambda: False, 2)
            victim.start()
            victim.wait_ready()

    roles = ("surfaces", "surfaces", "worker", "worker")
    plan = Plan(seed, kill_one_of_each, roles=roles, requesters=6)
    outcome = play(tmp_path, control_plane, postgres_url, plan)
    print(table(outcome.entries, outcome.violations))
    assert outcome.violations == []
    assert outcome.stories > 5
    assert sum(1 for e in of_kind(outcome.entries, "review") if e["allowed"]) > 50


def _each_is_its_own_half(stage: Stage) -> None:
    surfaces, worker = stage.replicas[0], stage.replicas[2]
    said = {one.name: json.loads(one.probe()[1])["checks"] for one in (surfaces, worker)}
    assert {"slack", "database"} <= set(said[surfaces.name])
    assert "worker" not in said[surfaces.name]
    assert {"worker", "database"} <= set(said[worker.name])
    assert "slack" not in said[worker.name]
    assert worker.probe("/")[0] == 404, "a worker has no pages"
    assert b'loop="due"' in worker.probe("/metrics")[1]
    assert b'loop="due"' not in surfaces.probe("/metrics")[1]
