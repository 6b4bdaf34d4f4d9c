"""A process that decides, claims with that what it makes, and dies or stands still on the way."""

from collections.abc import Callable

import pytest

from grants.access.activate import ACTIVATE
from tests.support.fault_worker import Build, Fault
from tests.support.faults import AGAIN, Faults

FIRST = tuple(step.name for step in ACTIVATE if step.name not in AGAIN)
SIDES = ("before", "after")


@pytest.mark.security("G1")
@pytest.mark.timeout(3600)
def test_a_process_that_dies_after_its_decision_leaves_nothing_undone(
    staged: Callable[[Build], Faults],
) -> None:
    """Its claim lapses; then whoever is there makes the access, and ends it."""
    faults = staged("shipped")
    for fault in (Fault(step, side) for step in FIRST for side in SIDES):  # type: ignore[arg-type]
        click, account = faults.asked()
        faults.wait_dead(faults.clicked(click, fault), fault)
        grant, name = faults.granted(click.request), f"{fault.step} {fault.side}"
        faults.check(grant, name)
        faults.settle(grant, "active")
        faults.check(grant, name)
        faults.give_back(grant, account)
        faults.settle(grant, "ended")
        faults.check(grant, name)
    assert faults.violations == []
    assert len(faults.hits) == len(SIDES) * len(FIRST)


@pytest.mark.security("G3")
@pytest.mark.needs_postgres
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_process_that_wakes_late_with_what_its_decision_gave_brings_nothing_back(
    staged: Callable[[Build], Faults],
) -> None:
    """It goes on with the grant as it was then, though that has ended meanwhile."""
    faults = staged("shipped")
    for step in FIRST:
        click, account = faults.asked()
        fault = Fault(step, "before", "stop")
        sleeper = faults.clicked(click, fault)
        faults.wait_stopped(sleeper, fault)
        grant = faults.granted(click.request)
        faults.give_back(grant, account)
        faults.settle(grant, "ended")
        faults.check(grant, f"{step}: while it sleeps")
        faults.go_on(sleeper)
        faults.check(grant, f"{step}: after it woke")
    assert faults.violations == []
    faults.sweep()
    assert faults.labelled() == []
