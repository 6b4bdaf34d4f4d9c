from contextlib import closing
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from grants.access.model import Cause, GrantState, ProofKind, RequestState, Verdict
from grants.authz.model import RoleRef, Rule
from grants.errors import ChangedMeanwhile, StoreError
from grants.record.model import Event, EventType
from tests.support.store_values import (
    CLUSTER_UID,
    HOUR,
    NOW,
    a_decision,
    a_grant,
    a_proof,
    a_request,
    a_role,
    active,
    ended,
    some_terms,
)
from tests.support.stores import opened

OTHER_CLUSTER = "another-uid"


@pytest.fixture
def grant(store, stored):
    grant = a_grant(stored.request)
    with store.write() as tx:
        tx.add_grant(grant)
    return grant


def test_a_name_is_held_for_one_person(store, stored):
    with store.write() as tx:
        assert tx.claim_name(CLUSTER_UID, "oidc:ann", stored.ann.id)
        assert tx.claim_name(CLUSTER_UID, "oidc:ann", stored.ann.id)
        assert not tx.claim_name(CLUSTER_UID, "oidc:ann", stored.bob.id)
        assert tx.claim_name(OTHER_CLUSTER, "oidc:ann", stored.bob.id)


def test_a_renamed_persons_former_name_becomes_free(store, stored):
    with store.write() as tx:
        tx.claim_name(CLUSTER_UID, "oidc:ann", stored.ann.id)
        tx.claim_name(OTHER_CLUSTER, "oidc:ann", stored.ann.id)
        assert tx.claim_name(CLUSTER_UID, "oidc:ann-married", stored.ann.id)
    with store.write() as tx:
        assert tx.claim_name(CLUSTER_UID, "oidc:ann", stored.bob.id)
        assert not tx.claim_name(OTHER_CLUSTER, "oidc:ann", stored.bob.id)


def test_a_former_name_stays_held_while_a_grant_binds_it(store, stored, grant):
    """Or the next holder of the name would be given the access bound to it."""
    with store.write() as tx:
        tx.claim_name(CLUSTER_UID, grant.subject, stored.ann.id)
        tx.claim_name(CLUSTER_UID, "oidc:new", stored.ann.id)
        assert not tx.claim_name(CLUSTER_UID, grant.subject, stored.bob.id)
        tx.save_grant(ended(grant))
        tx.claim_name(CLUSTER_UID, "oidc:new", stored.ann.id)
        assert tx.claim_name(CLUSTER_UID, grant.subject, stored.bob.id)


def test_a_clusters_uid_is_stored_at_first_contact(store):
    with store.write() as tx:
        assert tx.cluster_uid("prod") is None
        tx.add_cluster("prod", CLUSTER_UID, NOW)
        tx.add_cluster("prod", CLUSTER_UID, NOW)
    with store.read() as tx:
        assert tx.cluster_uid("prod") == CLUSTER_UID


def test_an_alias_never_leads_to_another_cluster_silently(store):
    with store.write() as tx:
        tx.add_cluster("prod", CLUSTER_UID, NOW)
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.add_cluster("prod", OTHER_CLUSTER, NOW)
    with store.read() as tx:
        assert tx.cluster_uid("prod") == CLUSTER_UID


def test_a_role_is_kept_once_by_its_digest(store):
    first = a_role()
    same_rules = replace(first, ref=RoleRef("Role", "other"))
    other = a_role(rules=(Rule(verbs=("*",), api_groups=("*",), resources=("*",)),))
    with store.write() as tx:
        for snapshot in (first, same_rules, other):
            tx.add_role(snapshot)
    with store.read() as tx:
        assert tx.role(first.digest) == first
        assert tx.role(other.digest) == other
        assert tx.role("unknown") is None


