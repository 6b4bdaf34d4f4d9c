"""Changes that a cluster tells of make looks come sooner, and sweeps compare all with one list."""

from dataclasses import replace
from typing import Any

import pytest

from grants.access.cluster_port import Binding
from grants.access.give_back import GiveBack, give_back
from grants.access.hearing import ROLES_MOST, Heard, hear, watched_in
from grants.access.model import Cause, Grant, GrantState
from grants.access.see_clusters import see_cluster
from grants.access.sweep import sweep_cluster
from grants.access.watch_port import BindingChange, BindingKind, RoleChange
from grants.authz.model import RoleRef
from grants.errors import ChangedMeanwhile, ClusterForbidden, ClusterUnavailable
from tests.support.fake_cluster import FakeClusters
from tests.support.fake_state import VIEW_RULES
from tests.support.world import VIEW, World, a_policy

NOTHING = Heard()
LOOKED = Heard(hurried=1)
SWEPT = Heard(sweep=True)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def grant(world: World) -> Grant:
    """An active grant that has been looked at, and is not due for a while."""
    grant = world.reconcile(world.active().id)
    assert grant.due_at > world.clock.now()
    return grant


def there(world: World, grant: Grant) -> Binding:
    found = world.cluster.peek(world.place(grant))
    assert found is not None
    return found


def heard(world: World, of: Grant, *, gone: bool = False, **edits: Any) -> Heard:
    change = BindingChange(replace(there(world, of), **edits), gone)
    return hear("prod", [change], ports=world)


def test_a_binding_as_it_should_be_needs_no_look(world: World, grant: Grant) -> None:
    assert heard(world, grant) == NOTHING
    assert world.grant(grant.id) == grant


@pytest.mark.parametrize(
    "edits",
    [
        {"gone": True},
        {"subjects": ()},
        {"subjects": ("User:oidc:erin@example.com", "Group:everyone")},
        {"deleting": True},
        {"grant": None},
        {"grant": "gra-" + "a" * 26},
        {"installation": "inst-other"},
        {"managed": False},
    ],
    ids=str,
)
def test_what_others_did_to_a_binding_is_looked_at_now(
    world: World, grant: Grant, edits: dict[str, Any]
) -> None:
    assert heard(world, grant, **edits).hurried == 1
    assert world.grant(grant.id).due_at == world.clock.now()


def test_what_is_heard_decides_nothing(world: World, grant: Grant) -> None:
    """A lie, or an event that came late: the look sees that all is well."""
    assert heard(world, grant, gone=True) == LOOKED
    now = world.reconcile(grant.id)
    assert now.state is GrantState.ACTIVE
    assert now.due_at > world.clock.now()


def test_our_own_writes_need_no_look(world: World) -> None:
    erin = world.approved()
    world.watch.crash_before = "activate.fill"
    with pytest.raises(BaseException, match=r"activate\.fill"):
        world.reconcile(erin.id)
    assert heard(world, erin) == NOTHING  # created, empty
    world.watch.crash_before = ""
    world.reconcile(erin.id)
    assert heard(world, erin) == NOTHING  # filled
    binding = there(world, erin)
    account = world.person("erin", "engineers", account="U-ERIN2")
    give_back(GiveBack(world.key(), account, erin.id), ports=world)
    change = BindingChange(binding, gone=True)
    assert hear("prod", [change], ports=world) == NOTHING  # deleted, not yet proven
    world.reconcile(erin.id)
    assert hear("prod", [change], ports=world) == NOTHING  # ended


def test_a_binding_that_must_not_stand_has_the_cluster_swept(world: World, grant: Grant) -> None:
    unknown = replace(there(world, grant), grant="gra-" + "b" * 26)
    unknown = replace(unknown, place=replace(unknown.place, name="valetkey-x"), uid="uid-other")
    assert hear("prod", [BindingChange(unknown)], ports=world) == SWEPT
    assert hear("prod", [BindingChange(unknown, gone=True)], ports=world) == NOTHING


def test_a_copy_of_the_binding_has_the_cluster_swept(world: World, grant: Grant) -> None:
    copy = there(world, grant)
    copy = replace(copy, uid="uid-copy", place=replace(copy.place, name="valetkey-copy"))
    assert hear("prod", [BindingChange(copy)], ports=world) == SWEPT
    # One that stood at our place and went is not ours to miss.
    assert heard(world, grant, gone=True, uid="uid-copy") == NOTHING


