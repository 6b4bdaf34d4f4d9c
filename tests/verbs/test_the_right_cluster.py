"""A grant belongs to one cluster, whatever its alias leads to later."""

from datetime import timedelta

import pytest

from grants.access.decide import Decide, decide
from grants.access.fresh import Fresh
from grants.access.give_back import GiveBack, give_back
from grants.access.model import Cause, GrantState, Verdict
from grants.access.ports import Hold
from grants.access.reconcile import reconcile_grant
from grants.errors import ClusterChanged, Refused
from grants.people.model import Account
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import VIEW, World, refusal

ERIN = Account("T1", "U-ERIN")


@pytest.fixture
def world() -> World:
    return World()


def _point_elsewhere(world: World) -> FakeCluster:
    """Let the alias lead to a new, empty cluster; gives the one that it led to before."""
    old = world.cluster
    other = FakeCluster("prod", clock=world.clock, installation=world.installation, uid="uid-other")
    other.add_namespace("payments-dev")
    other.put_role(VIEW)
    world.cluster, world.clusters = other, FakeClusters(other)
    return old


@pytest.mark.security("G2")
def test_ended_is_never_said_from_another_cluster_than_the_grants(world: World) -> None:
    """The kubeconfig's context was pointed at a rebuilt cluster while a grant was active.

    Nothing stood there and everything was denied, so the grant was "ended", with a proof, while
    its binding went on authorizing in the cluster that it was made in.
    """
    grant = world.active()
    old = _point_elsewhere(world)
    give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
    held = world.reconcile(grant.id)
    assert (held.state, held.problem) == (GrantState.REVOKING, "cluster-changed")
    assert old.peek(world.place(grant)) is not None
    world.cluster, world.clusters = old, FakeClusters(old)
    world.clock.forward(seconds=31)
    assert world.reconcile(grant.id).state is GrantState.ENDED
    assert old.all_bindings() == ()


@pytest.mark.security("G2")
def test_an_address_pointed_elsewhere_in_the_middle_of_a_look_proves_nothing(world: World) -> None:
    grant = world.active()
    give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
    world.cluster.before("ask", lambda: world.cluster.move_to("uid-other"))
    held = world.reconcile(grant.id)
    assert (held.state, held.problem) == (GrantState.REVOKING, "cluster-changed")


def test_access_is_given_only_in_the_cluster_that_was_agreed(world: World) -> None:
    grant = world.approved()
    _point_elsewhere(world)
    held = world.reconcile(grant.id)
    assert (held.state, held.problem) == (GrantState.ACTIVATING, "cluster-changed")
    assert world.cluster.all_bindings() == ()


def _handed_over(world: World) -> Fresh:
    """Have Erin ask and Ada approve; gives what the decision hands over."""
    erin, ada = world.person("erin", "engineers"), world.person("ada", "approvers")
    request = world.ask(erin)
    command = Decide(world.key(), ada, request.id, request.terms_hash, Verdict.APPROVE)
    hold = Hold("wrk-here", timedelta(seconds=5))
    (fresh,) = decide(command, ports=world, holder=lambda _: hold).held
    return fresh


def test_what_is_walked_as_it_was_decided_is_given_only_in_the_cluster_that_was_agreed(
    world: World,
) -> None:
    """The address was pointed elsewhere between the look before the decision and the walk."""
    fresh = _handed_over(world)
    _point_elsewhere(world)
    held = reconcile_grant(fresh.grant.id, ports=world, handed=fresh)
    assert held is not None
    assert (held.state, held.problem) == (GrantState.ACTIVATING, "cluster-changed")
    assert world.cluster.all_bindings() == ()
    again = world.reconcile(fresh.grant.id)
    assert (again.state, again.problem) == (GrantState.ACTIVATING, "cluster-changed")
    assert world.cluster.all_bindings() == ()


def test_an_address_pointed_elsewhere_as_the_binding_is_made_is_noticed_before_it_is_filled(
    world: World,
) -> None:
    fresh = _handed_over(world)
    world.cluster.before("uid", lambda: world.cluster.move_to("uid-other"))
    held = reconcile_grant(fresh.grant.id, ports=world, handed=fresh)
    assert held is not None
    assert (held.state, held.problem) == (GrantState.ACTIVATING, "cluster-changed")
    assert world.cluster.all_bindings() == (), "nothing of ours is left where nobody agreed to it"


def test_what_cant_be_taken_back_from_another_cluster_gives_nobody_anything(world: World) -> None:
    fresh = _handed_over(world)
    world.cluster.before("uid", lambda: world.cluster.move_to("uid-other"))
    world.cluster.fail("delete")
    held = reconcile_grant(fresh.grant.id, ports=world, handed=fresh)
    assert held is not None
    assert (held.state, held.problem) == (GrantState.ACTIVATING, "cluster-changed")
    assert [binding.subjects for binding in world.cluster.all_bindings()] == [()]


def test_an_active_grant_is_not_called_revoked_outside_when_another_cluster_is_seen(
    world: World,
) -> None:
    grant = world.active()
    _point_elsewhere(world)
    world.clock.forward(seconds=30)
    held = world.reconcile(grant.id)
    assert (held.state, held.problem) == (GrantState.ACTIVE, "cluster-changed")


def test_nothing_is_asked_for_or_approved_while_the_alias_leads_elsewhere(world: World) -> None:
    erin, ada = world.person("erin", "engineers"), world.person("ada", "approvers")
    request = world.ask(erin)
    world.cluster.move_to("uid-other")
    refused = refusal(lambda: world.ask(erin))
    assert isinstance(refused, Refused)
    assert "role-unread" in {reason.code for reason in refused.reasons if not reason.holds}
    assert isinstance(refusal(lambda: world.approve(ada, request)), ClusterChanged)
    assert world.request(request.id).state == "pending"


def test_a_cluster_under_a_new_alias_is_found_by_what_it_is(world: World) -> None:
    """An alias may change: the grants that were made under the old one must still end."""
    grant = world.active()
    renamed = world.cluster
    renamed.alias = "prod-eu"
    world.clusters = FakeClusters(renamed)
    with world.store.write() as tx:
        tx.add_cluster("prod-eu", renamed.uid(), world.clock.now())
    world.clock.forward(hours=1)
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.EXPIRED)
    assert renamed.all_bindings() == ()
