"""One worker as a process of its own, that dies or stands still at a named step.

It is forked by a server that imported everything once, so a round costs no imports. The death is
SIGKILL by itself: no handler, no `finally`, no flush.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from grants.access.decide import Decide, decide
from grants.access.fresh import Ending, read_ends
from grants.access.ports import AccessTimes, Hold
from grants.access.reconcile import reconcile_grant
from grants.clock import SystemClock
from grants.clusters.cluster import KubernetesCluster
from grants.clusters.config import ClusterConfig
from grants.clusters.pool import ClusterPool
from grants.errors import ValetkeyError
from grants.policy.model import Policy
from grants.store.engine import open_database
from grants.store.store import Store
from tests.support.world import HerePolicy

Build = Literal["shipped", "no-fence", "no-uid", "ended-after-delete"]
HOLD = timedelta(milliseconds=400)
TIMES = AccessTimes(
    claim_hold=HOLD,
    retry_first=timedelta(milliseconds=50),
    retry_most=timedelta(milliseconds=500),
    drift_interval=timedelta(seconds=2),
)


@dataclass(frozen=True)
class Fault:
    """Where a worker dies (`kill`) or stands still (`stop`): before or after a step."""

    step: str
    side: Literal["before", "after"]
    act: Literal["kill", "stop"] = "kill"


@dataclass(frozen=True)
class Stage:
    """What a worker needs to be built: the database, the bot's kubeconfig, the policy."""

    database_url: str
    kubeconfig: Path
    policy: Policy
    build: Build = "shipped"
    endpoints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """What a worker does: reconcile until the grant stands in one of these states."""

    stage: Stage
    grant: str
    until: tuple[str, ...]
    fault: Fault | None = None
    within_seconds: float = 15


@dataclass(frozen=True)
class Click:
    """A process that decides, and walks at once what it made, as the one that serves does."""

    stage: Stage
    command: Decide
    fault: Fault


class Failpoint:
    """Ends or stops this process at one step."""

    def __init__(self, fault: Fault | None) -> None:
        self._fault = fault

    def before(self, step: str, grant: str) -> None:
        self._maybe(step, "before")

    def after(self, step: str, grant: str) -> None:
        self._maybe(step, "after")

    def _maybe(self, step: str, side: str) -> None:
        if self._fault is None or (step, side) != (self._fault.step, self._fault.side):
            return
        act, self._fault = self._fault.act, None
        os.kill(os.getpid(), signal.SIGKILL if act == "kill" else signal.SIGSTOP)


class FaultCore:
    """Implements AccessPorts over real rows and a real cluster."""

    def __init__(self, stage: Stage, watch: Failpoint) -> None:
        self.clock = SystemClock()
        self.store = Store(open_database(stage.database_url))
        self.installation = self.store.installation()
        config = ClusterConfig(
            alias="prod",
            installation=self.installation,
            kubeconfig=stage.kubeconfig,
            endpoints=stage.endpoints,
        )
        self.clusters = ClusterPool([config], self.clock)
        self.lookups = self.clusters
        self.policy = HerePolicy(stage.policy)
        self.watch = watch
        self.times = TIMES
        self.own_namespace = None

    def cluster(self) -> KubernetesCluster:
        found = self.clusters.get("prod")
        assert found is not None
        return found

    def close(self) -> None:
        self.clusters.close()
        self.store.close()


def work(job: Job) -> None:
    """Be a worker: claim, reconcile, until the grant stands where it should or time is up."""
    if job.stage.build != "shipped":
        from tests.support.broken import breaking  # noqa: PLC0415 - only broken builds need it

        breaking(job.stage.build)
    core = FaultCore(job.stage, Failpoint(job.fault))
    worker = f"wrk-{os.getpid()}"
    deadline = time.monotonic() + job.within_seconds
    while time.monotonic() < deadline:
        claimed = [one.grant for one in core.store.claim_grants(worker, 8, HOLD)]
        read = read_ends(claimed, core)
        for grant in claimed:
            _reconcile(core, grant, worker, read.get(grant))
        if _state(core, job.grant) in job.until:
            core.close()
            os._exit(0)
        os.sched_yield()
    os._exit(3)


def click(job: Click) -> None:
    """Decide, with the claim in the decision, and begin what was made as it was handed over."""
    core = FaultCore(job.stage, Failpoint(job.fault))
    worker = f"wrk-{os.getpid()}"
    done = decide(job.command, ports=core, holder=lambda _: Hold(worker, HOLD))
    for fresh in done.held:
        reconcile_grant(fresh.grant.id, ports=core, handed=fresh)
        core.store.release_grant(fresh.grant.id, worker)
    core.close()
    os._exit(0)


def _reconcile(core: FaultCore, grant: str, worker: str, handed: Ending | None) -> None:
    try:
        reconcile_grant(grant, ports=core, handed=handed)
        core.store.release_grant(grant, worker)
    except ValetkeyError:
        return  # the claim lapses and the grant is taken up again, as in the real worker


def _state(core: FaultCore, grant: str) -> str:
    with core.store.read() as tx:
        found = tx.grant(grant)
    return str(found.state) if found else "none"


def wait_for(holds: Callable[[], bool], within_seconds: float, what: str) -> None:
    """Wait on a condition with a deadline."""
    deadline = time.monotonic() + within_seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_seconds} s: {what}")
        os.sched_yield()
