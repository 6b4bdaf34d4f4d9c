"""A worker whose clock is set back by an hour while access lives: it ends on time all the same."""

import json
import platform
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.playground.processes import wait_until
from tests.support.clocked_worker import ClockedWorker
from tests.support.fault_worker import Build
from tests.support.faults import Faults
from tests.support.stores import opened

pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="libfaketime's wheel holds a library for Linux on x86-64 alone",
)
LEASE_SECONDS = 5
LAG_SECONDS = 3.0
"""The scheduler is woken within a second; what is left is for a busy machine."""

HOUR = timedelta(hours=1)


def _wait(check: Callable[[], bool], within_seconds: float, what: str) -> None:
    wait_until(check, within=timedelta(seconds=within_seconds), what=what)


def _wait_until_active(faults: Faults, grant: str) -> datetime:
    _wait(lambda: faults.grant(grant).state == "active", 30, "active")
    expires = faults.grant(grant).expires_at
    assert expires is not None
    return expires


def _events(faults: Faults) -> list[str]:
    with closing(opened(faults.stage.database_url)) as store, store.read() as tx:
        return [json.loads(event.canonical)["type"] for event in tx.events()]


@pytest.mark.security("G1")
def test_access_ends_on_time_though_the_clock_was_set_back(
    staged: Callable[[Build], Faults], tmp_path: Path
) -> None:
    """The scheduler slept for the hour, and the lease was an hour longer by the clock."""
    faults = staged("shipped")
    grant, _ = faults.approved(seconds=LEASE_SECONDS)
    stage = faults.stage
    with ClockedWorker(tmp_path, stage.database_url, stage.kubeconfig, "steady") as worker:
        expires = _wait_until_active(faults, grant.id)
        worker.set_clock(-HOUR)
        left = (expires - datetime.now(UTC)).total_seconds()
        _wait(lambda: not faults.labelled(), left + LAG_SECONDS, "the binding is gone")
        _wait(lambda: faults.grant(grant.id).state == "ended", LAG_SECONDS, "ended")
        assert datetime.now(UTC) >= expires
        _wait(lambda: "clock.skewed" in _events(faults), LAG_SECONDS, "the skew is told")
    assert "clock.set-back" not in _events(faults)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_goes_by_the_machines_clock_is_caught(
    staged: Callable[[Build], Faults], tmp_path: Path
) -> None:
    faults = staged("shipped")
    grant, _ = faults.approved(seconds=LEASE_SECONDS)
    stage = faults.stage
    with ClockedWorker(tmp_path, stage.database_url, stage.kubeconfig, "system") as worker:
        expires = _wait_until_active(faults, grant.id)
        worker.set_clock(-HOUR)
        left = (expires - datetime.now(UTC)).total_seconds()
        with pytest.raises(TimeoutError, match="the binding is gone"):
            _wait(lambda: not faults.labelled(), left + LAG_SECONDS, "the binding is gone")
        worker.set_clock(timedelta(0))
        _wait(lambda: faults.grant(grant.id).state == "ended", 30, "ended")


@pytest.mark.needs_postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_jump_forward_that_is_put_right_is_followed_back(
    staged: Callable[[Build], Faults], tmp_path: Path
) -> None:
    """By witnesses: the cluster, and PostgreSQL where there is one. Access had ended early."""
    faults = staged("shipped")
    grant, _ = faults.approved()
    stage = faults.stage
    with ClockedWorker(tmp_path, stage.database_url, stage.kubeconfig, "steady") as worker:
        _wait_until_active(faults, grant.id)
        worker.set_clock(2 * HOUR)
        _wait(lambda: faults.grant(grant.id).state == "ended", 30, "ended")
        worker.set_clock(timedelta(0))
        _wait(lambda: "clock.set-back" in _events(faults), 30, "followed")
    assert faults.labelled() == []
