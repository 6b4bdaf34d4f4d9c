"""Metrics of the watches of clusters. Their names are a contract, as those of `bot.metrics` are."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class WatchMetrics:
    """What watches hear, and how they fare. Labels hold stable codes and aliases only."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._streams = Gauge(
            "valetkey_watch_streams",
            "Watches of a cluster that are open.",
            ["cluster"],
            registry=registry,
        )
        self._changes = Counter(
            "valetkey_watch_changes",
            "Changes that watches told of, our own included.",
            ["cluster"],
            registry=registry,
        )
        self._hurried = Counter(
            "valetkey_watch_hurried",
            "Grants that were looked at sooner because of a change.",
            ["cluster"],
            registry=registry,
        )
        self._restarts = Counter(
            "valetkey_watch_restarts",
            "Watches that did not end as agreed, or could not be opened.",
            ["cluster", "why"],
            registry=registry,
        )

    def watch_streams(self, cluster: str, count: int) -> None:
        """Hear how many streams of a cluster are open."""
        self._streams.labels(cluster).set(count)

    def watch_heard(self, cluster: str, changes: int, hurried: int) -> None:
        """Hear how many changes came, and how many grants are looked at sooner for them."""
        self._changes.labels(cluster).inc(changes)
        if hurried:
            self._hurried.labels(cluster).inc(hurried)

    def watch_restarted(self, cluster: str, why: str) -> None:
        """Hear that a stream did not end as agreed, or could not be opened, by its code."""
        self._restarts.labels(cluster, why).inc()
