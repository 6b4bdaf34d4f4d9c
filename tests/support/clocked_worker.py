"""A worker as a process of its own whose clock a test can set, by libfaketime; see `ClockedWorker`.

What it runs is the real thing: the clockwork, the reconciler and the watch over clocks.
"""

import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

import libfaketime

from bot.worker.clockwork import Clockwork, Loop
from bot.worker.loops import DUE_EVERY
from bot.worker.reconciler import Reconciler
from bot.worker.skew import ClockWatch
from grants.access.reconcile import note_failure, reconcile_grant
from grants.clock import Clock, SteadyClock, SystemClock
from grants.clusters.config import ClusterConfig
from grants.clusters.pool import ClusterPool
from grants.store.engine import open_database
from grants.store.store import Store
from tests.support.fault_worker import HOLD, TIMES, Failpoint
from tests.support.world import HerePolicy, a_policy

ROOT: Final = Path(__file__).parents[2]
_LIBRARY: Final = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"


class ClockedWorker:
    """The process. Used as a context; it ends when its input does."""

    def __init__(self, folder: Path, database_url: str, kubeconfig: Path, clock: str) -> None:
        self._offset = folder / "offset"
        self._arguments = [database_url, str(kubeconfig), clock]

    def __enter__(self) -> Self:
        self.set_clock(timedelta(0))
        faked = {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.support.clocked_worker", *self._arguments],
            stdin=subprocess.PIPE,
            env=os.environ | faked,
            cwd=ROOT,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._child.communicate(timeout=30)
        assert self._child.returncode == 0

    def set_clock(self, ahead: timedelta) -> None:
        """Set the process's wall clock so far ahead of the machine's."""
        new = self._offset.with_suffix(".new")
        new.write_text(f"{ahead.total_seconds():+}\n")
        new.replace(self._offset)


class _Core:
    """Implements AccessPorts with a clock of the test's choice."""

    def __init__(self, database_url: str, kubeconfig: Path, clock: Clock) -> None:
        self.clock = clock
        self.store = Store(open_database(database_url, clock=clock))
        self.installation = self.store.installation()
        config = ClusterConfig("prod", self.installation, kubeconfig=kubeconfig)
        self.clusters = ClusterPool([config], clock)
        self.lookups = self.clusters
        self.policy = HerePolicy(a_policy(namespaces=("*",)))
        self.watch = Failpoint(None)
        self.times = TIMES
        self.own_namespace = None


class _Quiet:
    def ran(self, loop: str, ok: bool) -> None:  # noqa: FBT001 - the port's signature
        pass


def main(database_url: str, kubeconfig: str, which: str) -> None:
    steady = SteadyClock()
    core = _Core(database_url, Path(kubeconfig), steady if which == "steady" else SystemClock())
    reconciler = Reconciler(
        core.store,
        lambda grant, handed: reconcile_grant(grant, ports=core, handed=handed),
        lambda grant: note_failure(grant, "hung", ports=core),
        worker=f"wrk-{os.getpid()}",
        threads=2,
        hold=HOLD,
    )
    loops = [Loop("due", DUE_EVERY, reconciler.run_due)]
    if which == "steady":
        watch = ClockWatch(core, steady, core.store.clocks, "tried")
        loops.append(Loop("clocks", timedelta(seconds=1), watch.look))
    clockwork = Clockwork(tuple(loops), _Quiet())
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    clockwork.start()
    while not ended.wait(0.2):
        clockwork.check()
    clockwork.stop()
    reconciler.stop()
    core.clusters.close()
    core.store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
