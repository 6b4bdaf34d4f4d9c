"""The database's clock, and times that only a wrong clock can have written."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from grants.access.model import AT_ONCE, GrantState
from grants.clock import SystemClock
from tests.support.store_values import a_grant, a_proof, a_request, populate, some_terms
from tests.support.stores import opened

SECOND = timedelta(seconds=1)
LONGEST = timedelta(minutes=1)


class Shifted:
    """This machine's clock, ahead of it by so much."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return SystemClock().now() + self._ahead


@pytest.mark.needs_postgres
@pytest.mark.parametrize("hours", [0, 1, -1])
def test_postgresqls_clock_is_measured_to_milliseconds(migrated_postgres_url, hours):
    ahead = timedelta(hours=hours)
    with closing(opened(migrated_postgres_url, Shifted(ahead))) as store:
        found = store.clocks.offset()
        assert store.clocks.has_clock
    assert abs(found.ahead - ahead) <= found.uncertainty
    assert found.uncertainty < SECOND


@pytest.mark.needs_postgres
def test_postgresqls_time_is_told_within_a_transaction(migrated_postgres_url):
    with closing(opened(migrated_postgres_url)) as store:
        before = datetime.now(UTC)
        with store.write() as tx:
            told = tx.database_time()
        with store.read() as tx:
            assert told <= tx.database_time()
    assert before - SECOND < told < datetime.now(UTC) + SECOND


def test_a_proof_that_is_kept_tells_the_databases_time(real_store):
    people = populate(real_store)
    request = a_request(people.ann, some_terms())
    grant = a_grant(request)
    with real_store.write() as tx:
        tx.add_request(request)
        tx.add_grant(grant)
        before = tx.database_time()
        told = tx.add_proof(a_proof(grant))
        after = tx.database_time()
    assert (told is None) == (after is None)
    assert told is None or before <= told <= after


def test_sqlite_has_no_clock_of_its_own(sqlite_url):
    with closing(opened(sqlite_url)) as store:
        assert store.clocks.offset() is None
        assert not store.clocks.has_clock
        with store.read() as tx:
            assert tx.database_time() is None


def test_what_waits_longer_than_anything_may_is_made_due(real_store, clock):
    people = populate(real_store)
    request = a_request(people.ann, *(some_terms() for _ in range(3)))
    waits = [timedelta(0), LONGEST, LONGEST + timedelta(microseconds=1)]
    grants = [a_grant(request, i, due_at=clock.now() + wait) for i, wait in enumerate(waits)]
    with real_store.write() as tx:
        tx.add_request(request)
        for grant in grants:
            tx.add_grant(grant)
    assert real_store.clocks.bring_forward(clock.now(), LONGEST, SECOND) == 1
    with real_store.read() as tx:
        due = [tx.grant(grant.id).due_at - clock.now() for grant in grants]
        assert [tx.grant(grant.id).version for grant in grants] == [1, 1, 1]
    assert due == [timedelta(0), LONGEST, timedelta(0)]


def test_a_lease_with_more_left_than_was_agreed_is_looked_at_at_once(real_store, clock):
    people = populate(real_store)
    request = a_request(people.ann, *(some_terms() for _ in range(2)))
    later = clock.now() + SECOND
    agreed, too_long = (a_grant(request, i, due_at=later) for i in range(2))
    latest = clock.now() + agreed.duration + SECOND
    with real_store.write() as tx:
        tx.add_request(request)
        for grant, end in ((agreed, latest), (too_long, latest + timedelta(microseconds=1))):
            tx.add_grant(grant)
            active = replace(grant.moved(GrantState.ACTIVE), binding_uid=grant.id, expires_at=end)
            tx.save_grant(active)
    assert real_store.clocks.bring_forward(clock.now(), LONGEST, SECOND) == 1
    assert real_store.clocks.bring_forward(clock.now(), LONGEST, SECOND) == 0
    with real_store.read() as tx:
        assert tx.grant(agreed.id).due_at == later
        assert tx.grant(too_long.id).due_at == clock.now()


def test_what_must_happen_at_once_is_due_by_every_clock(real_store):
    people = populate(real_store)
    request = a_request(people.ann, some_terms())
    with real_store.write() as tx:
        tx.add_request(request)
        tx.add_grant(a_grant(request, 0, due_at=AT_ONCE))
    with real_store.read() as tx:
        assert [g.due_at for g in tx.live_grants()] == [AT_ONCE]


def test_the_key_of_an_inbound_thing_is_found(store, clock):
    with store.write() as tx:
        assert not tx.came_before("k")
        tx.first_time("k", clock.now())
    with store.read() as tx:
        assert tx.came_before("k")
        assert not tx.came_before("K")
