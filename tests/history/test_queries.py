"""The history's questions, on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grants.access.model import Cause, GrantState, ProofKind, RequestState, Verdict
from grants.authz.model import RoleRef
from grants.errors import BadInput
from grants.history.model import HistoryFilter
from grants.outbox.model import Card, CardKind, Place, PlaceKind
from grants.people.model import Account
from grants.record.model import Event, EventType
from tests.support.store_values import (
    HOUR,
    NOW,
    a_decision,
    a_grant,
    a_person,
    a_proof,
    a_request,
    a_role,
    active,
    ended,
    populate,
    some_terms,
)

DAY = timedelta(days=1)


@pytest.fixture
def stored(store):
    return populate(store)


@pytest.fixture
def granted(store, stored):
    """A request of two days ago for bob, asked by ann, approved by bob, active and then ended."""
    request = a_request(
        stored.ann,
        some_terms(cluster="lab", namespace=None, role=RoleRef("Role", "deployer")),
        recipient=stored.bob.id,
        created_at=NOW - 2 * DAY,
    )
    grant = a_grant(request, created_at=NOW - 2 * DAY)
    over = replace(
        ended(active(grant), Cause.GIVEN_BACK), ended_at=NOW - DAY, ended_by=stored.bob.id
    )
    with store.write() as tx:
        tx.add_request(request)
        tx.add_decision(
            a_decision(request, stored.bob, reason="fine", sign_in=last(tx, stored.bob))
        )
        tx.save_request(request.moved(RequestState.APPROVED, NOW - 2 * DAY))
        tx.add_grant(grant)
        tx.add_proof(a_proof(grant, ProofKind.BEFORE))
        tx.add_proof(a_proof(grant, ProofKind.GONE, notes=("old",)))
        tx.add_proof(a_proof(grant, ProofKind.GONE, binding_uid=None))
        tx.save_grant(over)
        tx.append(Event(EventType.REQUEST_SUBMITTED, NOW, "system", request=request.id))
        tx.append(Event(EventType.GRANT_ENDED, NOW, "system", request=request.id, grant=grant.id))
    return grant


def last(tx, person):
    return tx.known_person(person.id).sign_in.id


def found(store, **wanted):
    with store.read() as tx:
        return [row.request for row in tx.history(HistoryFilter(**wanted)).rows]


def test_a_row_tells_who_what_why_when_and_by_whom(store, stored, granted):
    with store.read() as tx:
        pending, row = tx.history(HistoryFilter()).rows
    assert (pending.state, pending.grant, pending.decisions) == ("pending", None, ())
    assert pending.reason == "incident 42: “carts” are empty"
    assert (row.grant, row.state, row.request_state) == (granted.id, "ended", "approved")
    assert (row.requester.name, row.recipient.email) == ("Ann", "bob@example.test")
    assert (row.cluster, row.namespace, row.role) == ("lab", None, "Role/deployer")
    assert (row.cause, str(row.ended_by)) == ("given-back", "bob@example.test")
    assert (row.asked_at, row.ended_at, row.duration) == (NOW - 2 * DAY, NOW - DAY, HOUR)
    (decision,) = row.decisions
    assert (decision.approver.name, decision.verdict, decision.reason) == ("Bob", "approve", "fine")


def test_a_row_shows_the_newest_proof_of_each_kind(store, granted):
    with store.read() as tx:
        row = tx.history(HistoryFilter(state=GrantState.ENDED)).rows[0]
    before, gone = row.proofs
    assert (before.kind, before.endpoints, before.asked, before.allowed) == ("before", 1, 2, 1)
    assert (gone.kind, gone.binding_uid, gone.notes) == ("gone", None, ("one-endpoint",))


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ({}, "both"),
        ({"cluster": "lab"}, "granted"),
        ({"cluster": "unknown"}, "none"),
        ({"namespace": "shop"}, "pending"),
        ({"role": "deployer"}, "granted"),
        ({"role": "Role/deployer"}, "granted"),
        ({"role": "ClusterRole/deployer"}, "none"),
        ({"state": RequestState.PENDING}, "pending"),
        ({"state": RequestState.APPROVED}, "none"),
        ({"state": GrantState.ENDED}, "granted"),
        ({"since": NOW - DAY}, "both"),
        ({"since": NOW - DAY + timedelta(microseconds=1)}, "pending"),
        ({"until": NOW}, "granted"),
        ({"until": NOW - 2 * DAY}, "none"),
        ({"people": frozenset()}, "none"),
    ],
)
def test_filters_narrow_the_list(store, stored, granted, wanted, matches):
    expected = {
        "both": [stored.request.id, granted.request],
        "granted": [granted.request],
        "pending": [stored.request.id],
        "none": [],
    }
    assert found(store, **wanted) == expected[matches]


def test_a_person_finds_what_they_asked_for_and_what_they_received(store, stored, granted):
    assert found(store, people=frozenset({stored.bob.id})) == [granted.request]
    both = frozenset({stored.ann.id})
    assert found(store, people=both) == [stored.request.id, granted.request]


def test_pages_hold_every_row_once(store, stored):
    """Also where several requests have one time."""
    with store.write() as tx:
        for number in range(6):
            tx.add_request(a_request(stored.ann, created_at=NOW - number % 2 * HOUR))
    seen, cursor = [], None
    with store.read() as tx:
        while True:
            page = tx.history(HistoryFilter(limit=2, cursor=cursor))
            seen += [row.item for row in page.rows]
            cursor = page.next
            if cursor is None:
                break
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize("cursor", ["", "x", "12", "12.", "9" * 30 + ".a", "-5.a", "٣.a"])
def test_a_cursor_that_is_none_is_refused(store, cursor):
    with store.read() as tx, pytest.raises(BadInput):
        tx.history(HistoryFilter(cursor=cursor))


def test_people_are_found_by_what_they_are_called(store, stored):
    with store.read() as tx:
        for text in (stored.ann.id, "ann", "T1/U1", "ANN@example.test"):
            assert tx.people_called(text) == {stored.ann.id}
        for text in ("T1/U9", "nobody@example.test", "", "/", "%"):
            assert tx.people_called(text) == frozenset()


def test_a_request_view_holds_everything_that_belongs_to_it(store, stored, granted):
    with store.read() as tx:
        view = tx.request_view(granted.request)
        assert view.request == tx.request(granted.request)
        assert tx.grant_view(granted.id) == view
        assert tx.request_view("req-unknown") is None
        assert tx.grant_view("gra-unknown") is None
    assert view.requester.label.name == "Ann"
    assert view.recipient.accounts == (Account("T1", "U2"),)
    assert view.requester.sign_in.groups == {"dev", "ops"}
    (decision,) = view.decisions
    assert decision.decision.verdict is Verdict.APPROVE
    assert decision.sign_in == decision.approver.sign_in
    (shown,) = view.grants
    assert shown.ended_by.label.name == "Bob"
    assert [proof.kind for proof in shown.proofs] == [ProofKind.BEFORE, ProofKind.GONE]
    assert view.roles == (a_role(),)


def test_lists_are_in_the_order_that_surfaces_show(store, stored, granted):
    older = a_request(stored.ann, created_at=NOW - DAY)
    draft = a_request(stored.ann, created_at=NOW + HOUR, state=RequestState.DRAFT)
    with store.write() as tx:
        tx.add_request(older)
        tx.add_request(draft)
    with store.read() as tx:
        assert [r.id for r in tx.waiting(9)] == [older.id, stored.request.id]
        assert [r.id for r in tx.waiting(1)] == [older.id]
        newest_first = [draft.id, stored.request.id, older.id, granted.request]
        assert [r.id for r in tx.requests_of(stored.ann.id, 9)] == newest_first
        assert [g.id for g in tx.grants_of(stored.bob.id, 9)] == [granted.id]
        assert [g.id for g in tx.grants_of(None, 9)] == [granted.id]
        assert tx.grants_of(stored.ann.id, 9) == ()
    assert [r.id for r in store.lists.pending_requests(1)] == [older.id]
    assert [r.id for r in store.lists.requests_of(stored.ann.id, 1)] == [draft.id]
    assert [g.id for g in store.lists.grants(None, 1)] == [granted.id]


def test_stuck_revocations_come_longest_failing_first(store, stored):
    request = a_request(stored.ann, *(some_terms() for _ in range(3)))
    grants = [a_grant(request, i) for i in range(3)]
    with store.write() as tx:
        tx.add_request(request)
        for number, grant in enumerate(grants):
            tx.add_grant(grant)
            revoking = replace(
                grant.moved(GrantState.REVOKING),
                cause=Cause.EXPIRED,
                stuck=number > 0,
                failing_since=NOW - number * HOUR,
            )
            tx.save_grant(revoking)
    with store.read() as tx:
        assert [g.id for g in tx.stuck()] == [grants[2].id, grants[1].id]
        assert tx.counts().stuck == 2


def test_counts_are_of_what_is_open_live_and_untold(store, stored, granted):
    request = a_request(stored.ann)
    with store.write() as tx:
        tx.add_request(request)
        tx.add_grant(a_grant(request))
        tx.tell(Card(CardKind.REQUEST, request.id, Place(PlaceKind.PERSON, stored.ann.id)))
    with store.read() as tx:
        counts = tx.counts()
    assert counts.requests == {"pending": 2}
    assert counts.grants == {"activating": 1}
    assert (counts.stuck, counts.undelivered, counts.events) == (0, 1, 2)


def test_events_are_found_by_what_they_are_about(store, granted):
    with store.read() as tx:
        assert [e.number for e in tx.events_about(granted.request)] == [1, 2]
        assert [e.number for e in tx.events_about(granted.id)] == [2]


def test_somebody_who_never_signed_in_is_named_by_their_subject(store, stored):
    new = a_person("newcomer")
    request = a_request(new, created_at=NOW + HOUR)
    with store.write() as tx:
        tx.add_person(new, NOW)
        tx.add_request(request)
    with store.read() as tx:
        assert str(tx.history(HistoryFilter(limit=1)).rows[0].requester) == "newcomer"
        assert tx.request_view(request.id).requester.sign_in is None
