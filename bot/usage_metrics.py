"""What comes in of audit events, in figures. Names are a contract, as all metrics' are."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge

from grants.usage.folded import Folded


class UsageMetrics:
    """Counts batches and events; labels hold names from the settings and stable words only."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._batches = Counter(
            "valetkey_usage_batches",
            "Batches of audit events that were sent, by what became of them.",
            ["cluster", "outcome"],
            registry=registry,
        )
        self._events = Counter(
            "valetkey_usage_events",
            "Audit events of these batches that were used, or why they were not.",
            ["cluster", "outcome"],
            registry=registry,
        )
        self._last = Gauge(
            "valetkey_usage_last_batch_seconds",
            "When the last batch came, as seconds since 1970: silence is a gap in the evidence.",
            ["cluster"],
            registry=registry,
        )

    def batch(self, cluster: str, outcome: str) -> None:
        """Count a batch."""
        self._batches.labels(cluster, outcome).inc()
        if outcome in {"taken", "known"}:
            self._last.labels(cluster).set(time.time())

    def events(self, cluster: str, folded: Folded) -> None:
        """Count a batch's events."""
        self._events.labels(cluster, "used").inc(folded.events)
        for word, count in folded.words.items():
            if count:
                self._events.labels(cluster, word).inc(count)
