"""What is counted, and what a scrape gives while the database is away."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest

from bot.metrics import GrantGauges, Metrics
from grants.access.model import Grant
from grants.errors import StoreUnavailable
from tests.support.world import World


def test_grants_are_counted_by_cluster_and_state() -> None:
    world = World()
    world.active()
    registry = CollectorRegistry()
    with world.store.read() as tx:
        registry.register(GrantGauges(tx.live_grants))
    said = generate_latest(registry).decode()
    assert 'valetkey_grants{cluster="prod",state="active"} 1.0' in said
    assert 'valetkey_grants_stuck{cluster="prod"} 0.0' in said


def test_figures_are_given_while_the_database_is_away() -> None:
    """The scrape failed as a whole, and at a start the process with it."""

    def away() -> Iterable[Grant]:
        raise StoreUnavailable("down")

    registry = CollectorRegistry()
    metrics = Metrics(registry)
    registry.register(GrantGauges(away))
    metrics.ran("due", ok=False)
    assert 'valetkey_loop_runs_total{loop="due",outcome="failed"} 1.0' in (
        generate_latest(registry).decode()
    )
