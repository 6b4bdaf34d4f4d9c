from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from grants.access.model import Cause, GrantState
from grants.access.ports import Claimed, Hold
from tests.support.store_values import NOW, a_grant, a_request, ended, populate, some_terms

HOLD = timedelta(minutes=1)
FUTURE = datetime(2200, 1, 1, tzinfo=UTC)
PAST = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def grants(store, stored):
    """Three grants that are due, the third first."""
    request = a_request(stored.ann, *(some_terms() for _ in range(3)))
    grants = [a_grant(request, i, due_at=PAST - timedelta(days=i)) for i in range(3)]
    with store.write() as tx:
        tx.add_request(request)
        for grant in grants:
            tx.add_grant(grant)
    return grants


def claim(store, worker, limit, **more):
    return tuple(one.grant for one in store.claim_grants(worker, limit, HOLD, **more))


def test_due_grants_are_claimed_the_longest_due_first(store, grants):
    first, second, third = grants
    assert claim(store, "w1", 2) == (third.id, second.id)
    assert claim(store, "w2", 10) == (first.id,)
    assert store.claim_grants("w1", 10, HOLD) == ()


def test_a_claim_ends_by_itself(store, grants):
    assert len(store.claim_grants("w1", 10, timedelta(0))) == 3
    assert len(store.claim_grants("w2", 10, HOLD)) == 3


def test_neither_ended_grants_nor_those_not_due_are_claimed(store, grants):
    with store.write() as tx:
        tx.save_grant(ended(grants[0]))
        tx.save_grant(replace(grants[1], due_at=FUTURE))
    assert claim(store, "w1", 10) == (grants[2].id,)


def test_a_claim_says_its_cluster_and_may_be_of_one_cluster_alone(store, grants):
    """A cluster that hangs must not have its grants claimed before everybody else's."""
    with store.write() as tx:
        tx.save_grant(replace(grants[2], cluster="hung"))
    assert claim(store, "w1", 1, cluster="prod") == (grants[1].id,)
    assert store.claim_grants("w1", 1, HOLD) == (Claimed(grants[2].id, "hung"),)
    assert claim(store, "w1", 10, cluster="other") == ()
    assert claim(store, "w1", 10) == (grants[0].id,)


def test_several_clusters_are_claimed_in_at_once_each_as_far_as_is_wanted(store, grants):
    with store.write() as tx:
        tx.save_grant(replace(grants[0], cluster="a"))
    found = store.claim_each("w1", {"a": 5, "prod": 1, "none": 3}, HOLD)
    assert found == (Claimed(grants[0].id, "a"), Claimed(grants[2].id, "prod"))
    assert store.claim_each("w1", {"a": 5}, HOLD) == ()
    assert store.claim_each("w1", {}, HOLD) == ()


def test_clusters_are_named_in_which_something_is_due_that_nobody_holds(store, grants, clock):
    with store.write() as tx:
        tx.save_grant(replace(grants[0], cluster="b"))
        tx.save_grant(replace(grants[1], cluster="a"))
        tx.save_grant(replace(grants[2], cluster="later", due_at=FUTURE))
    assert store.due_clusters() == ("a", "b")
    claim(store, "w1", 1, cluster="a")
    assert store.due_clusters() == ("b",)
    clock.move(timedelta(0))
    with store.write() as tx:
        tx.save_grant(ended(replace(grants[0], cluster="b", version=2)))
    assert store.due_clusters() == ()