def test_a_request_comes_back_as_it_was_stored(store, stored):
    several = a_request(
        stored.ann,
        some_terms(namespace=None, duration=timedelta(seconds=1, microseconds=1)),
        some_terms(role=RoleRef("Role", "deployer"), reason=""),
        some_terms(),
        state=RequestState.DENIED,
        closed_at=NOW + HOUR,
        stage=1,
        stages=3,
        recipient=stored.bob.id,
        groups=(),
    )
    with store.write() as tx:
        tx.add_request(several)
    with store.read() as tx:
        assert tx.request(several.id) == several
        assert tx.request(several.id).terms_hash == several.terms_hash
        assert tx.request(stored.request.id) == stored.request
        assert tx.request("req-unknown") is None


def test_a_saved_request_has_the_next_version(store, stored):
    with store.write() as tx:
        moved = tx.save_request(stored.request.moved(RequestState.APPROVED, NOW))
    with store.read() as tx:
        assert tx.request(moved.id) == moved
    assert moved.version == 2


def test_a_request_that_moved_on_is_not_saved(store, stored):
    with store.write() as tx:
        tx.save_request(stored.request.moved(RequestState.APPROVED, NOW))
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.save_request(stored.request.moved(RequestState.DENIED, NOW))
    with store.read() as tx:
        assert tx.request(stored.request.id).state is RequestState.APPROVED


def test_an_unknown_request_is_not_saved(store, stored):
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.save_request(a_request(stored.ann))


def with_other_terms(draft, stored):
    """Give a draft as it is submitted, with two items that it did not have."""
    items = a_request(stored.ann, some_terms(), some_terms()).items
    return replace(draft.moved(RequestState.PENDING, NOW), items=items)


def test_a_draft_may_be_given_other_terms(store, stored):
    draft = a_request(stored.ann, state=RequestState.DRAFT)
    submitted = with_other_terms(draft, stored)
    with store.write() as tx:
        tx.add_request(draft)
        tx.save_request(submitted)
    with store.read() as tx:
        assert tx.request(draft.id).items == submitted.items


def test_what_was_seen_of_a_request_counts_only_with_its_version(store, stored):
    """A draft that was submitted meanwhile, with other terms, is read as it is."""
    draft = a_request(stored.ann, state=RequestState.DRAFT)
    submitted = with_other_terms(draft, stored)
    with store.write() as tx:
        tx.add_request(draft)
    with store.read() as tx:
        seen = tx.request(draft.id)
    with store.write() as tx:
        assert tx.request(draft.id, seen) == draft
        tx.save_request(submitted)
    with store.write() as tx:
        assert tx.request(draft.id, seen) == replace(submitted, version=2)
        assert tx.request(draft.id, stored.request) == replace(submitted, version=2)
        assert tx.request("req-none", seen) is None
    with store.read() as tx:
        assert tx.request(draft.id, seen) == replace(submitted, version=2)


def test_what_was_seen_is_saved_with_its_own_terms_alone(store, stored):
    with store.read() as tx:
        seen = tx.request(stored.request.id)
    with store.write() as tx:
        found = tx.request(stored.request.id, seen)
        tx.save_request(found.moved(RequestState.APPROVED, NOW))
    changed = replace(seen, version=2, items=a_request(stored.ann).items)
    with store.write() as tx:
        tx.request(stored.request.id, seen)
        with pytest.raises(StoreError):
            tx.save_request(changed)


def test_the_terms_of_a_submitted_request_never_change(store, stored):
    changed = replace(stored.request, items=a_request(stored.ann).items)
    with pytest.raises(StoreError), store.write() as tx:
        tx.save_request(changed)
    with store.read() as tx:
        assert tx.request(stored.request.id) == stored.request


def test_a_closed_request_says_when(store, stored):
    with pytest.raises(StoreError), store.write() as tx:
        tx.save_request(replace(stored.request, state=RequestState.DENIED))


def test_open_requests_past_their_time_are_listed_oldest_first(store, stored):
    late = a_request(stored.ann, pending_until=NOW)
    later = a_request(stored.ann, state=RequestState.DRAFT, pending_until=NOW - HOUR)
    closed = a_request(stored.ann, pending_until=NOW).moved(RequestState.CANCELLED, NOW)
    with store.write() as tx:
        for request in (late, later, closed):
            tx.add_request(request)
    with store.read() as tx:
        assert tx.requests_past(NOW, 10) == (later, late)
        assert tx.requests_past(NOW, 1) == (later,)


