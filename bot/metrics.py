"""Prometheus metrics. Their names are a contract: a change is a line in CHANGELOG."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from grants.access.health import Waiting
from grants.access.model import Grant
from grants.access.sweep import Swept
from grants.clock import Offset
from grants.errors import ValetkeyError

_BUCKETS_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """What is counted. Labels hold stable codes and aliases only, never a person."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._begun = threading.local()
        self._steps = Histogram(
            "valetkey_step_seconds",
            "How long each step of the reconciler took.",
            ["step"],
            buckets=_BUCKETS_SECONDS,
            registry=registry,
        )
        self._loops = Counter(
            "valetkey_loop_runs",
            "Runs of the worker's loops.",
            ["loop", "outcome"],
            registry=registry,
        )
        self._unknown = Gauge(
            "valetkey_bindings_unknown",
            "Bindings with this installation's label that the record does not know.",
            ["cluster"],
            registry=registry,
        )
        self._foreign = Gauge(
            "valetkey_bindings_foreign_overdue",
            "Bindings of another installation that stand past their end.",
            ["cluster"],
            registry=registry,
        )
        self._deliveries = Counter(
            "valetkey_deliveries", "Messages to Slack.", ["outcome"], registry=registry
        )

    def swept(self, cluster: str, found: Swept | None) -> None:
        """Hear what a sweep found in a cluster.

        None: another replica swept it, and what this one knows is old.
        """
        if found is None:
            for gauge in (self._unknown, self._foreign):
                with suppress(KeyError):
                    gauge.remove(cluster)
            return
        self._unknown.labels(cluster).set(found.unknown)
        self._foreign.labels(cluster).set(found.foreign)

    def before(self, step: str, grant: str) -> None:  # noqa: ARG002 - the port's signature
        """Hear that a step begins."""
        self._begun.at = time.perf_counter()

    def after(self, step: str, grant: str) -> None:  # noqa: ARG002 - the port's signature
        """Hear that a step is done."""
        begun = getattr(self._begun, "at", None)
        if begun is not None:
            self._steps.labels(step).observe(time.perf_counter() - begun)

    def ran(self, loop: str, ok: bool) -> None:  # noqa: FBT001 - the port's signature
        """Hear that a run of a loop ended."""
        self._loops.labels(loop, "ok" if ok else "failed").inc()

    def delivered(self, outcome: str, count: int) -> None:
        """Count messages by how they went."""
        if count:
            self._deliveries.labels(outcome).inc(count)