def test_what_should_be_gone_comes_before_what_should_begin_and_that_before_looks(store, stored):
    """Looks and activations were claimed as they were due, and ends waited behind them."""
    minute = timedelta(minutes=1)
    active = {"state": GrantState.ACTIVE, "expires_at": FUTURE}
    revoking = {"state": GrantState.REVOKING, "cause": Cause.EXPIRED}
    changes = [
        active,
        {},
        revoking | {"expires_at": NOW - 9 * minute, "attempts": 3},
        revoking | {"expires_at": FUTURE},
        revoking | {"expires_at": NOW - minute},
        active | {"expires_at": NOW - 2 * minute},
        revoking,
    ]
    request = a_request(stored.ann, *(some_terms() for _ in changes))
    grants = [
        replace(a_grant(request, i, due_at=PAST + i * minute), binding_uid=f"uid-{i}", **change)
        for i, change in enumerate(changes)
    ]
    with store.write() as tx:
        tx.add_request(request)
        for grant in grants:
            tx.add_grant(grant)
    assert claim(store, "w1", 10) == tuple(grants[i].id for i in (5, 4, 3, 6, 2, 1, 0))


def test_due_is_told_by_the_clock_that_wrote_it(store, grants, clock):
    """PostgreSQL's clock was asked: where it is behind this process's, every lease ended late."""
    with store.write() as tx:
        for grant in grants:
            tx.save_grant(replace(grant, due_at=clock.now() + timedelta(hours=1)))
    assert claim(store, "w1", 10) == ()
    clock.move(timedelta(hours=1))
    assert len(claim(store, "w1", 10)) == 3


def test_one_grant_is_claimed_at_once_due_or_not(store, grants):
    with store.write() as tx:
        tx.save_grant(replace(grants[0], due_at=FUTURE))
    assert store.claim_grant(grants[0].id, "w1", HOLD)
    assert not store.claim_grant(grants[0].id, "w2", HOLD)
    assert store.claim_grant(grants[0].id, "w1", HOLD)


def test_an_ended_or_unknown_grant_is_not_claimed(store, grants):
    with store.write() as tx:
        tx.save_grant(ended(grants[0]))
    assert not store.claim_grant(grants[0].id, "w1", HOLD)
    assert not store.claim_grant("gra-unknown", "w1", HOLD)


def test_a_claim_is_given_back_by_its_holder_alone(store, grants):
    grant = grants[0].id
    assert store.claim_grant(grant, "w1", HOLD)
    store.release_grant(grant, "w2")
    assert not store.claim_grant(grant, "w2", HOLD)
    store.release_grant(grant, "w1")
    assert store.claim_grant(grant, "w2", HOLD)


def test_a_grant_may_be_born_claimed(store, stored):
    request = a_request(stored.ann, *(some_terms() for _ in range(2)))
    held, lapsed = (a_grant(request, i, due_at=PAST) for i in range(2))
    with store.write() as tx:
        tx.add_request(request)
        tx.add_grant(held, Hold("w1", HOLD))
        tx.add_grant(lapsed, Hold("w1", timedelta(0)))
    assert claim(store, "w2", 10) == (lapsed.id,)
    with store.read() as tx:
        assert tx.grant(held.id) == held
    assert store.claim_grant(held.id, "w1", HOLD), "it is the claim of whom it says"
    store.release_grant(held.id, "w1")
    assert claim(store, "w2", 10) == (held.id,)


def test_a_claim_leaves_the_version_alone(store, grants):
    store.claim_grant(grants[0].id, "w1", HOLD)
    with store.write() as tx:
        assert tx.save_grant(grants[0]).version == 2
    assert not store.claim_grant(grants[0].id, "w2", HOLD)


def test_workers_never_share_a_claim(real_store):
    """Eight workers claim at once, again and again, until nothing is left."""
    people = populate(real_store)
    request = a_request(people.ann, *(some_terms() for _ in range(60)))
    with real_store.write() as tx:
        tx.add_request(request)
        for i in range(60):
            tx.add_grant(a_grant(request, i, due_at=PAST))

    def claim_all(worker):
        mine = []
        while found := claim(real_store, worker, 3):
            mine += found
        return mine

    with ThreadPoolExecutor(8) as pool:
        claimed = [grant for mine in pool.map(claim_all, "abcdefgh") for grant in mine]
    assert len(claimed) == len(set(claimed)) == 60
