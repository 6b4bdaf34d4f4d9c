"""A database that is said to be a restored copy: nothing in it that waits is decided twice."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from grants.access.give_back import GiveBack, give_back
from grants.access.model import AccessRequest, Cause, Grant, GrantState, RequestState
from grants.access.note_restored import Restored, note_restored
from grants.access.request_access import SubmitDraft, submit_draft
from grants.clock import Clock
from grants.errors import SignInTooOld, StoreError, WrongState
from grants.people.model import Account, Attempt, AttemptStep, WebSession
from grants.record.model import Event
from tests.support.memory_store import MemoryStore
from tests.support.world import World, refusal

pytestmark = pytest.mark.security("G7")

ADA, ERIN = Account("T1", "U-ADA"), Account("T1", "U-ERIN")


@pytest.fixture
def world() -> World:
    world = World()
    world.person("erin", "engineers")
    world.person("ada", "approvers")
    return world


@dataclass(frozen=True)
class Ports:
    """What the verb is given: rows and a clock, and no cluster to ask anything of."""

    store: MemoryStore
    clock: Clock


def restored(world: World) -> Restored:
    return note_restored(ports=Ports(world.store, world.clock))


def draft(world: World) -> AccessRequest:
    """Have Dora ask when her sign-in is too old, so that what she asked is kept."""
    dora = world.person("dora", "engineers")
    world.clock.forward(hours=13)
    needed = refusal(lambda: world.ask(dora))
    assert isinstance(needed, SignInTooOld)
    assert needed.draft is not None
    for name, group in (("erin", "engineers"), ("ada", "approvers")):
        world.sign_in(name, group)
    return world.request(needed.draft)


def approved(world: World) -> Grant:
    return world.grant(world.approve(ADA, world.ask(ERIN)).grants[0])


def made_empty(world: World, *, crash_before: str) -> Grant:
    """Have a worker stop in the middle of giving access: what stands in the cluster is empty."""
    grant = approved(world)
    world.watch.crash_before = crash_before
    with pytest.raises(BaseException, match=crash_before):
        world.reconcile(grant.id)
    world.watch.crash_before = ""
    return world.grant(grant.id)


def noted(world: World) -> Event:
    (event,) = (e for e in world.store.events if str(e.type) == "record.restored")
    return event


def test_every_request_that_waits_is_closed_whether_it_was_submitted_or_kept(world: World) -> None:
    kept, pending = draft(world), world.ask(ERIN)
    world.clock.forward(minutes=1)
    assert restored(world).requests == 2
    for request in (kept, pending):
        closed = world.request(request.id)
        assert (closed.state, closed.closed_detail) == (RequestState.CANCELLED, "restored")
        assert closed.closed_at == world.clock.now()
    cancelled = [e for e in world.store.events if str(e.type) == "request.cancelled"]
    assert {(e.request, e.actor) for e in cancelled} == {
        (kept.id, "admin-cli"),
        (pending.id, "admin-cli"),
    }


def test_one_whose_time_is_up_is_closed_like_one_that_may_still_be_decided(world: World) -> None:
    late = world.ask(ERIN)
    world.clock.forward(hours=4)
    early = world.ask(ERIN)
    assert late.pending_until <= world.clock.now() < early.pending_until
    assert restored(world).requests == 2
    for request in (late, early):
        assert world.request(request.id).closed_detail == "restored"


def test_the_buttons_of_what_was_closed_are_dead_and_its_draft_goes_on_nowhere(
    world: World,
) -> None:
    kept, pending = draft(world), world.ask(ERIN)
    restored(world)
    assert isinstance(refusal(lambda: world.approve(ADA, pending)), WrongState)
    owner = world.sign_in("dora", "engineers").person
    submit = SubmitDraft(owner, kept.id)
    assert isinstance(refusal(lambda: submit_draft(submit, ports=world)), WrongState)
    with world.store.read() as tx:
        assert tx.live_grants() == ()


def test_whoever_waits_is_told_and_the_cards_of_their_request_are_drawn_anew(world: World) -> None:
    pending = world.ask(ERIN)
    before = world.store.cards
    restored(world)
    (told,) = world.store.notices
    assert (told.code, told.about) == ("request-closed", pending.id)
    assert told.place.ref == pending.requester
    assert told.facts["state"] == "cancelled"
    after = world.store.cards
    assert [after[card] - before[card] for card in after if card.about == pending.id] == [1, 1]


def test_what_was_decided_already_is_left_as_it_was_decided(world: World) -> None:
    grant = approved(world)
    request = world.request(grant.request)
    restored(world)
    assert request.state is RequestState.APPROVED
    assert world.request(request.id) == request


def test_access_that_was_not_begun_is_given_up_and_never_given(world: World) -> None:
    """It may have been given, used and given back since: begun anew it would be given twice."""
    grant = approved(world)
    assert restored(world).grants == 1
    given_up = world.grant(grant.id)
    assert (given_up.state, given_up.cause) == (GrantState.REVOKING, Cause.NEVER_ACTIVE)
    assert (given_up.cause_detail, given_up.ended_by) == ("restored", "admin-cli")
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.active_at) == (GrantState.ENDED, None)
    assert "create_empty" not in world.cluster.calls
    assert world.cluster.all_bindings() == ()


def test_a_binding_that_a_crash_left_before_its_uid_was_stored_goes_with_what_is_given_up(
    world: World,
) -> None:
    grant = made_empty(world, crash_before="activate.store-intent")
    assert grant.binding_uid is None
    assert len(world.cluster.all_bindings()) == 1
    restored(world)
    assert world.reconcile(grant.id).state is GrantState.ENDED
    assert world.cluster.all_bindings() == ()


def test_access_that_is_known_by_a_uid_is_left_to_what_the_cluster_says(world: World) -> None:
    """Whether it was filled or used up since can be seen there; a copy that gave it up would
    take away what people have.
    """
    filled, gone = (made_empty(world, crash_before="activate.fill") for _ in range(2))
    there = world.cluster.peek(world.place(filled))
    assert there is not None
    subjects = (f"User:{filled.subject}",)
    world.cluster.edit_binding(there.place, subjects=subjects, expires_at=filled.expires_at)
    world.cluster.remove_binding(world.place(gone))
    assert restored(world).grants == 0
    assert [world.grant(one.id) for one in (filled, gone)] == [filled, gone]
    assert world.reconcile(filled.id).state is GrantState.ACTIVE
    ended = world.reconcile(gone.id)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.REVOKED_OUTSIDE)


def test_access_that_is_active_ending_or_over_is_not_touched(world: World) -> None:
    over, ending, active = (world.reconcile(approved(world).id) for _ in range(3))
    for grant in (over, ending):
        give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
    world.reconcile(over.id)
    before = [world.grant(grant.id) for grant in (over, ending, active)]
    assert [g.state for g in before] == [GrantState.ENDED, GrantState.REVOKING, GrantState.ACTIVE]
    assert restored(world).grants == 0
    assert [world.grant(grant.id) for grant in (over, ending, active)] == before
    assert world.reconcile(active.id).expires_at == active.expires_at


def test_web_sessions_and_sign_ins_under_way_end_and_links_do_not(world: World) -> None:
    """One that was signed out of since would be good again; who somebody is, is not in doubt."""
    known, now = world.known(ERIN), world.clock.now()
    hour = timedelta(hours=1)
    session = WebSession("ses-1", "digest-1", known.person.id, now, now + hour)
    attempt = Attempt("att-1", ERIN, "digest-2", AttemptStep.OFFERED, now + hour)
    with world.store.write() as tx:
        tx.add_session(session)
        tx.add_attempt(attempt)
    assert restored(world).sessions == 2
    with world.store.read() as tx:
        assert tx.session("digest-1") is None
        assert tx.attempt("att-1") is None
    assert world.known(ERIN) == known


def test_the_record_says_from_which_number_on_others_may_have_been_given(world: World) -> None:
    world.ask(ERIN)
    approved(world)
    last = len(world.store.events)
    done = restored(world)
    assert done == Restored(last, requests=1, grants=1, sessions=0)
    event = noted(world)
    assert (event.actor, event.at) == ("admin-cli", world.clock.now())
    assert event.facts == {"last_number": last, "requests": 1, "grants": 1, "sessions": 0}
    assert world.store.events[-1] == event, "it stands after all that it counts"
    assert world.events()[last:] == ["request.cancelled", "grant.revoking", "record.restored"]


def test_an_empty_database_is_noted_all_the_same(world: World) -> None:
    world.store = world.new_store()
    assert restored(world) == Restored(0, requests=0, grants=0, sessions=0)
    assert world.events() == ["record.restored"]


def test_said_twice_it_closes_nothing_more_and_is_recorded_twice(world: World) -> None:
    """Who is not sure that it went through says it once more."""
    approved(world)
    first = restored(world)
    told = len(world.store.notices)
    again = restored(world)
    assert again == Restored(first.last_number + 2, requests=0, grants=0, sessions=0)
    assert world.events().count("record.restored") == 2
    assert len(world.store.notices) == told


def test_what_is_asked_for_after_it_was_said_is_nothing_of_the_copys(world: World) -> None:
    restored(world)
    assert world.reconcile(approved(world).id).state is GrantState.ACTIVE


def test_all_of_it_is_done_or_nothing(world: World) -> None:
    """Half of it, with no event that says so, would be a copy that nobody knows to be one."""
    pending, grant = world.ask(ERIN), approved(world)
    broken = StoreError("a constraint was broken: x")
    world.store.fail("append", broken, of=lambda event: str(event.type) == "record.restored")
    assert refusal(lambda: restored(world)) is broken
    assert world.request(pending.id) == pending
    assert world.grant(grant.id) == grant
    assert world.events()[-1] == "grant.activating"
