"""SIGSTOP: a worker stands still, another ends the grant, and then the first one wakes."""

import os
from collections.abc import Callable

import pytest

from grants.access.activate import ACTIVATE
from grants.access.ending import END
from tests.support.fault_worker import Build, Fault
from tests.support.faults import UID_UNKNOWN, Faults

ROUNDS = int(os.environ.get("VALETKEY_FAULT_ROUNDS", "1"))
STEPS = tuple(step.name for step in ACTIVATE if step.name != "activate.judge-role")
# What a crash between create and commit leaves is another scene: see test_kill.
END_STEPS = tuple(step.name for step in END if step.name not in UID_UNKNOWN)
HELD = frozenset({"end.store-held", "end.empty", "end.drop-finalizers"})
pytestmark = pytest.mark.needs_postgres


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """PostgreSQL alone: on SQLite one process serves, so there is no other worker."""
    return postgres_url


def _stop_and_wake(faults: Faults, step: str) -> None:
    """Stop one worker at `step`, end the grant by another, wake the first; checked at once.

    Checked before any sweep: what a late worker did must be harmless by itself.
    """
    grant, account = faults.approved()
    faults.make_way_to(step, grant)
    sleeper = faults.stop_at(grant, "active", "ended", fault=Fault(step, "before"))
    faults.give_back(grant, account)
    faults.settle(grant, "ended")
    faults.check(grant, f"{step}: while it sleeps")
    faults.go_on(sleeper)
    faults.check(grant, f"{step}: after it woke")


@pytest.mark.security("G3")
@pytest.mark.timeout(3600)
def test_a_worker_that_wakes_late_brings_nothing_back(staged: Callable[[Build], Faults]) -> None:
    faults = staged("shipped")
    for _round in range(ROUNDS):
        for step in STEPS:
            _stop_and_wake(faults, step)
    for point, hits in sorted(faults.hits.items()):
        print(f"postgresql | {point} | {hits}")
        assert hits >= ROUNDS
    assert faults.violations == []
    faults.sweep()
    assert faults.labelled() == []


@pytest.mark.security("G3")
@pytest.mark.timeout(3600)
def test_a_worker_that_sleeps_while_ending_undoes_nothing_when_it_wakes(
    staged: Callable[[Build], Faults],
) -> None:
    faults = staged("shipped")
    for _round in range(ROUNDS):
        for step in END_STEPS:
            grant, account = faults.approved()
            faults.settle(grant, "active")
            if step in HELD:
                faults.hold(grant)
            faults.give_back(grant, account)
            sleeper = faults.stop_at(grant, "ended", fault=Fault(step, "before"))
            faults.settle(grant, "ended")
            faults.check(grant, f"{step}: while it sleeps")
            faults.go_on(sleeper)
            faults.check(grant, f"{step}: after it woke")
    for point, hits in sorted(faults.hits.items()):
        print(f"postgresql | {point} | {hits}")
        assert hits >= ROUNDS
    assert faults.violations == []
    assert faults.labelled() == []


@pytest.mark.security("G3")
@pytest.mark.parametrize(
    ("build", "step"), [("no-fence", "activate.begin"), ("no-uid", "activate.fill")]
)
def test_a_build_without_the_fence_is_caught(
    staged: Callable[[Build], Faults], build: Build, step: str
) -> None:
    faults = staged(build)
    _stop_and_wake(faults, step)
    assert any("ended while access counts" in found.what for found in faults.violations)


@pytest.mark.security("G2")
def test_a_build_that_says_ended_after_delete_is_caught(staged: Callable[[Build], Faults]) -> None:
    faults = staged("ended-after-delete")
    grant, account = faults.approved()
    faults.settle(grant, "active")
    faults.hold(grant)
    faults.give_back(grant, account)
    faults.settle(grant, "ended")
    faults.check(grant, "held by a finalizer")
    assert any("ended while access counts" in found.what for found in faults.violations)


@pytest.mark.security("G2")
def test_the_shipped_build_passes_where_the_broken_ones_are_caught(
    staged: Callable[[Build], Faults],
) -> None:
    faults = staged("shipped")
    grant, account = faults.approved()
    faults.settle(grant, "active")
    faults.hold(grant)
    faults.give_back(grant, account)
    faults.settle(grant, "ended")
    faults.check(grant, "held by a finalizer")
    assert faults.violations == []