def test_the_open_requests_of_a_person_are_counted(store, stored):
    draft = a_request(stored.ann, state=RequestState.DRAFT)
    closed = a_request(stored.ann).moved(RequestState.CANCELLED, NOW)
    with store.write() as tx:
        before = tx.open_requests(stored.ann.id)
        for request in (draft, a_request(stored.ann), a_request(stored.bob), closed):
            tx.add_request(request)
        assert tx.open_requests(stored.ann.id) == before + 2
    with store.read() as tx:
        assert tx.open_requests(stored.ann.id) == before + 2


def test_open_requests_are_named_by_who_would_receive(store, stored):
    draft = a_request(stored.ann, state=RequestState.DRAFT)
    closed = a_request(stored.ann).moved(RequestState.CANCELLED, NOW)
    other = a_request(stored.bob)
    with store.write() as tx:
        before = tx.open_requests_for({stored.ann.id})
        for request in (draft, other, closed):
            tx.add_request(request)
        assert set(tx.open_requests_for({stored.ann.id})) == {*before, draft.id}
        both = tx.open_requests_for({stored.bob.id, stored.ann.id})
        assert set(both) == {*before, draft.id, other.id}
        assert list(both) == sorted(both)
        assert tx.open_requests_for({"per-nobody"}) == ()


def test_an_approver_decides_a_stage_once(store, stored):
    first = a_decision(stored.request, stored.bob, reason="fine")
    again = a_decision(stored.request, stored.bob, verdict=Verdict.DENY)
    next_stage = a_decision(stored.request, stored.bob, stage=1)
    other = a_decision(stored.request, stored.ann)
    with store.write() as tx:
        assert tx.add_decision(first)
        assert not tx.add_decision(again)
        assert tx.add_decision(next_stage)
        assert tx.add_decision(other)
    with store.read() as tx:
        assert tx.decisions(stored.request.id) == (first, next_stage, other)
        assert tx.decisions("req-unknown") == ()


def test_a_grant_comes_back_as_it_was_stored(store, stored, grant):
    with store.read() as tx:
        assert tx.grant(grant.id) == grant
        assert tx.grant("gra-unknown") is None
        assert tx.grant_of_request(stored.request.id) == (grant,)


def test_every_field_of_a_grant_is_saved(store, grant):
    last = replace(
        ended(active(grant, "uid-9")),
        cause_detail="still allowed by …",
        ended_by="per-admin",
        end_reason="The ticket is closed",
        attempts=7,
        problem="cluster-unavailable",
        failing_since=NOW,
        stuck=True,
        warned=True,
        role_now="d" * 64,
        due_at=NOW + HOUR,
    )
    unset = [one.name for one in fields(last) if getattr(last, one.name) == one.default]
    assert unset == [], "what is as it was before proves nothing"
    with store.write() as tx:
        saved = tx.save_grant(last)
    with store.read() as tx:
        assert tx.grant(grant.id) == saved == replace(last, version=2)


def test_an_item_has_one_grant(store, stored, grant):
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.add_grant(a_grant(stored.request))


def test_a_grant_without_its_item_is_refused(store, stored):
    with pytest.raises(StoreError), store.write() as tx:
        tx.add_grant(replace(a_grant(stored.request), item="itm-unknown"))


def test_a_grant_that_moved_on_is_not_saved(store, grant):
    with store.write() as tx:
        tx.save_grant(active(grant))
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.save_grant(ended(grant))
    with store.read() as tx:
        assert tx.grant(grant.id).state is GrantState.ACTIVE


