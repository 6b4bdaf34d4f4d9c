"""A role whose rules change under a live grant."""

from dataclasses import replace
from typing import Any

import pytest

from grants.access.model import ROLE_GONE, Cause, Grant, GrantState
from grants.authz.model import Rule, rules_digest
from grants.errors import ClusterForbidden, ClusterUnavailable
from grants.outbox.model import Notice, PlaceKind
from grants.policy.model import AcceptedRisk, OnRoleChange
from tests.support.fake_state import VIEW_RULES
from tests.support.world import VIEW, Crash, World, a_policy

READ = VIEW_RULES[0]
DELETE_PODS = Rule(("delete",), ("",), ("pods",))
READ_SECRETS = Rule(("get",), ("",), ("secrets",))
READ_NODES = Rule(("get",), ("",), ("nodes",))
LESS = (Rule(("get",), ("",), ("pods",)),)


@pytest.fixture
def world() -> World:
    return World()


def on_change(world: World, what: OnRoleChange, **more: Any) -> None:
    world.policy.policy = a_policy(on_role_change=what, **more)


def looked_at(world: World, grant: Grant) -> Grant:
    """The grant after its next look."""
    world.clock.forward(seconds=world.times.drift_interval.total_seconds())
    return world.reconcile(grant.id)


def told(world: World, code: str) -> list[Notice]:
    return [notice for notice in world.store.notices if notice.code == code]


def changes(world: World) -> list[dict[str, Any]]:
    every = [e for e in world.store.events if str(e.type) == "grant.role-changed"]
    return [dict(event.facts) for event in every]


def test_a_role_that_gives_more_ends_the_grant(world: World) -> None:
    grant = world.active()
    world.cluster.put_role(VIEW, (READ, DELETE_PODS))
    ended = looked_at(world, grant)
    assert (ended.state, ended.cause, ended.cause_detail) == (
        GrantState.ENDED,
        Cause.ROLE_CHANGED,
        "role-wider",
    )
    assert world.cluster.all_bindings() == ()
    now = rules_digest((READ, DELETE_PODS))
    assert changes(world) == [
        {
            "role": "ClusterRole/view",
            "old_digest": grant.role_digest,
            "new_digest": now,
            "gained": 1,
            "lost": 0,
            "compared": True,
            "revoked": True,
        }
    ]
    assert ended.role_now == now
    with world.store.read() as tx:
        kept = tx.role(now)
    assert kept is not None
    assert kept.rules == (READ, DELETE_PODS)


def test_the_recipient_and_the_admins_are_told_with_the_difference(world: World) -> None:
    grant = world.active()
    world.cluster.put_role(VIEW, (READ, DELETE_PODS))
    looked_at(world, grant)
    (own,) = told(world, "role-changed")
    assert (own.place.kind, own.place.ref) == (PlaceKind.PERSON, grant.recipient)
    assert (own.facts["gained"], own.facts["lost"]) == ("delete pods", "")
    assert (own.facts["revoked"], own.facts["entitlement"]) == ("yes", "view-payments")
    (seen,) = told(world, "role-changed-seen")
    assert (seen.place.ref, seen.facts["gained"]) == ("C0ADMINS", "delete pods")
    assert (seen.facts["grants"], seen.facts["cluster"]) == ("1", "prod")


def test_a_role_that_gives_less_is_only_told_and_once(world: World) -> None:
    grant = world.active()
    world.cluster.put_role(VIEW, LESS)
    for _look in range(3):
        assert looked_at(world, grant).state is GrantState.ACTIVE
    (own,) = told(world, "role-changed")
    assert (own.facts["gained"], own.facts["revoked"]) == ("", "")
    assert own.facts["lost"] == "list pods; read configmaps"
    assert len(told(world, "role-changed-seen")) == len(changes(world)) == 1
    assert world.grant(grant.id).role_now == rules_digest(LESS)


def test_a_role_that_comes_back_is_told_too(world: World) -> None:
    grant = world.active()
    world.cluster.put_role(VIEW, LESS)
    looked_at(world, grant)
    world.cluster.put_role(VIEW, VIEW_RULES)
    back = looked_at(world, grant)
    assert (back.state, back.role_now) == (GrantState.ACTIVE, "")
    assert len(told(world, "role-restored")) == len(told(world, "role-restored-seen")) == 1
    assert [c["new_digest"] for c in changes(world)] == [rules_digest(LESS), grant.role_digest]
    assert looked_at(world, grant).role_now == ""
    assert len(changes(world)) == 2


def test_a_role_that_comes_back_from_rules_that_nobody_kept_is_told_too(world: World) -> None:
    """A version before this one kept the digest of what was seen alone: what people were told of
    it is not known, so they are told once more than they might have to be.
    """
    grant = world.active()
    with world.store.write() as tx:
        tx.save_grant(replace(grant, role_now="0" * 64))
    assert looked_at(world, grant).role_now == ""
    assert len(told(world, "role-restored")) == 1
    assert [c["old_digest"] for c in changes(world)] == ["0" * 64]


