"""Metrics of reviews. Their names are a contract, as those of `bot.metrics` are."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from grants.errors import ValetkeyError
from grants.review.finding import Severity


class ReviewMetrics:
    """How reviews went. Labels hold stable words and aliases only."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._scans = Counter(
            "valetkey_review_scans",
            "Reviews of a cluster, by what became of them.",
            ["cluster", "outcome"],
            registry=registry,
        )

        self._restarts = Counter(
            "valetkey_review_watch_restarts",
            "Watches of rights that did not end as agreed or could not be opened, by code.",
            ["cluster", "why"],
            registry=registry,
        )

    def watch_restarted(self, cluster: str, why: str) -> None:
        """Hear that a watch of rights was lost, or could not be opened, by its code."""
        self._restarts.labels(cluster, why).inc()

    def reviewed(self, cluster: str, outcome: str) -> None:
        """Hear that a review of a cluster ended."""
        self._scans.labels(cluster, outcome).inc()


class FindingGauges(Collector):
    """Findings that somebody has to act on, from the rows when asked for."""

    def __init__(self, counts: Callable[[], Mapping[tuple[str, int], int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Count them as the rows have them now; nothing while the database is away."""
        gauge = GaugeMetricFamily(
            "valetkey_review_findings",
            "Findings of a cluster that somebody has to act on.",
            labels=["cluster", "severity"],
        )
        try:
            counts = self._counts()
        except ValetkeyError:
            return []
        for (cluster, severity), count in sorted(counts.items()):
            gauge.add_metric([cluster, Severity(severity).word], count)
        return [gauge]