def test_of_grants_saved_at_once_none_is_when_one_moved_on(store, stored, grant):
    request = a_request(stored.ann)
    other = a_grant(request)
    with store.write() as tx:
        tx.add_request(request)
        tx.add_grant(other)
        tx.save_grants([])
        tx.save_grants([active(grant, "uid-1"), active(other, "uid-2")])
    with store.read() as tx:
        grant_now, other_now = tx.grant(grant.id), tx.grant(other.id)
    assert grant_now == replace(active(grant, "uid-1"), version=2)
    assert other_now == replace(active(other, "uid-2"), version=2)
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.save_grants([ended(grant_now), ended(other)])
    with store.read() as tx:
        assert tx.grant(grant.id) == grant_now


def test_one_binding_realises_one_grant(store, stored, grant):
    request = a_request(stored.ann)
    other = a_grant(request)
    with store.write() as tx:
        tx.add_request(request)
        tx.add_grant(other)
        tx.save_grant(active(grant, "uid-1"))
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.save_grant(active(other, "uid-1"))


def test_what_a_grant_was_given_with_stays_as_it_was(store, stored, grant):
    """Nobody agreed to anything else, whatever a bug makes of the value."""
    other = replace(grant, subject="oidc:mallory", role_digest="e" * 64, recipient=stored.bob.id)
    with store.write() as tx:
        tx.save_grant(replace(other, attempts=1))
    with store.read() as tx:
        assert tx.grant(grant.id) == replace(grant, attempts=1, version=2)


@pytest.mark.parametrize(
    "broken",
    [
        {"state": GrantState.ACTIVE, "binding_uid": "uid"},
        {"state": GrantState.ACTIVE, "expires_at": NOW},
        {"state": GrantState.REVOKING},
        {"state": GrantState.ENDED, "ended_at": NOW},
        {"ended_at": NOW},
    ],
)
def test_a_grant_that_no_move_makes_is_refused(store, grant, broken):
    with pytest.raises(StoreError), store.write() as tx:
        tx.save_grant(replace(grant, **broken))


def test_live_grants_are_those_not_ended(store, stored):
    request = a_request(
        stored.ann, some_terms(), some_terms(cluster="lab"), some_terms(), recipient=stored.bob.id
    )
    first, lab, over = (a_grant(request, i, created_at=NOW + i * HOUR) for i in range(3))
    with store.write() as tx:
        tx.add_request(request)
        for grant in (lab, over, first):
            tx.add_grant(grant)
        tx.save_grant(ended(over))
    with store.read() as tx:
        assert tx.live_grants() == (first, lab)
        assert tx.live_grants(cluster="lab") == (lab,)
        assert tx.live_grants(person=stored.ann.id) == (first, lab)
        assert tx.live_grants(person=stored.bob.id, cluster="prod") == (first,)
        assert tx.live_grants(person="per-unknown") == ()


def test_the_newest_proof_of_a_kind_counts(store, grant):
    before = a_proof(grant, ProofKind.BEFORE)
    old = a_proof(grant, binding_uid=None, notes=(), seen=())
    new = a_proof(grant)
    with store.write() as tx:
        for proof in (before, old, new):
            tx.add_proof(proof)
    with store.read() as tx:
        assert tx.proof(grant.id, ProofKind.ACTIVE) == new
        assert tx.proof(grant.id, ProofKind.BEFORE) == before
        assert tx.proof(grant.id, ProofKind.GONE) is None


def test_grants_that_are_to_end_are_read_together_with_what_was_proven_before(store, stored):
    request = a_request(stored.ann, *(some_terms() for _ in range(4)))
    grants = [a_grant(request, number) for number in range(4)]
    old = a_proof(grants[0], ProofKind.BEFORE, notes=("old",))
    newest = a_proof(grants[0], ProofKind.BEFORE)
    with store.write() as tx:
        tx.add_request(request)
        for grant in grants:
            tx.add_grant(grant)
        now = list(tx.save_grants([active(grant) for grant in grants]))
        for proof in (old, newest, a_proof(grants[0]), a_proof(grants[2], ProofKind.BEFORE)):
            tx.add_proof(proof)
    with store.write() as tx:
        for number in (0, 1):
            revoked = replace(
                now[number].moved(GrantState.REVOKING), cause=Cause.EXPIRED, revoking_at=NOW
            )
            now[number] = tx.save_grant(revoked)
        now[3] = tx.save_grant(ended(now[3]))
    with store.read() as tx:
        found = tx.ends_among(["gra-unknown", *(grant.id for grant in grants)])
        assert sorted(found, key=lambda one: one[1] is None) == [(now[0], newest), (now[1], None)]
        assert tx.ends_among(["gra-unknown"]) == ()


