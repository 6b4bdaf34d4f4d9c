"""The outbox in figures, from the rows at each scrape. Names are a contract, as all metrics'."""

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from grants.clock import Clock
from grants.errors import ValetkeyError
from grants.outbox.model import CardKind, Figures


class OutboxGauges(Collector):
    """What waits, for how long the oldest does, and what was given up by reason."""

    def __init__(self, figures: Callable[[], Figures], clock: Clock) -> None:
        self._figures = figures
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """Count the rows as they are now."""
        waiting = GaugeMetricFamily(
            "valetkey_outbox_waiting", "Messages that wait to be told.", labels=["kind"]
        )
        oldest = GaugeMetricFamily(
            "valetkey_outbox_oldest_seconds", "How long the oldest of them has waited."
        )
        given_up = GaugeMetricFamily(
            "valetkey_outbox_given_up", "Messages that were given up.", labels=["reason"]
        )
        try:
            figures = self._figures()
        except ValetkeyError:
            return []  # the database is away: every other figure is wanted now more than ever
        for kind in CardKind:
            waiting.add_metric([str(kind)], figures.waiting.get(kind, 0))
        age = self._clock.now() - figures.oldest if figures.oldest else None
        oldest.add_metric([], max(age.total_seconds(), 0.0) if age else 0.0)
        for reason, count in sorted(figures.given_up.items()):
            given_up.add_metric([reason], count)
        return [waiting, oldest, given_up]