class SlackMetrics:
    """What comes from Slack, and the connections that it comes by."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._standing = Gauge(
            "valetkey_slack_connections",
            "Socket Mode connections that stand.",
            registry=registry,
        )
        self._ended = Counter(
            "valetkey_slack_connections_ended",
            "Socket Mode connections that ended or could not be opened.",
            ["why"],
            registry=registry,
        )
        self._came = Counter(
            "valetkey_slack_inbound",
            "What came from Slack, by way, kind and what became of it.",
            ["way", "kind", "outcome"],
            registry=registry,
        )
        self._acked = Histogram(
            "valetkey_slack_ack_seconds",
            "How long Slack waited for the answer to what was done.",
            ["way", "kind"],
            buckets=_BUCKETS_SECONDS,
            registry=registry,
        )

    def standing(self, count: int) -> None:
        """Hear how many Socket Mode connections stand."""
        self._standing.set(count)

    def ended(self, why: str) -> None:
        """Hear that a connection ended, or could not be opened."""
        self._ended.labels(why).inc()

    def came(self, way: str, kind: str, outcome: str, seconds: float) -> None:
        """Hear what became of something that came in, and how long it took."""
        self._came.labels(way, kind, outcome).inc()
        if outcome == "done":
            self._acked.labels(way, kind).observe(seconds)


class GrantGauges(Collector):
    """Live grants by state, and those that are stuck: read from the rows when asked for."""

    def __init__(self, live: Callable[[], Iterable[Grant]]) -> None:
        self._live = live

    def collect(self) -> Iterable[Metric]:
        """Count the grants as the rows have them now."""
        states = GaugeMetricFamily(
            "valetkey_grants", "Grants that are not ended.", labels=["cluster", "state"]
        )
        stuck = GaugeMetricFamily(
            "valetkey_grants_stuck", "Revocations that need a human.", labels=["cluster"]
        )
        by_state: dict[tuple[str, str], int] = {}
        by_stuck: dict[str, int] = {}
        try:
            live = tuple(self._live())
        except ValetkeyError:
            return []  # the database is away: every other figure is wanted now more than ever
        for grant in live:
            key = (grant.cluster, str(grant.state))
            by_state[key] = by_state.get(key, 0) + 1
            by_stuck[grant.cluster] = by_stuck.get(grant.cluster, 0) + int(grant.stuck)
        for labels, count in sorted(by_state.items()):
            states.add_metric(labels, count)
        for cluster, count in sorted(by_stuck.items()):
            stuck.add_metric([cluster], count)
        return [states, stuck]


class SeenCluster(Protocol):
    """What this process sees of a cluster."""

    @property
    def problem(self) -> str:
        """The code of what is wrong, empty while nothing is."""
        ...

    @property
    def since(self) -> datetime | None:
        """Since when."""
        ...

    @property
    def was_looked_at(self) -> bool:
        """Tell whether anything is known of it yet."""
        ...


class ClusterGauges(Collector):
    """Each cluster as this process sees it, and what is due in it by the rows."""

    def __init__(
        self,
        seen: Callable[[], Mapping[str, SeenCluster]],
        waiting: Callable[[], Mapping[str, Waiting]],
    ) -> None:
        self._seen = seen
        self._waiting = waiting

    def collect(self) -> Iterable[Metric]:
        """Tell how each cluster is now."""
        up = GaugeMetricFamily(
            "valetkey_cluster_up",
            "Whether this process can work with a cluster (1) or not (0).",
            labels=["cluster"],
        )
        since = GaugeMetricFamily(
            "valetkey_cluster_failing_since_seconds",
            "Since when it can't, in seconds since 1970.",
            labels=["cluster"],
        )
        due = GaugeMetricFamily(
            "valetkey_cluster_waiting", "Grants that are due in a cluster.", labels=["cluster"]
        )
        for cluster, seen in sorted(self._seen().items()):
            if seen.was_looked_at:
                up.add_metric([cluster], 0 if seen.problem else 1)
            if seen.since is not None:
                since.add_metric([cluster], seen.since.timestamp())
        with suppress(ValetkeyError):  # while the database is away the other two are still told
            for cluster, count in sorted(self._waiting().items()):
                due.add_metric([cluster], count.due)
        return [up, since, due]


class ClockReading(Protocol):
    """How far this process's clock is ahead of one witness's."""

    @property
    def witness(self) -> str:
        """Name the witness."""
        ...

    @property
    def offset(self) -> Offset:
        """Tell how far, and how surely."""
        ...


class Clocks(Protocol):
    """What was last read of every clock."""

    @property
    def readings(self) -> Sequence[ClockReading]:
        """Give what was read last."""
        ...

    @property
    def set_back(self) -> timedelta:
        """Tell how far this machine's clock is behind what this process goes by."""
        ...


class ClockGauges(Collector):
    """This process's clock against others', as they were read last."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks

    def collect(self) -> Iterable[Metric]:
        """Give the furthest reading of each witness; of several API servers one stands for all."""
        ahead = GaugeMetricFamily(
            "valetkey_clock_ahead_seconds",
            "How far this process's clock is ahead of another (negative: behind).",
            labels=["witness"],
        )
        back = GaugeMetricFamily(
            "valetkey_clock_set_back_seconds",
            "How far this machine's clock is behind what this process goes by.",
            value=self._clocks.set_back.total_seconds(),
        )
        furthest: dict[str, float] = {}
        for reading in self._clocks.readings:
            seconds = reading.offset.ahead.total_seconds()
            if abs(seconds) >= abs(furthest.get(reading.witness, 0.0)):
                furthest[reading.witness] = seconds
        for witness, seconds in sorted(furthest.items()):
            ahead.add_metric([witness], seconds)
        return [ahead, back]


class RecordGauge(Collector):
    """The number of the last event, read when asked for: it never falls but by an older copy."""

    def __init__(self, last_number: Callable[[], int]) -> None:
        self._last_number = last_number

    def collect(self) -> Iterable[Metric]:
        """Read it from the rows."""
        gauge = GaugeMetricFamily(
            "valetkey_record_number", "The number of the last event in the record."
        )
        try:
            gauge.add_metric([], self._last_number())
        except ValetkeyError:
            return []
        return [gauge]