def test_a_policy_version_is_kept_once(store):
    with store.write() as tx:
        tx.add_policy("digest", b"bytes\x00\xff", NOW)
        tx.add_policy("digest", b"bytes\x00\xff", NOW)
    with store.read() as tx:
        assert tx.policy_body("digest") == b"bytes\x00\xff"
        assert tx.policy_body("unknown") is None
        assert tx.last_policy() is None
    loaded = Event(EventType.POLICY_LOADED, NOW, actor="system", policy_digest="digest")
    with store.write() as tx:
        tx.append(loaded)
    with store.read() as tx:
        assert tx.last_policy() == b"bytes\x00\xff"


def test_the_newest_event_of_a_kind_is_found_without_reading_the_record(sqlite_url):
    """Each start asks for the last policy, and a year of events may lie between."""
    asked = "SELECT canonical FROM events WHERE type = 'x' ORDER BY number DESC LIMIT 1"
    with closing(opened(sqlite_url)) as store, store._database.reading() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {asked}")).all()
    assert "ix_events_type_number" in str(plan)


@pytest.mark.parametrize(
    "write",
    [
        lambda tx, stored: tx.claim_name(CLUSTER_UID, "n", stored.ann.id),
        lambda tx, stored: tx.add_cluster("prod", CLUSTER_UID, NOW),
        lambda tx, stored: tx.add_role(a_role(rules=())),
        lambda tx, stored: tx.add_request(a_request(stored.ann)),
        lambda tx, stored: tx.save_request(stored.request),
        lambda tx, stored: tx.add_decision(a_decision(stored.request, stored.bob)),
        lambda tx, stored: tx.add_grant(a_grant(stored.request)),
        lambda tx, stored: tx.save_grant(a_grant(stored.request)),
        lambda tx, stored: tx.add_proof(a_proof(a_grant(stored.request))),
        lambda tx, stored: tx.add_policy("d", b"", NOW),
    ],
)
def test_a_reader_cannot_write_access(store, stored, write):
    with pytest.raises(StoreError), store.read() as tx:
        write(tx, stored)


def test_leases_that_are_over_are_listed_the_longest_due_first_and_no_others(store, stored):
    request = a_request(stored.ann, *(some_terms() for _ in range(4)))
    grants = [a_grant(request, number) for number in range(4)]
    with store.write() as tx:
        tx.add_request(request)
        for number, grant in enumerate(grants):
            at = NOW - timedelta(minutes=number)
            tx.add_grant(replace(active(grant), expires_at=at, due_at=at))
        tx.save_grant(replace(tx.grant(grants[0].id), expires_at=NOW + HOUR))
        over = tx.grant(grants[1].id).moved(GrantState.REVOKING)
        tx.save_grant(replace(over, cause=Cause.EXPIRED, revoking_at=NOW))
        assert [one.id for one in tx.leases_over(NOW, 10)] == [grants[3].id, grants[2].id]
        assert [one.id for one in tx.leases_over(NOW, 1)] == [grants[3].id]


def test_a_clusters_aliases_are_named_the_one_seen_first_first(store):
    with store.write() as tx:
        tx.add_cluster("prod", "uid-a", NOW)
        tx.add_cluster("again", "uid-a", NOW + HOUR)
        tx.add_cluster("other", "uid-b", NOW)
    with store.read() as tx:
        assert tx.aliases_of("uid-a") == ("prod", "again")
        assert tx.aliases_of("uid-c") == ()
        assert tx.seen_as("again") == ("uid-a", ("prod", "again"))
        assert tx.seen_as("other") == ("uid-b", ("other",))
        assert tx.seen_as("never") is None
