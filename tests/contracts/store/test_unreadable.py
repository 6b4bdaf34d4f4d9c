"""A row that holds what this version does not know hides no other, and is left alone."""

from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import create_engine, make_url, text

from grants.errors import StoreRowUnreadable
from grants.outbox.model import Card, CardKind, Place, PlaceKind
from tests.support.store_values import a_grant, a_request, active, populate, some_terms
from tests.support.stores import opened

HOLD = timedelta(minutes=1)


@pytest.fixture
def store(database_url, clock):
    with closing(opened(database_url, clock)) as store:
        yield store


@pytest.fixture
def grants(store, database_url):
    """Three active grants that are due; the middle one is then written as a newer version may."""
    request = a_request(populate(store).ann, *(some_terms() for _ in range(3)))
    found = [a_grant(request, i) for i in range(3)]
    with store.write() as tx:
        tx.add_request(request)
        for grant in found:
            tx.add_grant(grant)
        found = [tx.save_grant(active(grant)) for grant in found]
    rewrite(database_url, "grants", found[1].id, "cause = 'tomorrows'")
    return found


def rewrite(url, table, row, change):
    """Change a row beneath the constraints, which a newer schema would have other words for."""
    engine = create_engine(url)
    with engine.begin() as connection:
        if make_url(url).get_backend_name() == "sqlite":
            connection.execute(text("PRAGMA ignore_check_constraints = ON"))
        else:
            connection.execute(
                text(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{change.split()[0]}")
            )
        connection.execute(text(f"UPDATE {table} SET {change} WHERE id = :id"), {"id": row})
    engine.dispose()


def test_lists_leave_it_out_and_the_log_names_it_once(store, grants, caplog):
    first, unreadable, third = grants
    for _ in range(2):
        with store.read() as tx:
            assert set(tx.live_grants()) == {first, third}
            assert set(tx.grant_of_request(first.request)) == {first, third}
            assert set(tx.grants_among([g.id for g in grants])) == {first, third}
    assert [r.row for r in caplog.records if hasattr(r, "row")] == [unreadable.id]
    assert store.readiness.unreadable_grants() == 1


def test_asking_for_itself_is_told_as_what_it_is(store, grants):
    with pytest.raises(StoreRowUnreadable) as caught, store.read() as tx:
        tx.grant(grants[1].id)
    assert (caught.value.kind, caught.value.name) == ("grant", grants[1].id)
    with store.read() as tx:
        assert tx.unreadable_among(g.id for g in grants) == {grants[1].id}


def test_it_is_left_to_replicas_that_know_it(store, grants, clock):
    clock.move(timedelta(days=1))
    claimed = {one.grant for one in store.claim_grants("worker", 10, HOLD)}
    assert claimed == {grants[0].id, grants[2].id}
    assert not store.claim_grant(grants[1].id, "worker", HOLD)


def test_a_request_of_tomorrow_hides_no_other(store, database_url):
    stored = populate(store)
    requests = [a_request(stored.ann) for _ in range(3)]
    with store.write() as tx:
        for request in requests:
            tx.add_request(request)
    rewrite(database_url, "requests", requests[1].id, "state = 'tomorrows', closed_at = 7")
    found = {request.id for request in store.lists.requests_of(stored.ann.id, 10)}
    assert {requests[0].id, requests[2].id} <= found
    assert requests[1].id not in found
    with pytest.raises(StoreRowUnreadable), store.read() as tx:
        tx.request(requests[1].id)


def test_a_card_of_tomorrow_holds_up_no_other(store, database_url):
    with store.write() as tx:
        for about in ("req-1", "req-2"):
            tx.tell(Card(CardKind.REQUEST, about, Place(PlaceKind.PERSON, about)))
    (one, _) = sorted(store.deliveries.claim(10, timedelta(0)), key=lambda row: row.about)
    rewrite(database_url, "deliveries", one.id, "kind = 'tomorrows'")
    assert [row.about for row in store.deliveries.claim(10, HOLD)] == ["req-2"]


def test_nothing_is_unreadable_where_all_is_well(store):
    populate(store)
    assert store.readiness.unreadable_grants() == 0