def test_every_new_change_is_told(world: World) -> None:
    grant = world.active()
    for rules in (LESS, (), LESS):
        world.cluster.put_role(VIEW, rules)
        looked_at(world, grant)
    assert len(changes(world)) == len(told(world, "role-changed")) == 3


def test_two_tools_that_fight_over_a_role_are_told_of_once_an_hour(world: World) -> None:
    grant = world.active()
    for _fight in range(5):
        for rules in (LESS, VIEW_RULES):
            world.cluster.put_role(VIEW, rules)
            looked_at(world, grant)
    assert len(changes(world)) == 10
    assert len(told(world, "role-changed")) == len(told(world, "role-changed-seen")) == 1


def test_a_role_can_not_be_widened_step_by_step(world: World) -> None:
    """Each step is held against what was agreed on, not against the step before."""
    grant = world.active()
    world.cluster.put_role(VIEW, LESS)
    assert looked_at(world, grant).state is GrantState.ACTIVE
    world.cluster.put_role(VIEW, (*LESS, DELETE_PODS))
    assert looked_at(world, grant).cause is Cause.ROLE_CHANGED


def test_the_same_rules_in_other_words_are_no_news(world: World) -> None:
    on_change(world, OnRoleChange.REVOKE)
    grant = world.active()
    same = tuple(replace(READ, resources=(one,)) for one in READ.resources)
    world.cluster.put_role(VIEW, same)
    now = looked_at(world, grant)
    assert (now.state, now.role_now) == (GrantState.ACTIVE, rules_digest(same))
    assert told(world, "role-changed") == []
    (change,) = changes(world)
    assert (change["gained"], change["lost"], change["compared"]) == (0, 0, True)
    world.cluster.put_role(VIEW, VIEW_RULES)
    looked_at(world, grant)
    assert told(world, "role-restored") == []


def test_what_a_role_binding_never_reaches_is_no_gain(world: World) -> None:
    grant = world.active()
    world.cluster.put_role(VIEW, (READ, READ_NODES))
    assert looked_at(world, grant).state is GrantState.ACTIVE


def test_policy_can_say_that_a_change_is_only_told(world: World) -> None:
    on_change(world, OnRoleChange.TELL)
    grant = world.active()
    world.cluster.put_role(VIEW, (READ, DELETE_PODS))
    assert looked_at(world, grant).state is GrantState.ACTIVE
    (own,) = told(world, "role-changed")
    assert (own.facts["gained"], own.facts["revoked"]) == ("delete pods", "")


def test_a_new_risk_that_is_not_accepted_ends_the_grant_all_the_same(world: World) -> None:
    on_change(world, OnRoleChange.TELL)
    grant = world.active()
    world.cluster.put_role(VIEW, (READ, READ_SECRETS))
    ended = looked_at(world, grant)
    assert (ended.cause, ended.cause_detail) == (Cause.ROLE_CHANGED, "role-risky")


def test_a_new_risk_that_is_accepted_is_only_told(world: World) -> None:
    risk = AcceptedRisk(frozenset({"secrets-read"}), "On call")
    on_change(world, OnRoleChange.TELL, accept_risk=risk)
    grant = world.active()
    world.cluster.put_role(VIEW, (READ, READ_SECRETS))
    assert looked_at(world, grant).state is GrantState.ACTIVE


def test_policy_can_end_access_at_any_change(world: World) -> None:
    on_change(world, OnRoleChange.REVOKE)
    grant = world.active()
    world.cluster.put_role(VIEW, LESS)
    ended = looked_at(world, grant)
    assert (ended.cause, ended.cause_detail) == (Cause.ROLE_CHANGED, "role-narrower")


def test_a_deleted_role_is_told_as_gone_and_compared_when_it_is_back(world: World) -> None:
    grant = world.active()
    world.cluster.remove_role(VIEW)
    gone = looked_at(world, grant)
    assert (gone.state, gone.role_now) == (GrantState.ACTIVE, ROLE_GONE)
    (own,) = told(world, "role-changed")
    assert own.facts["gone"] == "yes"
    assert looked_at(world, grant).role_now == ROLE_GONE
    assert len(changes(world)) == 1
    world.cluster.put_role(VIEW, VIEW_RULES)
    assert looked_at(world, grant).role_now == ""
    assert len(told(world, "role-restored")) == 1
    world.cluster.remove_role(VIEW)
    looked_at(world, grant)
    world.cluster.put_role(VIEW, (READ, DELETE_PODS))
    assert looked_at(world, grant).cause_detail == "role-wider"


