"""What is counted, and what a scrape gives while the database is away."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest

from bot.metrics import ClusterGauges, GrantGauges, Metrics
from bot.worker.breaker import Breaker
from bot.worker.known_clusters import Known
from grants.access.health import Waiting
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


def test_a_cluster_is_told_up_or_down_and_what_waits_there() -> None:
    world = World()
    world.approved()
    since = world.clock.now()
    seen = {
        "prod": Known(Breaker(problem="cluster-unavailable"), since),
        "well": Known(Breaker(problem="")),
        "new": Known(Breaker()),
    }
    registry = CollectorRegistry()
    with world.store.read() as tx:
        registry.register(
            ClusterGauges(lambda: seen, lambda: tx.waiting_by_cluster(world.clock.now()))
        )
    said = generate_latest(registry).decode()
    for line in (
        'valetkey_cluster_up{cluster="prod"} 0.0',
        'valetkey_cluster_up{cluster="well"} 1.0',
        f'valetkey_cluster_failing_since_seconds{{cluster="prod"}} {since.timestamp():.7e}',
        'valetkey_cluster_waiting{cluster="prod"} 1.0',
    ):
        assert line in said
    assert 'failing_since_seconds{cluster="well"}' not in said
    assert 'cluster="new"' not in said


def test_clusters_are_told_while_the_database_is_away() -> None:
    def away() -> dict[str, Waiting]:
        raise StoreUnavailable("down")

    registry = CollectorRegistry()
    registry.register(ClusterGauges(lambda: {"prod": Known(Breaker(problem=""))}, away))
    assert 'valetkey_cluster_up{cluster="prod"} 1.0' in generate_latest(registry).decode()
