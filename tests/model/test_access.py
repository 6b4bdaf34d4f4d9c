"""Requests and grants as values: what may follow what, and what an approval is for."""

import itertools
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.access.model import (
    GRANT_MOVES,
    REQUEST_MOVES,
    AccessRequest,
    Grant,
    GrantState,
    Item,
    RequestState,
    Terms,
    terms_as_json,
    terms_hash,
)
from grants.authz.model import RoleRef
from grants.errors import WrongState

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SALT = bytes(range(16))
TERMS = Terms(
    cluster_uid="0b9c7a51-6a43-4f5c-9f0e-1d2c3b4a5968",
    cluster="prod",
    namespace="payments-dev",
    role=RoleRef("ClusterRole", "view"),
    role_digest="d" * 64,
    subject="oidc:erin@example.com",
    duration=timedelta(hours=1),
    reason="Looking at the 3 a.m. pager — naïve retry?",
    entitlement="view-payments",
)
OTHER = {
    "cluster_uid": "1b9c7a51-6a43-4f5c-9f0e-1d2c3b4a5968",
    "cluster": "stage",
    "namespace": None,
    "role": RoleRef("Role", "view"),
    "role_digest": "e" * 64,
    "subject": "oidc:eve@example.com",
    "duration": timedelta(hours=1, seconds=1),
    "reason": "looking at the 3 a.m. pager — naïve retry?",
    "entitlement": "edit-payments",
}


def request(state: RequestState) -> AccessRequest:
    return AccessRequest(
        id="req-1",
        version=1,
        state=state,
        requester="per-erin",
        recipient="per-erin",
        items=(Item("itm-1", TERMS),),
        salt=SALT,
        groups=(),
        policy_digest="p" * 64,
        created_at=NOW,
        pending_until=NOW + timedelta(hours=4),
    )


def grant(state: GrantState) -> Grant:
    return Grant(
        id="gra-1",
        version=1,
        state=state,
        request="req-1",
        item="itm-1",
        requester="per-erin",
        recipient="per-erin",
        approvers=("per-ada",),
        cluster_uid=TERMS.cluster_uid,
        cluster="prod",
        namespace="payments-dev",
        role=TERMS.role,
        role_digest=TERMS.role_digest,
        subject=TERMS.subject,
        groups=(),
        entitlement=TERMS.entitlement,
        duration=TERMS.duration,
        created_at=NOW,
        activate_until=NOW + timedelta(minutes=15),
        due_at=NOW,
        binding_name="valetkey-x",
        attempts=3,
        problem="cluster-unavailable",
        failing_since=NOW,
    )


def test_every_state_has_its_line_in_the_tables() -> None:
    assert set(REQUEST_MOVES) == set(RequestState)
    assert set(GRANT_MOVES) == set(GrantState)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(RequestState, RequestState)))
def test_a_request_moves_only_as_the_table_says(before: RequestState, after: RequestState) -> None:
    if after in REQUEST_MOVES[before]:
        moved = request(before).moved(after, NOW, "why")
        assert (moved.state, moved.closed_detail) == (after, "why")
        assert moved.closed_at == (None if after is RequestState.PENDING else NOW)
        return
    with pytest.raises(WrongState) as caught:
        request(before).moved(after, NOW)
    assert (caught.value.kind, caught.value.state) == ("request", str(before))


@pytest.mark.parametrize(("before", "after"), list(itertools.product(GrantState, GrantState)))
def test_a_grant_moves_only_as_the_table_says(before: GrantState, after: GrantState) -> None:
    if after in GRANT_MOVES[before]:
        moved = grant(before).moved(after)
        assert (moved.state, moved.attempts, moved.problem) == (after, 0, "")
        assert moved.failing_since is None
        return
    with pytest.raises(WrongState) as caught:
        grant(before).moved(after)
    assert (caught.value.kind, caught.value.state) == ("grant", str(before))


def test_nothing_ends_but_through_revoking() -> None:
    into_ended = {state for state, moves in GRANT_MOVES.items() if GrantState.ENDED in moves}
    assert into_ended == {GrantState.REVOKING}


def test_what_is_closed_has_no_way_out() -> None:
    open_states = {RequestState.DRAFT, RequestState.PENDING}
    assert {state for state, moves in REQUEST_MOVES.items() if moves} == open_states
    assert GRANT_MOVES[GrantState.ENDED] == frozenset()


def test_the_hash_of_terms_is_a_contract() -> None:
    """Buttons already in Slack and decisions already stored carry it: it never changes."""
    assert terms_hash((TERMS,), SALT) == (
        "4ec6b2cdd692fa4939eb1e94934e1f0b40ea94ee7153c33dc0219bb4f33b41b9"
    )


def test_every_field_of_terms_is_named_in_what_is_hashed() -> None:
    names = {field.name for field in fields(Terms)} - {"duration"} | {"duration_seconds"}
    assert set(terms_as_json(TERMS)) == names
    assert set(OTHER) == {field.name for field in fields(Terms)}


@pytest.mark.security("P6")
@pytest.mark.parametrize("field", sorted(OTHER))
def test_any_field_changed_is_another_hash(field: str) -> None:
    changed = replace(TERMS, **{field: OTHER[field]})  # type: ignore[arg-type]
    assert terms_hash((changed,), SALT) != terms_hash((TERMS,), SALT)


def test_another_salt_another_order_and_another_number_of_items_are_other_hashes() -> None:
    second = replace(TERMS, namespace="payments-prod")
    found = {
        terms_hash((TERMS,), SALT),
        terms_hash((TERMS,), bytes(16)),
        terms_hash((TERMS, second), SALT),
        terms_hash((second, TERMS), SALT),
        terms_hash((TERMS, TERMS), SALT),
        terms_hash((), SALT),
    }
    assert len(found) == 6


def test_a_request_bears_the_hash_of_its_items() -> None:
    assert request(RequestState.PENDING).terms_hash == terms_hash((TERMS,), SALT)


@given(st.text(max_size=40), st.text(max_size=40))
def test_words_can_not_be_moved_from_one_field_to_the_next(one: str, two: str) -> None:
    """Fields are framed: shifting text over a border between them is seen."""
    if any("\ud800" <= char <= "\udfff" for char in one + two):
        return
    before = replace(TERMS, reason=one, subject=two)
    for cut in range(len(one)):
        shifted = replace(TERMS, reason=one[:cut], subject=one[cut:] + two)
        assert terms_hash((shifted,), SALT) != terms_hash((before,), SALT)
