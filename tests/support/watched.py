"""A worker over a real cluster, with watches or without, whose way there a test can cut.

Sweeps and looks at grants come only every ten minutes: what is seen sooner, a watch has seen.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import yaml

from bot.playground.relay import Relay
from bot.worker.clockwork import Clockwork, Loop
from bot.worker.loops import WATCH_EVERY
from bot.worker.reconciler import Reconciler
from bot.worker.sweeps import SweepCalls, Sweeps
from bot.worker.watch_line import LineTimes
from bot.worker.watches import WatchCalls, Watches
from grants.access.hearing import HearingPorts
from grants.access.reconcile import reconcile_grant
from grants.clusters.config import ClusterConfig, ClusterTimes
from grants.clusters.pool import ClusterPool
from tests.support.fault_worker import Failpoint, FaultCore, Stage

SELDOM = timedelta(minutes=10)
SHORT = ClusterTimes(watch=timedelta(seconds=2), watch_grace=timedelta(seconds=1))
TIMES = LineTimes(first=timedelta(milliseconds=100), longest=timedelta(milliseconds=400))
CHOOSE_EVERY = timedelta(milliseconds=500)


@dataclass
class Meter:
    """What watches did."""

    streams: int = 0
    opened: int = 0
    changes: int = 0
    hurried: int = 0
    restarts: list[str] = field(default_factory=list)

    def watch_streams(self, cluster: str, count: int) -> None:
        self.opened += max(0, count - self.streams)
        self.streams = count

    def watch_heard(self, cluster: str, changes: int, hurried: int) -> None:
        self.changes += changes
        self.hurried += hurried

    def watch_restarted(self, cluster: str, why: str) -> None:
        self.restarts.append(why)

    def ran(self, loop: str, ok: bool) -> None:  # noqa: FBT001 - the port's signature
        """Hear that a run of a loop ended."""


class CuttableLink:
    """A relay to an API server that can be cut and joined again at the same port."""

    def __init__(self, url: str) -> None:
        port = urlsplit(url).port
        assert port is not None
        self._backend = port
        self.relay = Relay(port)
        self.relay.start()
        self.port = self.relay.port

    def cut(self) -> None:
        """Close every connection, and take no new ones."""
        self.relay.stop()

    def join(self) -> None:
        """Take connections again."""
        self.relay = Relay(self._backend, port=self.port)
        self.relay.start()


def through(link: CuttableLink, kubeconfig: Path, path: Path) -> Path:
    """Write a kubeconfig that reaches its server through a link."""
    content = yaml.safe_load(kubeconfig.read_text())
    content["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{link.port}"
    path.write_text(yaml.safe_dump(content))
    return path


class WatchedWorker:
    """The reconciler, sweeps and watches of one worker; use as a context manager."""

    def __init__(
        self,
        stage: Stage,
        *,
        watch: bool = True,
        sweep_every: timedelta = SELDOM,
        times: ClusterTimes | None = None,
    ) -> None:
        self.core = FaultCore(stage, Failpoint(None))
        self.core.times = replace(self.core.times, drift_interval=SELDOM)
        config = ClusterConfig(
            alias="prod",
            installation=self.core.installation,
            kubeconfig=stage.kubeconfig,
            times=times or ClusterTimes(),
        )
        self.core.clusters.close()
        self.core.clusters = self.core.lookups = ClusterPool([config], self.core.clock)
        self.meter = Meter()
        self.swept = 0
        ports: Any = self.core
        self._reconciler = Reconciler(
            ports.store,
            lambda grant, handed: reconcile_grant(grant, ports=ports, handed=handed),
            lambda _grant: None,
            worker="wrk-watched",
            threads=4,
            hold=timedelta(seconds=5),
        )
        self._sweeps = Sweeps(ports, self._sweep_calls(sweep_every))
        self.watches = self._watches(ports)
        loops = [
            Loop("due", timedelta(milliseconds=250), self._reconciler.run_due),
            Loop("sweep", sweep_every, self._sweeps.begin),
        ]
        if watch:
            loops.append(Loop("watch", WATCH_EVERY, self.watches.tend))
        self._clockwork = Clockwork(tuple(loops), self.meter)

    def __enter__(self) -> Self:
        self._clockwork.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._clockwork.stop()
        self.watches.stop(timedelta(seconds=1))
        self._sweeps.stop(timedelta(seconds=10))
        self._reconciler.stop()
        self.core.close()

    def _sweep_calls(self, every: timedelta) -> SweepCalls:
        def swept(_cluster: str, _found: object) -> None:
            self.swept += 1

        return SweepCalls(my_turn=lambda *_: True, swept=swept, every=every)

    def _watches(self, ports: HearingPorts) -> Watches:
        calls = WatchCalls(
            wake=self._reconciler.run_due,
            sweep=self._sweeps.begin_now,
            my_turn=lambda *_: True,
            meter=self.meter,
        )
        return Watches(ports, self.core.clusters, calls, TIMES, CHOOSE_EVERY)


def seconds_until(holds: Callable[[], bool], within_seconds: float, what: str) -> float:
    """Wait on a condition; gives how long it took."""
    began = time.monotonic()
    while not holds():
        took = time.monotonic() - began
        assert took < within_seconds, f"not within {within_seconds} s: {what}"
        time.sleep(0.005)
    return time.monotonic() - began