def test_a_deleted_role_ends_access_where_policy_ends_it_at_any_change(world: World) -> None:
    on_change(world, OnRoleChange.REVOKE)
    grant = world.active()
    world.cluster.remove_role(VIEW)
    ended = looked_at(world, grant)
    assert (ended.state, ended.cause_detail) == (GrantState.ENDED, "role-gone")


def test_a_stricter_policy_ends_access_whose_role_changed_before(world: World) -> None:
    on_change(world, OnRoleChange.TELL)
    grant = world.active()
    world.cluster.put_role(VIEW, (READ, DELETE_PODS))
    assert looked_at(world, grant).state is GrantState.ACTIVE
    on_change(world, OnRoleChange.REVOKE_IF_WIDER)
    assert looked_at(world, grant).cause is Cause.ROLE_CHANGED
    assert len(changes(world)) == 1


def test_an_entitlement_that_policy_no_longer_has_allows_no_gain(world: World) -> None:
    on_change(world, OnRoleChange.TELL)
    grant = world.active()
    world.policy.policy = replace(world.policy.policy, entitlements=())
    world.cluster.put_role(VIEW, (READ, DELETE_PODS))
    assert looked_at(world, grant).cause is Cause.ROLE_CHANGED


def test_a_role_too_large_to_compare_ends_the_grant(world: World) -> None:
    grant = world.active()
    many = tuple(f"n{n}" for n in range(200))
    world.cluster.put_role(VIEW, (Rule(many, many, many, many),))
    ended = looked_at(world, grant)
    assert ended.cause_detail == "role-wider"
    assert changes(world)[0]["compared"] is False
    assert told(world, "role-changed")[0].facts["compared"] == ""


@pytest.mark.security("G1")
def test_ending_for_a_changed_role_needs_no_right_that_ending_did_not_need(world: World) -> None:
    """The role is gone from the list of those that the bot may bind, and can't even be read."""
    grant = world.active()
    world.cluster.put_role(VIEW, (READ, DELETE_PODS))
    world.cluster.forbid_bind(VIEW)
    world.watch.crash_after = "active.judge-role"
    with pytest.raises(Crash):
        looked_at(world, grant)
    world.watch.crash_after = ""
    world.cluster.fail("role", ClusterForbidden, times=1000)
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.ROLE_CHANGED)


def test_a_role_that_may_not_be_read_is_a_problem_shown_and_not_no_drift(world: World) -> None:
    grant = world.active()
    world.cluster.fail("role", ClusterForbidden, times=2)
    begun = world.clock.now() + world.times.drift_interval
    for _look in range(2):
        now = looked_at(world, grant)
        assert (now.state, now.problem) == (GrantState.ACTIVE, "role-forbidden")
        assert now.failing_since == begun
        # Nobody mends RBAC within seconds: it is looked at again with everything else.
        assert now.due_at == world.clock.now() + world.times.drift_interval
    assert changes(world) == []
    fine = looked_at(world, grant)
    assert (fine.problem, fine.failing_since) == ("", None)


def test_the_warning_comes_although_the_role_may_not_be_read(world: World) -> None:
    grant = world.active()
    world.cluster.fail("role", ClusterForbidden, times=1000)
    world.clock.forward(minutes=56)
    assert world.reconcile(grant.id).warned


def test_a_cluster_that_does_not_answer_for_the_role_is_a_failed_look(world: World) -> None:
    grant = world.active()
    world.cluster.fail("role", ClusterUnavailable)
    now = looked_at(world, grant)
    assert (now.problem, now.attempts) == ("cluster-unavailable", 1)
    world.clock.forward(seconds=31)
    assert world.reconcile(grant.id).problem == ""


def test_a_change_is_told_to_each_recipient_and_to_the_admins_once(world: World) -> None:
    world.active()
    hank, ada = world.person("hank", "engineers"), world.person("ada2", "approvers")
    asked = world.ask(hank)
    world.reconcile(world.approve(ada, asked).grants[0])
    world.cluster.put_role(VIEW, LESS)
    with world.store.read() as tx:
        grants = tx.live_grants()
    for grant in grants:
        looked_at(world, grant)
    assert len({n.place.ref for n in told(world, "role-changed")}) == len(grants) == 2
    (seen,) = told(world, "role-changed-seen")
    assert seen.facts["grants"] == "2"


@pytest.mark.parametrize("step", ["active.read-role", "active.judge-role"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_crash_at_a_look_at_the_role_is_gone_on_from(world: World, step: str, side: str) -> None:
    grant = world.active()
    world.cluster.put_role(VIEW, (READ, DELETE_PODS))
    setattr(world.watch, f"crash_{side}", step)
    with pytest.raises(Crash):
        looked_at(world, grant)
    setattr(world.watch, f"crash_{side}", "")
    assert looked_at(world, grant).state is GrantState.ENDED
    assert len(changes(world)) == 1
