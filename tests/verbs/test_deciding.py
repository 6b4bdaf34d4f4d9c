"""Deciding: who, whether, and for exactly what; judged at the click."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grants.access.before import OLD_AFTER
from grants.access.decide import Decide, decide
from grants.access.fresh import Fresh
from grants.access.give_back import GiveBack, give_back
from grants.access.model import (
    AccessRequest,
    GrantState,
    Proof,
    ProofKind,
    RequestState,
    Verdict,
)
from grants.access.ports import Hold
from grants.access.reconcile import reconcile_grant
from grants.access.revoke_grant import RevokeGrant, revoke_grant
from grants.authz.model import Rule
from grants.authz.sample import candidate_questions
from grants.errors import (
    AlreadyDone,
    BadInput,
    ClusterUnavailable,
    NotAllowed,
    NotFound,
    Refused,
    SignInNeeded,
    SignInTooOld,
    TermsChanged,
    WrongState,
)
from grants.ids import Prefix, new_id
from grants.people.model import Account
from grants.policy.model import Stage, Who
from tests.support.world import VIEW, Crash, Later, World, a_policy


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def erin(world: World) -> Account:
    return world.person("erin", "engineers")


@pytest.fixture
def ada(world: World) -> Account:
    return world.person("ada", "approvers")


@pytest.fixture
def request_of_erin(world: World, erin: Account) -> AccessRequest:
    return world.ask(erin)


def _failed(error: Refused) -> set[str]:
    return {reason.code for reason in error.reasons if not reason.holds}


def test_one_approval_makes_one_grant(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    decided = world.approve(ada, request_of_erin)
    assert decided.request.state is RequestState.APPROVED
    grant = world.grant(decided.grants[0])
    assert grant.state is GrantState.ACTIVATING
    assert grant.approvers == (world.known(ada).person.id,)
    assert grant.activate_until == world.clock.now() + timedelta(minutes=15)
    assert world.events()[-3:] == ["decision.made", "request.approved", "grant.activating"]


def test_a_denial_closes_the_request_and_makes_nothing(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    command = Decide("k", ada, request_of_erin.id, request_of_erin.terms_hash, Verdict.DENY, "No")
    decided = decide(command, ports=world)
    assert (decided.request.state, decided.grants) == (RequestState.DENIED, ())


@pytest.mark.security("P7")
def test_nobody_decides_on_what_they_ask(world: World) -> None:
    both = world.person("both", "engineers", "approvers")
    with pytest.raises(Refused) as caught:
        world.approve(both, world.ask(both))
    assert "not-own" in _failed(caught.value)
    assert world.events()[-1] == "decision.refused"


@pytest.mark.security("P2", "P7")
def test_a_second_account_of_the_requester_can_not_approve(world: World) -> None:
    first = world.person("both", "engineers", "approvers")
    second = world.person("both", "engineers", "approvers", account="U-SECOND")
    with pytest.raises(Refused) as caught:
        world.approve(second, world.ask(first))
    assert "not-own" in _failed(caught.value)


@pytest.mark.security("P7")
def test_an_approver_must_be_linked_fresh_and_eligible(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    with pytest.raises(SignInNeeded):
        world.approve(Account("T1", "U-NOBODY"), request_of_erin)
    mallory = world.person("mallory", "engineers")
    with pytest.raises(Refused) as caught:
        world.approve(mallory, request_of_erin)
    assert "approver-eligible" in _failed(caught.value)
    world.clock.forward(hours=3)
    world.times = replace(world.times, signin_max_age=timedelta(hours=2))
    with pytest.raises(SignInTooOld):
        world.approve(ada, request_of_erin)
    assert world.request(request_of_erin.id).state is RequestState.PENDING


@pytest.mark.security("P6")
def test_a_role_edited_between_request_and_click_is_changed_ask_again(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    world.cluster.put_role(VIEW, (Rule(("get",), ("",), ("pods", "services")),))
    with pytest.raises(TermsChanged) as caught:
        world.approve(ada, request_of_erin)
    assert caught.value.what == "role"
    closed = world.request(request_of_erin.id)
    assert (closed.state, closed.closed_detail) == (RequestState.CANCELLED, "terms-changed")


@pytest.mark.security("P6")
def test_a_policy_that_no_longer_allows_the_terms_is_changed_ask_again(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    world.policy.policy = a_policy(duration_maximum=timedelta(minutes=30))
    with pytest.raises(TermsChanged) as caught:
        world.approve(ada, request_of_erin)
    assert caught.value.what == "policy"


def test_a_policy_edit_that_leaves_the_terms_allowed_voids_nothing(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    policy = a_policy(duration_maximum=timedelta(hours=2))
    world.policy.policy = replace(policy, digest="q" * 64)
    assert world.approve(ada, request_of_erin).grants


@pytest.mark.security("P6")
def test_a_requester_who_signed_in_again_without_the_group_is_changed_ask_again(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    world.sign_in("erin", "others")
    with pytest.raises(TermsChanged):
        world.approve(ada, request_of_erin)


@pytest.mark.security("P6")
def test_nobody_is_approved_on_groups_of_a_sign_in_that_is_too_old(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    """It may be mended while the request waits: it is refused, and stays open."""
    world.times = replace(world.times, signin_max_age=timedelta(hours=2))
    world.clock.forward(hours=3)
    world.sign_in("ada", "approvers")
    with pytest.raises(Refused) as caught:
        world.approve(ada, request_of_erin)
    assert _failed(caught.value) == {"sign-in-fresh"}
    assert world.request(request_of_erin.id).state is RequestState.PENDING
    world.sign_in("erin", "engineers")
    assert world.approve(ada, request_of_erin).grants


def test_a_button_with_other_terms_approves_nothing(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    command = Decide("k", ada, request_of_erin.id, "0" * 64, Verdict.APPROVE)
    with pytest.raises(TermsChanged) as caught:
        decide(command, ports=world)
    assert caught.value.what == "terms"
    assert world.request(request_of_erin.id).state is RequestState.PENDING


def test_a_cluster_that_is_down_holds_the_approval_up_and_closes_nothing(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    world.cluster.fail("role")
    with pytest.raises(ClusterUnavailable):
        world.approve(ada, request_of_erin)
    assert world.request(request_of_erin.id).state is RequestState.PENDING
    assert world.approve(ada, request_of_erin).grants


def test_a_denial_needs_no_cluster(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    world.cluster.fail("role")
    asked = len(world.cluster.calls)
    command = Decide("k", ada, request_of_erin.id, request_of_erin.terms_hash, Verdict.DENY)
    assert decide(command, ports=world).request.state is RequestState.DENIED
    assert len(world.cluster.calls) == asked


@pytest.mark.parametrize("reason", ["no \x00", "half \ud83d", "x" * 1001])
def test_a_why_that_can_not_be_kept_is_refused(
    world: World, ada: Account, request_of_erin: AccessRequest, reason: str
) -> None:
    shown = request_of_erin
    command = Decide("k", ada, shown.id, shown.terms_hash, Verdict.DENY, reason)
    with pytest.raises(BadInput):
        decide(command, ports=world)
    assert world.request(shown.id).state is RequestState.PENDING
    with pytest.raises(BadInput):
        revoke_grant(RevokeGrant("k2", ada, new_id(Prefix.GRANT), reason), ports=world)


def test_a_click_on_a_request_that_never_was_is_on_record(world: World, ada: Account) -> None:
    command = Decide("k", ada, new_id(Prefix.REQUEST), "0" * 64, Verdict.APPROVE)
    with pytest.raises(NotFound):
        decide(command, ports=world)
    assert world.events()[-1] == "decision.refused"


def test_two_of_two_are_needed_where_policy_says_so(world: World, ada: Account) -> None:
    stages = (Stage(Who(groups=frozenset({"approvers"})), quorum=2),)
    world.policy.policy = a_policy(stages=stages)
    omar = world.person("omar", "approvers")
    request = world.ask(world.person("erin", "engineers"))
    first = world.approve(ada, request)
    assert (first.request.state, first.grants) == (RequestState.PENDING, ())
    with pytest.raises(AlreadyDone):
        world.approve(ada, request)
    second = world.approve(omar, request)
    assert len(second.grants) == 1
    people = {world.known(ada).person.id, world.known(omar).person.id}
    assert set(world.grant(second.grants[0]).approvers) == people


def test_stages_are_passed_in_their_order(world: World, ada: Account) -> None:
    leads = Stage(Who(groups=frozenset({"leads"})))
    world.policy.policy = a_policy(stages=(Stage(Who(groups=frozenset({"approvers"}))), leads))
    lena = world.person("lena", "leads")
    request = world.ask(world.person("erin", "engineers"))
    with pytest.raises(Refused):
        world.approve(lena, request)
    assert world.approve(ada, request).request.stage == 1
    assert world.approve(lena, request).grants


def test_one_person_is_not_two_stages(world: World, ada: Account) -> None:
    approvers = Stage(Who(groups=frozenset({"approvers"})))
    world.policy.policy = a_policy(stages=(approvers, approvers))
    omar = world.person("omar", "approvers")
    request = world.ask(world.person("erin", "engineers"))
    world.approve(ada, request)
    with pytest.raises(AlreadyDone):
        world.approve(ada, request)
    assert world.approve(omar, request).grants


def test_a_stage_that_policy_added_since_is_asked_for_too(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    approvers, leads = (Stage(Who(groups=frozenset({g}))) for g in ("approvers", "leads"))
    world.policy.policy = a_policy(stages=(approvers, leads))
    lena = world.person("lena", "leads")
    assert world.approve(ada, request_of_erin).grants == ()
    assert world.approve(lena, request_of_erin).grants


def test_a_closed_or_expired_request_can_not_be_decided(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    world.clock.forward(hours=4)
    with pytest.raises(WrongState):
        world.approve(ada, request_of_erin)
    with pytest.raises(NotFound):
        world.approve(ada, replace(request_of_erin, id="req-forged"))


@pytest.mark.security("P8")
def test_the_same_click_twice_decides_once(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    command = Decide("same", ada, request_of_erin.id, request_of_erin.terms_hash, Verdict.APPROVE)
    decide(command, ports=world)
    with pytest.raises(AlreadyDone):
        decide(command, ports=world)
    with pytest.raises(WrongState):
        decide(replace(command, key="another"), ports=world)
    assert world.events().count("grant.activating") == 1


def test_only_the_recipient_gives_back(world: World) -> None:
    grant = world.active()
    with pytest.raises(NotAllowed):
        give_back(GiveBack(world.key(), Account("T1", "U-ADA"), grant.id), ports=world)
    assert world.events()[-1] == "grant.action-refused"
    assert world.grant(grant.id).state is GrantState.ACTIVE


def test_an_admin_revokes_with_a_reason_and_nobody_else_does(world: World) -> None:
    grant = world.active()
    alex = world.person("alex", "admins")
    with pytest.raises(BadInput):
        revoke_grant(RevokeGrant(world.key(), alex, grant.id, "  "), ports=world)
    with pytest.raises(NotAllowed):
        revoke_grant(
            RevokeGrant(world.key(), Account("T1", "U-ADA"), grant.id, "Mine"), ports=world
        )
    command = RevokeGrant(world.key(), alex, grant.id, "Incident over")
    assert revoke_grant(command, ports=world).state is GrantState.REVOKING
    ended = world.reconcile(grant.id)
    assert ended.state is GrantState.ENDED
    assert ended.end_reason == "Incident over"
    assert ended.ended_by == world.known(alex).person.id
    with pytest.raises(WrongState):
        revoke_grant(replace(command, key="again"), ports=world)


def test_being_admin_makes_nobody_an_approver(world: World, request_of_erin: AccessRequest) -> None:
    alex = world.person("alex", "admins")
    with pytest.raises(Refused):
        world.approve(alex, request_of_erin)


HOLD = Hold("wrk-here", timedelta(seconds=5))


def _held(world: World, ada: Account, request: AccessRequest) -> Fresh:
    """Approve where somebody begins what is made, and give what is handed over."""
    command = Decide(world.key(), ada, request.id, request.terms_hash, Verdict.APPROVE)
    (fresh,) = decide(command, ports=world, holder=lambda _: HOLD).held
    return fresh


def test_a_grant_that_is_begun_at_once_is_born_claimed_and_handed_over(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    fresh = _held(world, ada, request_of_erin)
    assert fresh.grant == world.grant(fresh.grant.id)
    with world.store.read() as tx:
        role = tx.role(fresh.grant.role_digest)
    assert role is not None
    assert fresh.rules == role.rules
    assert world.store.claim_grants("another", 10, HOLD.lasts) == ()
    world.clock.forward(seconds=5)
    assert world.store.claim_grants("another", 10, HOLD.lasts), "its claimant may have died"


def test_who_begins_it_is_asked_for_its_cluster_for_an_agreed_click_alone(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    asked: list[str] = []
    shown = request_of_erin.terms_hash
    wrong = Decide(world.key(), ada, request_of_erin.id, "0" * 64, Verdict.APPROVE)
    right = Decide(world.key(), ada, request_of_erin.id, shown, Verdict.APPROVE)
    with pytest.raises(TermsChanged):
        decide(wrong, ports=world, holder=asked.append)
    assert asked == []
    decided = decide(right, ports=world, holder=asked.append)
    assert asked == ["prod", "prod"], (
        "before anything is asked for it, and once the decision stands"
    )
    assert decided.held == (), "there is no room"
    assert [one.grant for one in world.store.claim_grants("another", 10, HOLD.lasts)] == [
        *decided.grants
    ]


def test_what_was_handed_over_becomes_active_without_being_read(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    fresh = _held(world, ada, request_of_erin)
    world.store.fail("grant", AssertionError("read"))
    done = reconcile_grant(fresh.grant.id, ports=world, handed=fresh)
    world.store.mend()
    assert done == world.grant(fresh.grant.id)
    assert done.state is GrantState.ACTIVE
    with world.store.read() as tx:
        before = tx.proof(done.id, ProofKind.BEFORE)
    assert before is not None
    assert before.seen[0].answers


def _asked(world: World) -> int:
    return world.cluster.calls.count("ask")


def _before(world: World, grant: str) -> Proof:
    with world.store.read() as tx:
        before = tx.proof(grant, ProofKind.BEFORE)
    assert before is not None
    return before


def test_what_is_allowed_before_is_asked_beside_the_decision_and_not_again(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    asked_at = world.clock.now()
    fresh = _held(world, ada, request_of_erin)
    assert _asked(world) == 0, "nobody waits for it before the decision stands"
    world.watch.crash_before = "activate.ask-active"
    with pytest.raises(Crash):
        reconcile_grant(fresh.grant.id, ports=world, handed=fresh)
    assert _asked(world) == 1
    before = _before(world, fresh.grant.id)
    assert [answer.allowed for answer in before.seen[0].answers] == [False]
    assert before.at == asked_at
    assert not world.lookups.started[0].left


def test_what_could_not_be_asked_for_the_decision_is_asked_by_the_walk(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    fresh = _held(world, ada, request_of_erin)
    world.cluster.fail("ask")
    assert reconcile_grant(fresh.grant.id, ports=world, handed=fresh) == world.grant(fresh.grant.id)
    assert world.grant(fresh.grant.id).state is GrantState.ACTIVE
    assert _before(world, fresh.grant.id).seen[0].answers


def test_where_the_first_questions_are_not_enough_the_walk_asks_on(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    """Erin may already do what is asked first, so that no change would show."""
    world.cluster.allow_otherwise("oidc:erin@example.com")
    fresh = _held(world, ada, request_of_erin)
    world.watch.crash_before = "activate.fill"
    with pytest.raises(Crash):
        reconcile_grant(fresh.grant.id, ports=world, handed=fresh)
    assert _asked(world) == 1 + len(candidate_questions(fresh.rules, "payments-dev")[0])
    assert "adds-nothing" in _before(world, fresh.grant.id).notes


@pytest.mark.parametrize("change", ["older", "of another"])
def test_only_fresh_answers_about_this_very_grant_are_taken(
    world: World, ada: Account, request_of_erin: AccessRequest, change: str
) -> None:
    fresh = _held(world, ada, request_of_erin)
    (started,) = world.lookups.started
    before = started.result()
    if change == "older":
        before = replace(before, at=before.at - OLD_AFTER - timedelta(milliseconds=1))
    else:
        before = replace(before, whom=replace(before.whom, namespace="payments-prod"))
    handed = replace(fresh, asking=Later(lambda: before))
    reconcile_grant(fresh.grant.id, ports=world, handed=handed)
    kept = _before(world, fresh.grant.id)
    assert kept.at == world.clock.now()
    assert {a.question.namespace for a in kept.seen[0].answers} == {"payments-dev"}
    assert _asked(world) > 1


def test_nothing_is_asked_of_what_access_adds_where_no_access_can_follow(
    world: World, erin: Account, ada: Account
) -> None:
    two = Stage(Who(groups=frozenset({"approvers"})), quorum=2)
    world.policy.policy = a_policy(stages=(two, two))
    request, started = world.ask(erin), world.lookups.started
    bob, cy, di = (world.person(name, "approvers") for name in ("bob", "cy", "di"))

    def click(
        who: Account, *, shown: str = request.terms_hash, hold: Hold | None = HOLD
    ) -> tuple[Fresh, ...]:
        command = Decide(world.key(), who, request.id, shown, Verdict.APPROVE)
        return decide(command, ports=world, holder=lambda _: hold).held

    for early in (ada, bob, cy):
        assert click(early) == ()
    assert started == [], "another yes is needed"
    with pytest.raises(TermsChanged):
        click(di, shown="0" * 64)
    assert started == [], "it is not what was agreed to"
    with pytest.raises(AlreadyDone):
        click(cy)
    assert [one.left for one in started] == [True], "who said yes before makes no difference"
    assert click(di, hold=None) == ()
    assert len(started) == 1, "nobody begins it here"
    assert world.request(request.id).state is RequestState.APPROVED


def test_where_the_role_is_another_by_now_nothing_is_asked_of_it(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    world.cluster.put_role(VIEW, (Rule(("*",), ("*",), ("*",)),))
    with pytest.raises(TermsChanged):
        _held(world, ada, request_of_erin)
    assert world.lookups.started == []


def test_what_was_handed_over_and_given_back_meanwhile_gives_nobody_anything(
    world: World, erin: Account, ada: Account, request_of_erin: AccessRequest
) -> None:
    fresh = _held(world, ada, request_of_erin)
    give_back(GiveBack(world.key(), erin, fresh.grant.id), ports=world)
    world.watch.crash_before = "activate.fill"
    done = reconcile_grant(fresh.grant.id, ports=world, handed=fresh)
    assert done is not None
    assert done.state is GrantState.ENDED
    assert world.cluster.peek(world.place(fresh.grant)) is None


def test_what_was_handed_over_for_a_cluster_that_is_gone_meanwhile_is_a_problem_of_the_grant(
    world: World, ada: Account, request_of_erin: AccessRequest
) -> None:
    fresh = _held(world, ada, request_of_erin)
    world.clusters = type(world.clusters)()
    done = reconcile_grant(fresh.grant.id, ports=world, handed=fresh)
    assert done is not None
    assert (done.state, done.problem) == (GrantState.ACTIVATING, ClusterUnavailable.code)
