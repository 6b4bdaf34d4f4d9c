"""The reconciler's roads over a cluster in memory."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from grants.access.activate import ACTIVATE
from grants.access.before import ENOUGH_DENIED
from grants.access.cluster_port import BindingPlace
from grants.access.ending import END
from grants.access.fresh import Ending, read_ends
from grants.access.give_back import GiveBack, give_back
from grants.access.model import Cause, Grant, GrantState, ProofKind
from grants.access.ports import AccessTimes
from grants.access.reconcile import note_failure, reconcile_grant
from grants.access.sweep import sweep_cluster
from grants.authz.model import RoleRef, Rule
from grants.errors import ClusterForbidden, ClusterUnavailable
from grants.people.model import Account
from grants.policy.model import AcceptedRisk, Policy
from tests.support.faults import AGAIN
from tests.support.world import VIEW, Crash, StepList, World, a_policy

ERIN = Account("T1", "U-ERIN")


@pytest.fixture
def world() -> World:
    return World()


def _end(world: World, grant: Grant) -> Grant:
    give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
    return world.reconcile(grant.id)


def test_an_approved_grant_becomes_active_and_is_seen_to_act(world: World) -> None:
    grant = world.active()
    assert grant.state is GrantState.ACTIVE
    assert grant.expires_at == world.clock.now() + timedelta(hours=1)
    with world.store.read() as tx:
        before, active = tx.proof(grant.id, ProofKind.BEFORE), tx.proof(grant.id, ProofKind.ACTIVE)
    assert before is not None
    assert not any(a.allowed for a in before.seen[0].answers)
    assert active is not None
    assert active.seen[0].answers
    assert all(a.allowed for a in active.seen[0].answers)
    assert "one-endpoint" in active.notes


def test_the_binding_is_empty_until_its_uid_and_expiry_are_stored(world: World) -> None:
    grant = world.approved()
    world.watch.crash_before = "activate.fill"
    with pytest.raises(Crash):
        reconcile_grant(grant.id, ports=world)
    there = world.cluster.peek(world.place(grant))
    assert there is not None
    assert there.subjects == ()
    stored = world.grant(grant.id)
    assert stored.binding_uid == there.uid
    assert stored.expires_at is not None


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("step", [step.name for step in ACTIVATE])
def test_a_crash_at_any_step_of_activation_is_gone_on_from(
    world: World, step: str, side: str
) -> None:
    grant = world.approved()
    if step in AGAIN:
        with world.store.write() as tx:
            grant = tx.save_grant(replace(grant, attempts=1))
    world.watch = StepList(**{f"crash_{side}": step})
    with pytest.raises(Crash):
        reconcile_grant(grant.id, ports=world)
    world.watch = StepList()
    assert world.reconcile(grant.id).state is GrantState.ACTIVE
    there = world.cluster.peek(world.place(grant))
    assert there is not None
    assert there.subjects == (f"User:{grant.subject}",)
    assert len(world.cluster.all_bindings()) == 1


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("step", [step.name for step in END])
def test_a_crash_at_any_step_of_ending_is_gone_on_from(world: World, step: str, side: str) -> None:
    grant = world.active()
    world.cluster.add_finalizer(world.place(grant))
    give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
    world.watch = StepList(**{f"crash_{side}": step})
    try:
        reconcile_grant(grant.id, ports=world)
    except Crash:
        world.watch = StepList()
    world.clock.forward(seconds=31)
    assert world.reconcile(grant.id).state is GrantState.ENDED
    assert world.cluster.all_bindings() == ()


def _read(world: World, grant: Grant) -> Ending:
    """Give a grant back, and read it as a worker does that claims many."""
    give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
    return read_ends([grant.id, "gra-unknown"], world)[grant.id]


def _stored(world: World, read: Ending) -> Grant:
    with world.store.read() as tx:
        found = tx.grant(read.grant.id)
    assert found is not None
    return found


def test_what_was_read_as_it_was_claimed_is_ended_without_another_read(world: World) -> None:
    read = _read(world, world.active())
    assert reconcile_grant(read.grant.id, ports=world, handed=read) == _stored(world, read)
    ended = _stored(world, read)
    assert (ended.state, ended.version) == (GrantState.ENDED, read.grant.version + 1)
    with world.store.read() as tx:
        proof = tx.proof(read.grant.id, ProofKind.GONE)
    assert proof is not None
    assert read.before is not None
    assert proof.questions() == read.before.questions()


@pytest.mark.security("G2")
def test_what_has_moved_since_it_was_read_is_not_stored_over(world: World) -> None:
    """Another replica noted a failure, or has ended it: its word stands, once."""
    read = _read(world, world.active())
    note_failure(read.grant.id, "hung", ports=world)
    noted = reconcile_grant(read.grant.id, ports=world, handed=read)
    assert noted is not None
    assert noted == _stored(world, read)
    assert (noted.state, noted.problem) == (GrantState.REVOKING, "hung")
    world.clock.forward(seconds=31)
    ended = world.reconcile(read.grant.id)
    assert ended.state is GrantState.ENDED
    assert reconcile_grant(read.grant.id, ports=world, handed=read) == ended
    assert [str(e.type) for e in world.store.events].count("grant.ended") == 1


def test_a_grant_expires_on_time_and_is_proven_gone(world: World) -> None:
    grant = world.active()
    world.clock.forward(minutes=59, seconds=59)
    assert world.reconcile(grant.id).state is GrantState.ACTIVE
    world.clock.forward(seconds=1)
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.EXPIRED)
    with world.store.read() as tx:
        proof = tx.proof(grant.id, ProofKind.GONE)
    assert proof is not None
    assert proof.seen[0].binding_uid is None
    assert not any(a.allowed for a in proof.seen[0].answers)


@pytest.mark.security("G2")
def test_a_binding_held_by_a_finalizer_is_emptied_and_freed_before_ended_is_said(
    world: World,
) -> None:
    grant = world.active()
    world.cluster.add_finalizer(world.place(grant), "example.com/keep")
    ended = _end(world, grant)
    assert ended.state is GrantState.ENDED
    assert "empty" in world.cluster.calls
    held = [e for e in world.store.events if str(e.type) == "grant.held"]
    assert [list(e.facts["finalizers"]) for e in held] == [["example.com/keep"]]  # type: ignore[call-overload]


@pytest.mark.security("G2")
def test_ended_is_not_said_while_a_copy_of_the_binding_stands_in_its_place(world: World) -> None:
    """A tool that restores what is deleted put the binding back, labels and all, under a uid of
    its own. It counted as somebody else's, and "ended" was said while it went on authorizing.
    """
    grant = world.active()
    place, subjects = world.place(grant), (f"User:{grant.subject}",)
    give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
    world.cluster.before(
        "ask", lambda: world.cluster.add_binding(place, VIEW, subjects, grant=grant.id) and None
    )
    held = world.reconcile(grant.id)
    assert (held.state, held.problem) == (GrantState.REVOKING, "binding-still-there")
    world.clock.forward(seconds=31)
    assert world.reconcile(grant.id).state is GrantState.ENDED
    assert world.cluster.all_bindings() == ()


@pytest.mark.security("G2")
def test_ended_is_not_said_while_the_binding_can_not_be_freed(world: World) -> None:
    grant = world.active()
    world.cluster.add_finalizer(world.place(grant), "example.com/keep")
    world.cluster.fail("drop_finalizers", ClusterForbidden, times=3)
    assert _end(world, grant).state is GrantState.REVOKING
    for _try in range(2):
        world.clock.forward(seconds=31)
        assert world.reconcile(grant.id).state is GrantState.REVOKING
    world.clock.forward(seconds=31)
    assert world.reconcile(grant.id).state is GrantState.ENDED


@pytest.mark.security("G1")
def test_a_failing_revocation_is_retried_for_ever_becomes_stuck_and_is_told(world: World) -> None:
    grant = world.active()
    world.cluster.fail("delete", times=1000)
    now = _end(world, grant)
    for _try in range(50):
        world.clock.forward(seconds=31)
        now = world.reconcile(grant.id)
        assert now.state is GrantState.REVOKING
    assert now.stuck
    assert now.problem == "cluster-unavailable"
    assert world.events().count("grant.stuck") == 1
    assert any(str(card.kind) == "stuck" for card in world.store.cards)
    world.cluster.mend()
    world.clock.forward(seconds=31)
    assert world.reconcile(grant.id).state is GrantState.ENDED


def test_a_missing_binding_is_never_made_again(world: World) -> None:
    grant = world.active()
    world.cluster.remove_binding(world.place(grant))
    world.clock.forward(seconds=30)
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.REVOKED_OUTSIDE)
    assert world.cluster.all_bindings() == ()


def test_a_narrowed_binding_is_never_widened(world: World) -> None:
    grant = world.active()
    world.cluster.edit_binding(world.place(grant), subjects=())
    world.clock.forward(seconds=30)
    assert world.reconcile(grant.id).cause is Cause.REVOKED_OUTSIDE
    assert world.cluster.all_bindings() == ()


def test_a_widened_binding_ends_the_grant(world: World) -> None:
    grant = world.active()
    subjects = (f"User:{grant.subject}", "Group:everyone")
    world.cluster.edit_binding(world.place(grant), subjects=subjects)
    world.clock.forward(seconds=30)
    assert world.reconcile(grant.id).cause is Cause.ALTERED_OUTSIDE
    assert world.cluster.all_bindings() == ()


def test_a_role_that_changed_before_activation_is_never_bound(world: World) -> None:
    grant = world.approved()
    world.cluster.put_role(VIEW, (Rule(("*",), ("*",), ("*",)),))
    ended = world.reconcile(grant.id)
    assert (ended.cause, ended.cause_detail) == (Cause.NEVER_ACTIVE, "role-changed")
    assert ended.active_at is None
    assert world.cluster.all_bindings() == ()


def _with_risk(*accepted: str) -> Policy:
    policy = a_policy()
    risk = AcceptedRisk(frozenset(accepted), "needed")
    entitlements = tuple(replace(one, accept_risk=risk) for one in policy.entitlements)
    return replace(policy, entitlements=entitlements)


def test_a_risk_that_policy_stopped_accepting_is_not_given_any_more(world: World) -> None:
    """Between an approval and the access a policy may be loaded, or a role gather more."""
    world.cluster.put_role(VIEW, (Rule(("get",), ("",), ("secrets",)),))
    world.policy.policy = _with_risk("secrets-read")
    grant = world.approved()
    world.policy.policy = _with_risk()
    ended = world.reconcile(grant.id)
    assert (ended.cause, ended.cause_detail) == (Cause.NEVER_ACTIVE, "risk-not-accepted")
    assert ended.active_at is None
    assert world.cluster.all_bindings() == ()


def test_an_accepted_risk_is_given(world: World) -> None:
    world.cluster.put_role(VIEW, (Rule(("get",), ("",), ("secrets",)),))
    world.policy.policy = _with_risk("secrets-read")
    assert world.active().state is GrantState.ACTIVE


def test_an_entitlement_that_is_gone_still_gives_what_needs_no_risk(world: World) -> None:
    harmless = world.approved()
    world.policy.policy = replace(a_policy(), entitlements=())
    assert world.reconcile(harmless.id).state is GrantState.ACTIVE


def test_an_entitlement_that_is_gone_accepts_no_risk(world: World) -> None:
    world.policy.policy = _with_risk("secrets-read")
    world.cluster.put_role(VIEW, (Rule(("get",), ("",), ("secrets",)),))
    risky = world.approved()
    world.policy.policy = replace(a_policy(), entitlements=())
    assert world.reconcile(risky.id).cause_detail == "risk-not-accepted"


def test_a_role_that_is_gone_before_activation_is_never_bound(world: World) -> None:
    """A binding to it would wait for whoever makes a role of that name next."""
    grant = world.approved()
    world.cluster.remove_role(VIEW)
    ended = world.reconcile(grant.id)
    assert (ended.cause, ended.cause_detail) == (Cause.NEVER_ACTIVE, "role-gone")
    assert (ended.state, ended.active_at) == (GrantState.ENDED, None)
    assert world.cluster.all_bindings() == ()


def test_what_is_not_active_in_time_never_becomes_active(world: World) -> None:
    grant = world.approved()
    world.cluster.fail("create_empty", times=1000)
    world.reconcile(grant.id)
    world.clock.forward(minutes=16)
    world.cluster.mend()
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.NEVER_ACTIVE)
    assert ended.cause_detail == "cluster-unavailable"
    assert world.cluster.all_bindings() == ()


def test_a_lost_answer_to_the_fill_is_found_filled_and_keeps_its_expiry(world: World) -> None:
    grant = world.approved()
    world.cluster.fail("fill", done=True)
    first = world.reconcile(grant.id)
    assert first.state is GrantState.ACTIVATING
    written = first.expires_at
    world.clock.forward(seconds=40)
    active = world.reconcile(grant.id)
    assert active.state is GrantState.ACTIVE
    assert active.expires_at == written


@pytest.mark.security("G3")
def test_a_worker_that_wakes_late_can_not_fill_an_ended_grant(world: World) -> None:
    """A worker sleeps before the filling PUT; meanwhile another ends the grant."""
    grant = world.approved()

    def meanwhile() -> None:
        give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
        assert world.reconcile(grant.id).state is GrantState.ENDED

    world.cluster.before("fill", meanwhile)
    assert reconcile_grant(grant.id, ports=world).state is GrantState.ENDED  # type: ignore[union-attr]
    assert world.cluster.all_bindings() == ()


@pytest.mark.security("G3")
def test_a_late_create_leaves_only_an_empty_binding_and_is_swept(world: World) -> None:
    grant = world.approved()

    def meanwhile() -> None:
        give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
        assert world.reconcile(grant.id).state is GrantState.ENDED

    world.cluster.before("create_empty", meanwhile)
    reconcile_grant(grant.id, ports=world)
    assert all(binding.subjects == () for binding in world.cluster.all_bindings())
    sweep_cluster(world.cluster, ports=world)
    assert world.cluster.all_bindings() == ()


@pytest.mark.security("G4")
def test_a_cut_off_api_server_holds_ended_up() -> None:
    world = World(endpoints=("https://a", "https://b"))
    grant = world.active()
    world.cluster.cut_off("https://b")
    assert _end(world, grant).state is GrantState.REVOKING
    world.cluster.join("https://b")
    world.clock.forward(seconds=31)
    ended = world.reconcile(grant.id)
    assert ended.state is GrantState.ENDED
    with world.store.read() as tx:
        proof = tx.proof(grant.id, ProofKind.GONE)
    assert proof is not None
    assert [one.endpoint for one in proof.seen] == ["https://a", "https://b"]
    assert "one-endpoint" not in proof.notes


def test_access_that_another_binding_still_gives_is_kept_verbatim(world: World) -> None:
    grant = world.active()
    other = replace(world.place(grant), name="somebody-elses")
    world.cluster.add_binding(other, VIEW, (f"User:{grant.subject}",))
    ended = _end(world, grant)
    assert ended.state is GrantState.ENDED
    with world.store.read() as tx:
        proof = tx.proof(grant.id, ProofKind.GONE)
    assert proof is not None
    assert "still-allowed-by-other" in proof.notes
    assert any("somebody-elses" in a.reason for a in proof.seen[0].answers)


def test_what_was_allowed_before_is_said_to_add_nothing(world: World) -> None:
    grant = world.approved()
    other = replace(world.place(grant), name="somebody-elses")
    world.cluster.add_binding(other, VIEW, (f"User:{grant.subject}",))
    world.reconcile(grant.id)
    with world.store.read() as tx:
        proof = tx.proof(grant.id, ProofKind.ACTIVE)
    assert proof is not None
    assert "adds-nothing" in proof.notes


def test_a_warning_comes_once_before_the_end(world: World) -> None:
    grant = world.active()
    world.clock.forward(minutes=55)
    world.reconcile(grant.id)
    world.clock.forward(minutes=1)
    world.reconcile(grant.id)
    assert [n.code for n in world.store.notices].count("expires-soon") == 1


def test_a_changed_name_ends_the_live_grant(world: World) -> None:
    grant = world.active()
    world.sign_in("erin", "engineers", email="erin.new@example.com")
    world.clock.forward(seconds=30)
    assert world.reconcile(grant.id).cause is Cause.RENAMED
    assert world.cluster.all_bindings() == ()


def test_a_taken_name_is_never_adopted(world: World) -> None:
    grant = world.approved()
    world.cluster.add_binding(world.place(grant), VIEW, ("User:mallory",))
    ended = world.reconcile(grant.id)
    assert (ended.cause, ended.cause_detail) == (Cause.NEVER_ACTIVE, "name-taken")
    assert [b.subjects for b in world.cluster.all_bindings()] == [("User:mallory",)]


@pytest.mark.security("G7")
def test_an_unknown_binding_runs_until_its_own_expiry_and_is_told_once(world: World) -> None:
    place = replace(world.place(world.approved()), name="valetkey-abcdefgh-gra-lost")
    expires = world.clock.now() + timedelta(hours=1)
    world.cluster.add_binding(place, VIEW, ("User:x",), grant="gra-lost", expires_at=expires)
    for _sweep in range(2):
        sweep_cluster(world.cluster, ports=world)
    assert world.cluster.peek(place) is not None
    assert world.events().count("binding.unknown") == 1
    world.clock.forward(hours=1)
    sweep_cluster(world.cluster, ports=world)
    assert world.cluster.peek(place) is None


@pytest.mark.security("G7")
def test_an_unknown_binding_never_runs_longer_than_policy_allows(world: World) -> None:
    place = replace(world.place(world.approved()), name="valetkey-abcdefgh-gra-lost")
    expires = world.clock.now() + timedelta(days=365)
    world.cluster.add_binding(place, VIEW, ("User:x",), grant="gra-lost", expires_at=expires)
    world.clock.forward(hours=8)
    sweep_cluster(world.cluster, ports=world)
    assert world.cluster.peek(place) is None


def test_another_installations_binding_is_left_alone(world: World) -> None:
    place = replace(world.place(world.approved()), name="valetkey-zzzzzzzz-gra-theirs")
    world.cluster.add_binding(place, VIEW, ("User:x",), grant="gra-x", installation="inst-other")
    sweep_cluster(world.cluster, ports=world)
    assert world.cluster.peek(place) is not None


def test_overlapping_grants_end_apart(world: World) -> None:
    first = world.active()
    ada = Account("T1", "U-ADA")
    second = world.grant(world.approve(ada, world.ask(ERIN)).grants[0])
    world.reconcile(second.id)
    assert _end(world, first).state is GrantState.ENDED
    assert world.reconcile(second.id).state is GrantState.ACTIVE
    there = world.cluster.peek(world.place(second))
    assert there is not None
    assert there.subjects


def test_a_short_lease_is_not_warned_of() -> None:
    world = World(times=AccessTimes(warn_before=timedelta(hours=1)))
    grant = world.active()
    world.clock.forward(minutes=30)
    assert not world.reconcile(grant.id).warned


def test_an_entitlement_taken_out_of_policy_lets_its_grants_end_on_time(world: World) -> None:
    grant = world.active()
    world.policy.policy = replace(world.policy.policy, entitlements=())
    world.clock.forward(minutes=59)
    assert world.reconcile(grant.id).state is GrantState.ACTIVE
    world.clock.forward(minutes=1)
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.EXPIRED)


def test_a_cluster_taken_out_of_policy_lets_its_grants_end_on_time(world: World) -> None:
    """How names are made there is not known any more: nobody is taken for another by that."""
    grant = world.active()
    world.policy.policy = replace(world.policy.policy, clusters=())
    world.clock.forward(minutes=59)
    assert world.reconcile(grant.id).state is GrantState.ACTIVE
    world.clock.forward(minutes=1)
    assert world.reconcile(grant.id).cause is Cause.EXPIRED


def test_an_endpoint_that_could_not_be_asked_has_not_shown_that_access_acts() -> None:
    world = World(endpoints=("https://a", "https://b"))
    grant = world.approved()
    world.cluster.cut_off("https://b")
    assert world.reconcile(grant.id).state is GrantState.ACTIVE
    with world.store.read() as tx:
        proof = tx.proof(grant.id, ProofKind.ACTIVE)
    assert proof is not None
    assert "not-all-allowed-yet" in proof.notes


def _lost(world: World, **changes: Any) -> BindingPlace:
    """A binding of ours that the record does not know and that has no end: it must not stand."""
    place = replace(world.place(world.approved()), name="valetkey-abcdefgh-gra-lost")
    world.cluster.add_binding(place, VIEW, ("User:x",), grant="gra-lost", **changes)
    return place


def test_deleted_is_not_said_of_a_binding_that_a_finalizer_still_holds(world: World) -> None:
    place = _lost(world, finalizers=("example.com/keep",))
    world.cluster.fail("drop_finalizers", done=False)
    with pytest.raises(ClusterUnavailable):
        sweep_cluster(world.cluster, ports=world)
    there = world.cluster.peek(place)
    assert there is not None
    assert there.subjects == ()
    assert "binding.deleted" not in world.events()
    sweep_cluster(world.cluster, ports=world)
    assert world.cluster.peek(place) is None
    assert "binding.deleted" in world.events()


def test_a_binding_that_can_not_be_deleted_is_told_once_and_tried_again(world: World) -> None:
    place = _lost(world)
    world.cluster.fail("delete", ClusterForbidden, times=2)
    for _sweep in range(2):
        assert sweep_cluster(world.cluster, ports=world).failed == 1
    assert world.events().count("binding.stuck") == 1
    assert [n.code for n in world.store.notices].count("binding-undeletable") == 1
    sweep_cluster(world.cluster, ports=world)
    assert world.cluster.peek(place) is None


def test_a_first_attempt_looks_for_no_binding_that_nobody_can_have_made(world: World) -> None:
    grant = world.approved()
    assert world.reconcile(grant.id).state is GrantState.ACTIVE
    calls = world.cluster.calls
    assert calls.index("create_empty") < calls.index("binding")


def test_no_more_is_asked_before_than_shows_that_the_binding_gives_something(world: World) -> None:
    many = tuple(Rule(("get", "list"), ("example.com",), (f"kind{i}",)) for i in range(12))
    world.cluster.put_role(VIEW, many)
    grant = world.approved()
    world.reconcile(grant.id)
    with world.store.read() as tx:
        before = tx.proof(grant.id, ProofKind.BEFORE)
    assert before is not None
    assert [answer.allowed for answer in before.seen[0].answers] == [False] * ENOUGH_DENIED
    assert before.unsampled == 24 - ENOUGH_DENIED


def test_what_is_allowed_already_is_asked_past_until_enough_is_denied(world: World) -> None:
    many = tuple(Rule(("get", "list"), ("example.com",), (f"kind{i}",)) for i in range(12))
    world.cluster.put_role(VIEW, many)
    grant = world.approved()
    other = RoleRef("ClusterRole", "most")
    world.cluster.put_role(other, many[:10])
    place = BindingPlace("other", world.place(grant).namespace)
    world.cluster.add_binding(place, other, (f"User:{grant.subject}",))
    world.reconcile(grant.id)
    with world.store.read() as tx:
        before = tx.proof(grant.id, ProofKind.BEFORE)
    assert before is not None
    assert sum(not answer.allowed for answer in before.seen[0].answers) == 2
    assert "adds-nothing" not in before.notes
