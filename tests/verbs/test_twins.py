"""One cluster under two aliases: asked for under the one seen first alone, ended under both."""

import pytest

from grants.access.model import GrantState
from grants.access.scope import look
from grants.access.see_clusters import see_cluster
from grants.errors import ClusterTwice, Refused
from tests.support.fake_cluster import FakeCluster
from tests.support.world import VIEW, FakeClusters, World, a_policy, refusal


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


def test_what_two_processes_each_saw_first_is_asked_for_under_the_one_seen_first(
    world: World,
) -> None:
    """Both aliases were stored, since neither process knew of the other's."""
    erin, ada = world.person("erin", "engineers"), world.person("ada", "approvers")
    twin = FakeCluster("twin", clock=world.clock, installation=world.installation)
    twin.move_to("uid-of-prod")
    world.clusters = FakeClusters(twin, world.cluster)
    with world.store.write() as tx:
        tx.add_cluster("twin", "uid-of-prod", world.clock.now())
    first = look("prod", VIEW, "payments-dev", ports=world)
    later = look("twin", VIEW, "payments-dev", ports=world)
    assert (first.problem, first.namespace_there) == (None, True)
    assert isinstance(later.problem, ClusterTwice)
    assert twin.calls == [], "a cluster that is another's twin is asked nothing"
    world.policy.policy = a_policy(clusters=("prod", "twin"))
    assert isinstance(refusal(lambda: world.ask(erin, cluster="twin")), Refused)
    assert world.approve(ada, world.ask(erin)).grants
