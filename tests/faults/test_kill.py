"""kill -9 at every step of activation, of looking after, and of ending."""

import os
from collections.abc import Callable

import pytest

from tests.support.fault_worker import Build
from tests.support.faults import FAULTS, Faults, play

ROUNDS = int(os.environ.get("VALETKEY_FAULT_ROUNDS", "1"))


@pytest.mark.security("G1")
@pytest.mark.timeout(3600)
def test_a_worker_killed_at_any_step_leaves_nothing_that_outlives_its_grant(
    staged: Callable[[Build], Faults], database_url: str
) -> None:
    faults = staged("shipped")
    for _round in range(ROUNDS):
        for fault in FAULTS:
            play(faults, fault)
    backend = database_url.split(":", 1)[0]
    for point in (f"{fault.step} {fault.side}" for fault in FAULTS):
        print(f"{backend} | {point} | {faults.hits[point]}")
        assert faults.hits[point] >= ROUNDS
    assert faults.violations == []
