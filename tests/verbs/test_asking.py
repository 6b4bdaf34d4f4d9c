"""Asking: judged at once, told at once, kept where a sign-in is lacking."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grants.access.cancel_request import CancelRequest, cancel_request
from grants.access.expire_requests import expire_requests
from grants.access.model import RequestState
from grants.access.request_access import RequestAccess, SubmitDraft, request_access, submit_draft
from grants.authz.model import Rule
from grants.errors import (
    AlreadyDone,
    BadInput,
    ClusterError,
    ClusterForbidden,
    ClusterUnavailable,
    NotAllowed,
    NotFound,
    Refused,
    SignInNeeded,
    SignInTooOld,
    WrongState,
)
from grants.people.model import Account
from grants.policy.model import Notify
from tests.support.world import VIEW, World, a_policy


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def erin(world: World) -> Account:
    return world.person("erin", "engineers")


def _failed(error: Refused) -> set[str]:
    return {reason.code for reason in error.reasons if not reason.holds}


def test_a_good_ask_is_pending_and_told_to_approvers_and_requester(
    world: World, erin: Account
) -> None:
    request = world.ask(erin)
    assert request.state is RequestState.PENDING
    assert request.items[0].terms.subject == "oidc:erin@example.com"
    assert request.groups == ("oidc:engineers",)
    assert {(str(c.kind), c.place.ref) for c in world.store.cards} == {
        ("approval", "C0PLATFORM"),
        ("request", request.requester),
    }
    assert world.events()[-1] == "request.submitted"


def test_who_asks_is_told_when_nobody_could_be(world: World, erin: Account) -> None:
    """Policy names a person alone, who never signed in: there is no place to tell them at."""
    world.policy.policy = a_policy(notify=Notify(people=("ada@example.com",)))
    request = world.ask(erin)
    (notice,) = world.store.notices
    assert (notice.code, notice.about, notice.place.ref) == (
        "nobody-asked",
        request.id,
        request.requester,
    )
    assert {str(card.kind) for card in world.store.cards} == {"request"}
    ada = world.known(world.person("ada", "approvers")).person.id
    world.ask(erin)
    assert len(world.store.notices) == 1
    assert {c.place.ref for c in world.store.cards if str(c.kind) == "approval"} == {ada}


def test_the_record_holds_no_reason_and_no_name(world: World, erin: Account) -> None:
    world.ask(erin, reason="Customer Smith complains")
    event = world.store.events[-1]
    assert event.why_digest
    assert "Smith" not in str(event)
    assert "erin" not in str(event)


def test_somebody_unlinked_is_sent_to_sign_in_and_recorded(world: World) -> None:
    with pytest.raises(SignInNeeded) as caught:
        world.ask(Account("T1", "U-NOBODY"))
    assert (caught.value.why, caught.value.draft) == ("not-linked", None)
    assert world.events()[-1] == "request.refused"
    assert world.store.events[-1].actor == "slack:T1/U-NOBODY"


def test_a_stale_sign_in_keeps_a_draft_that_goes_on_after_the_sign_in(
    world: World, erin: Account
) -> None:
    world.clock.forward(hours=13)
    with pytest.raises(SignInTooOld) as caught:
        world.ask(erin, reason="As shown")
    draft = caught.value.draft
    assert draft is not None
    assert world.request(draft).state is RequestState.DRAFT
    world.sign_in("erin", "engineers")
    person = world.known(erin).person.id
    request = submit_draft(SubmitDraft(person, draft), ports=world)
    assert request.state is RequestState.PENDING
    assert request.id == draft
    assert request.items[0].terms.reason == "As shown"
    assert request.items[0].terms.role_digest


def test_a_draft_is_its_owners_alone(world: World, erin: Account) -> None:
    mallory = world.person("mallory", "engineers")
    world.clock.forward(hours=13)
    with pytest.raises(SignInTooOld) as caught:
        world.ask(erin)
    world.sign_in("mallory", "engineers")
    assert caught.value.draft is not None
    command = SubmitDraft(world.known(mallory).person.id, caught.value.draft)
    with pytest.raises(NotAllowed):
        submit_draft(command, ports=world)
    assert world.events()[-1] == "request.refused"


def test_a_draft_that_never_was_is_not_submitted(world: World, erin: Account) -> None:
    person = world.known(erin).person.id
    calls = len(world.cluster.calls)
    with pytest.raises(NotFound):
        submit_draft(SubmitDraft(person, "req-none"), ports=world)
    assert len(world.cluster.calls) == calls


def test_a_draft_that_policy_refuses_is_closed_and_says_why(world: World, erin: Account) -> None:
    world.clock.forward(hours=13)
    with pytest.raises(SignInTooOld) as caught:
        world.ask(erin)
    world.sign_in("erin", "others")
    assert caught.value.draft is not None
    command = SubmitDraft(world.known(erin).person.id, caught.value.draft)
    with pytest.raises(Refused) as refused:
        submit_draft(command, ports=world)
    assert _failed(refused.value) == {"may-ask"}
    closed = world.request(caught.value.draft)
    assert (closed.state, closed.closed_detail) == (RequestState.CANCELLED, "refused")
    # Each move has its event: the draft's end had none.
    assert world.events()[-2:] == ["request.refused", "request.cancelled"]


def test_a_draft_is_submitted_under_the_policy_that_judged_it(world: World, erin: Account) -> None:
    """The record named the policy of the day of the draft."""
    world.clock.forward(hours=13)
    with pytest.raises(SignInTooOld) as caught:
        world.ask(erin)
    assert caught.value.draft is not None
    world.policy.policy = replace(world.policy.policy, digest="q" * 64)
    world.sign_in("erin", "engineers")
    command = SubmitDraft(world.known(erin).person.id, caught.value.draft)
    assert submit_draft(command, ports=world).policy_digest == "q" * 64
    assert world.store.events[-1].policy_digest == "q" * 64


@pytest.mark.security("P4")
def test_unknown_groups_are_refused_and_said_so(world: World) -> None:
    account = world.person("omar", unknown_groups=True)
    with pytest.raises(Refused) as caught:
        world.ask(account)
    assert "groups-unknown" in _failed(caught.value)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cluster": "nowhere"}, "cluster-known"),
        ({"namespace": "gone-since"}, "namespace-covered"),
        ({"namespace": "payments-gone"}, "namespace-exists"),
        ({"duration": timedelta(hours=9)}, "duration-within"),
        ({"reason": "   "}, "reason-given"),
        ({"namespace": None}, "namespace-covered"),
    ],
)
def test_what_policy_does_not_allow_is_refused_by_name(
    world: World, erin: Account, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as caught:
        world.ask(erin, **changes)
    assert code in _failed(caught.value)
    assert world.events()[-1] == "request.refused"
    assert code in world.store.events[-1].facts["failed"]  # type: ignore[operator]


def test_all_bad_fields_are_told_at_once(world: World, erin: Account) -> None:
    with pytest.raises(BadInput) as caught:
        world.ask(erin, cluster="", duration=timedelta(0), reason="x" * 501)
    assert [p.field for p in caught.value.problems] == ["cluster", "duration", "reason"]


@pytest.mark.parametrize(
    "namespace",
    [
        "payments-x/../kube-system",
        "payments-..",
        "payments-%2e",
        "Payments-A",
        "payments-" + "a" * 60,
    ],
)
def test_what_can_be_no_namespace_is_refused_before_anything_asks_for_it(
    world: World, erin: Account, namespace: str
) -> None:
    """A pattern of policy matches it; a proxy before the API server may read it as another."""
    asked = len(world.cluster.calls)
    with pytest.raises(BadInput) as caught:
        world.ask(erin, namespace=namespace)
    assert [p.field for p in caught.value.problems] == ["namespace"]
    assert len(world.cluster.calls) == asked


@pytest.mark.parametrize("reason", ["no \x00", "half \ud83d"])
def test_a_reason_that_can_not_be_kept_is_refused_at_its_field(
    world: World, erin: Account, reason: str
) -> None:
    """It broke the hashing of the terms, or the row, and people were told of a fault of ours."""
    with pytest.raises(BadInput) as caught:
        world.ask(erin, reason=reason)
    assert [(p.field, p.code) for p in caught.value.problems] == [("reason", "invalid")]


@pytest.mark.parametrize("duration", [timedelta(0), timedelta(hours=-1), timedelta(days=9999)])
def test_a_zero_negative_or_absurd_duration_is_refused(
    world: World, erin: Account, duration: timedelta
) -> None:
    with pytest.raises(BadInput):
        world.ask(erin, duration=duration)


def test_an_unknown_entitlement_is_refused(world: World, erin: Account) -> None:
    with pytest.raises(BadInput) as caught:
        world.ask(erin, entitlement="never-was")
    assert caught.value.problems[0].code == "entitlement-unknown"


@pytest.mark.parametrize("call", ["role", "has_namespace"])
@pytest.mark.parametrize(
    ("error", "code"),
    [(ClusterUnavailable, "role-unread"), (ClusterForbidden, "role-forbidden")],
)
def test_a_cluster_that_does_not_answer_is_a_refusal_that_says_so(
    world: World, erin: Account, call: str, error: type[ClusterError], code: str
) -> None:
    world.cluster.fail(call, error)
    with pytest.raises(Refused) as caught:
        world.ask(erin)
    assert code in _failed(caught.value)


def test_a_role_that_is_gone_is_refused(world: World, erin: Account) -> None:
    world.cluster.remove_role(VIEW)
    with pytest.raises(Refused) as caught:
        world.ask(erin)
    assert "role-missing" in _failed(caught.value)


@pytest.mark.security("G5")
def test_a_role_that_mints_lasting_power_needs_accept_risk(world: World, erin: Account) -> None:
    world.cluster.put_role(VIEW, (Rule(("create",), ("",), ("secrets",)),))
    with pytest.raises(Refused) as caught:
        world.ask(erin)
    assert "risks-accepted" in _failed(caught.value)


@pytest.mark.security("P2")
def test_two_people_who_render_to_one_name_are_refused(world: World, erin: Account) -> None:
    world.ask(erin)
    world.person("other", "engineers")
    world.sign_in("other", "engineers", email="erin@example.com")
    with pytest.raises(Refused) as caught:
        world.ask(Account("T1", "U-OTHER"))
    assert _failed(caught.value) == {"name-taken"}


@pytest.mark.security("D6")
def test_the_same_submit_twice_is_one_request(world: World, erin: Account) -> None:
    command = RequestAccess(
        "same", erin, "prod", "payments-dev", "view-payments", timedelta(hours=1), "Why"
    )
    request_access(command, ports=world)
    with pytest.raises(AlreadyDone):
        request_access(command, ports=world)
    assert world.events().count("request.submitted") == 1


def test_only_the_requester_cancels(world: World, erin: Account) -> None:
    request = world.ask(erin)
    mallory = world.person("mallory", "engineers")
    with pytest.raises(NotAllowed):
        cancel_request(CancelRequest(world.key(), mallory, request.id), ports=world)
    closed = cancel_request(CancelRequest(world.key(), erin, request.id), ports=world)
    assert closed.state is RequestState.CANCELLED
    with pytest.raises(WrongState):
        cancel_request(CancelRequest(world.key(), erin, request.id), ports=world)


def test_a_request_nobody_decides_expires(world: World, erin: Account) -> None:
    request = world.ask(erin)
    world.clock.forward(hours=3, minutes=59)
    assert expire_requests(ports=world) == 0
    world.clock.forward(minutes=1)
    assert expire_requests(ports=world) == 1
    assert world.request(request.id).state is RequestState.EXPIRED
    assert world.events()[-1] == "request.expired"


def test_a_rule_that_breaks_is_a_refusal(world: World, erin: Account) -> None:
    entitlement = replace(world.policy.policy.entitlements[0], clusters=(None,))  # type: ignore[arg-type]
    world.policy.policy = replace(world.policy.policy, entitlements=(entitlement,))
    with pytest.raises(Refused) as caught:
        world.ask(erin)
    assert "rule-failed" in _failed(caught.value)
