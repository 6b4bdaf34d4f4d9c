"""Nobody fills the record, or buries approvers under requests: limits that stop no honest work."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grants.access.cancel_request import CancelRequest, cancel_request
from grants.access.decide import Decide, decide
from grants.access.model import Verdict
from grants.access.request_access import SubmitDraft, submit_draft
from grants.errors import NotFound, Refused, SignInNeeded, TooMany, ValetkeyError
from grants.ids import Prefix, new_id
from grants.people.actors import REFUSALS
from grants.people.model import Account
from grants.people.offer_sign_in import OFFERS, OfferSignIn, offer_sign_in
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def strict(world: World) -> World:
    """Two open requests a person."""
    world.policy.policy = replace(world.policy.policy, open_requests=2)
    return world


def test_more_open_requests_than_policy_allows_are_refused_by_name(strict: World) -> None:
    erin, other = strict.person("erin", "engineers"), strict.person("omar", "engineers")
    first, _ = strict.ask(erin), strict.ask(erin)
    with pytest.raises(Refused) as refused:
        strict.ask(erin)
    failed = [reason for reason in refused.value.reasons if not reason.holds]
    assert [(r.code, r.facts) for r in failed] == [
        ("open-requests-within", (("open", "2"), ("maximum", "2")))
    ]
    strict.ask(other)
    cancel_request(CancelRequest(strict.key(), erin, first.id), ports=strict)
    strict.ask(erin)


def test_kept_drafts_count_too(strict: World) -> None:
    erin = strict.person("erin", "engineers")
    strict.clock.forward(days=1)
    for _ in range(2):
        with pytest.raises(SignInNeeded):
            strict.ask(erin)
    with pytest.raises(Refused) as refused:
        strict.ask(erin)
    assert [r.code for r in refused.value.reasons] == ["open-requests-within"]
    assert len(strict.store._rows.requests) == 2


def test_a_draft_that_goes_on_does_not_stand_in_its_own_way(strict: World) -> None:
    erin = strict.person("erin", "engineers")
    strict.ask(erin)
    strict.clock.forward(hours=13)
    with pytest.raises(SignInNeeded) as needed:
        strict.ask(erin)
    strict.sign_in("erin", "engineers")
    person = strict.known(erin).person.id
    done = submit_draft(SubmitDraft(person, needed.value.draft or ""), ports=strict)
    assert done.state == "pending"


def test_a_request_that_is_open_is_decided_also_when_policy_allows_fewer_by_now(
    world: World,
) -> None:
    erin, ada = world.person("erin", "engineers"), world.person("ada", "approvers")
    requests = [world.ask(erin) for _ in range(3)]
    world.policy.policy = replace(world.policy.policy, open_requests=1)
    assert world.approve(ada, requests[0]).grants


def test_made_up_ids_do_not_fill_the_record(world: World) -> None:
    """Whoever may click could otherwise add an event with each click."""
    ada = world.person("ada", "approvers")

    def click() -> None:
        made_up = new_id(Prefix.REQUEST)
        with pytest.raises(NotFound):
            decide(Decide(world.key(), ada, made_up, "0" * 64, Verdict.APPROVE), ports=world)

    for _ in range(REFUSALS.most + 5):
        click()
    kept = [e for e in world.store.events if e.type == "decision.refused"]
    assert len(kept) == REFUSALS.most
    assert "more_left_out_until" not in kept[-2].facts
    assert kept[-1].facts["more_left_out_until"] == "2026-01-05T13:00:00+00:00"
    world.clock.forward(hours=1)
    click()
    assert world.events().count("decision.refused") == REFUSALS.most + 1


def test_one_who_fills_their_own_room_takes_nobody_elses(world: World) -> None:
    world.person("erin", "engineers")
    strangers = [Account("T1", f"U{n}") for n in range(2)]
    for _ in range(REFUSALS.most + 1):
        with pytest.raises(ValetkeyError):
            world.ask(strangers[0])
    before = world.events().count("request.refused")
    with pytest.raises(ValetkeyError):
        world.ask(strangers[1])
    assert world.events().count("request.refused") == before + 1


def test_many_sign_in_links_are_refused_by_name_until_the_first_ones_are_over(
    world: World,
) -> None:
    stranger = Account("T1", "U9")

    def offer() -> None:
        offer_sign_in(OfferSignIn(world.key(), stranger), ports=world)  # type: ignore[arg-type]

    for _ in range(OFFERS.most):
        offer()
    with pytest.raises(TooMany) as refused:
        offer()
    assert (refused.value.what, refused.value.until) == (
        "sign-in-offer",
        world.clock.now() + timedelta(minutes=10),
    )
    assert len(world.store._rows.attempts) == OFFERS.most
    world.clock.forward(minutes=10)
    offer()