def test_of_several_changes_to_one_binding_the_last_counts(world: World, grant: Grant) -> None:
    """Heard late, the binding of a grant that just became active was once empty."""
    filled = there(world, grant)
    made = BindingChange(replace(filled, subjects=()))
    assert hear("prod", [made, BindingChange(filled)], ports=world) == NOTHING
    assert hear("prod", [BindingChange(filled), made], ports=world) == LOOKED


def test_another_binding_in_our_place_is_looked_at(world: World, grant: Grant) -> None:
    ours = there(world, grant)
    gone, other = BindingChange(ours, gone=True), BindingChange(replace(ours, uid="uid-other"))
    assert hear("prod", [gone, other], ports=world) == Heard(hurried=1, sweep=True)


def test_a_thousand_of_our_own_revocations_cost_one_read_a_batch(world: World) -> None:
    grant = world.active()
    binding = there(world, grant)
    world.clock.forward(hours=2)
    world.reconcile(grant.id)
    before = world.grant(grant.id)
    assert hear("prod", [BindingChange(binding, gone=True)] * 1000, ports=world) == NOTHING
    assert world.grant(grant.id) == before


@pytest.mark.parametrize("rules", [(), None, (VIEW_RULES[0],) * 2], ids=["none", "gone", "twice"])
def test_a_role_that_is_another_is_looked_at_now(
    world: World, grant: Grant, rules: tuple[Any, ...] | None
) -> None:
    assert hear("prod", [RoleChange(VIEW, None, rules)], ports=world) == LOOKED
    assert world.grant(grant.id).due_at == world.clock.now()


def lose_the_race() -> None:
    raise ChangedMeanwhile("grant", "gra-1")


def test_what_another_replica_heard_at_the_same_moment_is_looked_at_all_the_same(
    world: World, grant: Grant
) -> None:
    for _race in range(2):
        world.store.before_write(lose_the_race)
    assert heard(world, grant, gone=True) == LOOKED
    assert world.grant(grant.id).due_at == world.clock.now()


def test_a_race_that_is_lost_again_and_again_is_told_and_not_taken_for_done(
    world: World, grant: Grant
) -> None:
    for _race in range(3):
        world.store.before_write(lose_the_race)
    with pytest.raises(ChangedMeanwhile):
        heard(world, grant, gone=True)
    assert world.grant(grant.id) == grant


def test_a_role_as_last_seen_needs_no_look(world: World, grant: Grant) -> None:
    assert hear("prod", [RoleChange(VIEW, None, VIEW_RULES)], ports=world) == NOTHING
    world.cluster.remove_role(VIEW)
    world.clock.forward(minutes=11)
    assert world.reconcile(grant.id).state is GrantState.ACTIVE
    assert hear("prod", [RoleChange(VIEW, None, None)], ports=world) == NOTHING
    assert hear("prod", [RoleChange(VIEW, None, VIEW_RULES)], ports=world) == LOOKED


def test_a_role_of_another_cluster_or_kind_is_none_of_ours(world: World, grant: Grant) -> None:
    assert hear("other", [RoleChange(VIEW, None, ())], ports=world) == NOTHING
    assert hear("prod", [RoleChange(RoleRef("Role", "view"), "x", ())], ports=world) == NOTHING
    assert world.grant(grant.id) == grant


def test_bindings_are_watched_always_and_roles_by_which_grants_are_active(world: World) -> None:
    assert watched_in("prod", ports=world) == tuple(BindingKind)
    grant = world.active()
    assert watched_in("prod", ports=world) == (*BindingKind, VIEW)
    assert watched_in("other", ports=world) == tuple(BindingKind)
    world.clock.forward(hours=2)
    world.reconcile(grant.id)
    assert watched_in("prod", ports=world) == tuple(BindingKind)


def test_the_roles_of_most_grants_are_watched_and_only_so_many(world: World) -> None:
    world.active()
    erin, ada = world.person("erin2", "engineers"), world.person("ada2", "approvers")
    for number in range(ROLES_MOST + 5):
        role = RoleRef("ClusterRole", f"role-{number:02}")
        world.cluster.put_role(role)
        world.policy.policy = a_policy(role=role)
        for _grant in range(2 if number == ROLES_MOST else 1):
            world.reconcile(world.approve(ada, world.ask(erin)).grants[0])
    watched = watched_in("prod", ports=world)
    assert len(watched) == len(BindingKind) + ROLES_MOST
    assert watched[len(BindingKind)] == RoleRef("ClusterRole", f"role-{ROLES_MOST:02}")


# The sweep: the truth, with or without anything heard.


