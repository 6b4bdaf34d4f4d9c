"""One cluster under two aliases: asked for under the one seen first alone, ended under both."""

import pytest

from grants.access.model import GrantState
from grants.access.see_clusters import see_cluster
from grants.errors import ClusterTwice
from tests.support.fake_cluster import FakeCluster
from tests.support.world import FakeClusters, World


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_is_asked_for_under_the_alias_that_was_seen_later(world: World) -> None:
    """Access lives under `prod`; `old`, by which the cluster went before, is put back beside it."""
    grant = world.active()
    old = FakeCluster("old", clock=world.clock, installation=world.installation)
    old.move_to("uid-of-prod")
    with world.store.write() as tx:
        later = tx.aliases_of("uid-of-prod")
    assert later == ("prod",)
    world.clusters = FakeClusters(old, world.cluster)
    with pytest.raises(ClusterTwice):
        see_cluster(old, ports=world)
    see_cluster(world.cluster, ports=world)
    world.clock.forward(hours=1)
    assert world.reconcile(grant.id).state is GrantState.ENDED