def swept(world: World) -> int:
    return sweep_cluster(world.cluster, ports=world).hurried


def test_a_sweep_looks_at_no_grant_that_is_as_it_should_be(world: World, grant: Grant) -> None:
    calls = len(world.cluster.calls)
    assert swept(world) == 0
    assert world.cluster.calls[calls:] == ["managed_bindings", "role"]
    assert world.grant(grant.id) == grant


def test_an_alias_that_was_renamed_is_swept_and_watched_all_the_same(
    world: World, grant: Grant
) -> None:
    world.cluster.alias = "production"
    world.clusters = FakeClusters(world.cluster)
    see_cluster(world.cluster, ports=world)
    assert watched_in("production", ports=world) == (*BindingKind, VIEW)
    assert hear("production", [RoleChange(VIEW, None, ())], ports=world) == LOOKED
    world.cluster.remove_binding(world.place(grant))
    assert swept(world) == 1


def test_a_sweep_has_a_missing_binding_looked_at(world: World, grant: Grant) -> None:
    world.cluster.remove_binding(world.place(grant))
    assert swept(world) == 1
    assert world.reconcile(grant.id).cause is Cause.REVOKED_OUTSIDE


def test_a_sweep_has_a_widened_binding_looked_at(world: World, grant: Grant) -> None:
    world.cluster.edit_binding(
        world.place(grant), subjects=(f"User:{grant.subject}", "Group:everyone")
    )
    assert swept(world) == 1
    assert world.reconcile(grant.id).cause is Cause.ALTERED_OUTSIDE


def test_a_binding_without_our_label_is_missed_and_ends(world: World, grant: Grant) -> None:
    world.cluster.edit_binding(world.place(grant), managed=False)
    assert swept(world) == 1
    ended = world.reconcile(grant.id)
    assert (ended.cause, ended.cause_detail) == (Cause.ALTERED_OUTSIDE, "labels")
    assert world.cluster.all_bindings() == ()


def test_a_sweep_has_a_changed_role_looked_at_once(world: World, grant: Grant) -> None:
    world.cluster.put_role(VIEW, ())
    assert swept(world) == 1
    assert world.reconcile(grant.id).state is GrantState.ACTIVE
    assert swept(world) == 0
    world.cluster.remove_role(VIEW)
    assert swept(world) == 1
    world.reconcile(grant.id)
    assert swept(world) == 0


def test_a_sweep_reads_each_role_once_for_all_its_grants(world: World, grant: Grant) -> None:
    erin, ada = world.person("erin2", "engineers"), world.person("ada2", "approvers")
    world.reconcile(world.approve(ada, world.ask(erin)).grants[0])
    calls = len(world.cluster.calls)
    assert swept(world) == 0
    assert world.cluster.calls[calls:].count("role") == 1


def test_a_sweep_has_a_role_that_may_not_be_read_shown_and_cleared(
    world: World, grant: Grant
) -> None:
    world.cluster.fail("role", ClusterForbidden, times=3)
    assert swept(world) == 1
    assert world.reconcile(grant.id).problem == "role-forbidden"
    assert swept(world) == 0
    assert swept(world) == 1
    assert world.reconcile(grant.id).problem == ""
    assert swept(world) == 0


def test_what_must_not_stand_is_deleted_though_roles_can_not_be_read(
    world: World, grant: Grant
) -> None:
    place = replace(world.place(grant), name="valetkey-old")
    world.cluster.add_binding(place, VIEW, ("User:x",), grant="gra-" + "c" * 26)
    world.cluster.remove_binding(world.place(grant))
    world.cluster.fail("role", ClusterUnavailable)
    with pytest.raises(ClusterUnavailable):
        swept(world)
    assert world.cluster.all_bindings() == ()
    assert world.grant(grant.id).due_at == world.clock.now()


def test_a_sweep_that_sees_another_cluster_ends_nothing(world: World, grant: Grant) -> None:
    world.cluster.move_to("uid-of-another")
    world.cluster.remove_binding(world.place(grant))
    assert swept(world) == 1
    assert world.reconcile(grant.id).problem == "cluster-changed"
    assert world.grant(grant.id).state is GrantState.ACTIVE


def test_a_grant_that_becomes_active_during_the_list_is_not_missed_in_it(world: World) -> None:
    grant = world.approved()
    world.cluster.before("managed_bindings", lambda: world.reconcile(grant.id) and None)
    assert swept(world) == 0
    assert world.grant(grant.id).state is GrantState.ACTIVE
