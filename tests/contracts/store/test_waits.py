"""Every wait for PostgreSQL ends, for real locks, slow statements and servers that hang."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import make_url, text

from grants.access.ending import _store_ends
from grants.errors import ChangedMeanwhile, StoreUnavailable
from grants.outbox.model import Card, CardKind, Place, PlaceKind
from grants.store.engine import open_database
from grants.store.errors import LOCKED
from grants.store.store import Store
from grants.store.together import Together
from tests.support.commit_relay import CommitRelay
from tests.support.store_values import NOW, a_grant, a_request, an_end, populate, some_terms
from tests.support.stores import commit, opened

pytestmark = pytest.mark.needs_postgres

PATIENCE = timedelta(seconds=0.5)


@pytest.fixture
def url(migrated_postgres_url):
    return migrated_postgres_url


@pytest.fixture
def store(url):
    with closing(opened(url)) as store:
        yield store


@pytest.fixture
def impatient(url):
    with closing(Store(open_database(url, patience=PATIENCE))) as store:
        yield store


@pytest.fixture
def grants(store):
    request = a_request(populate(store).ann, some_terms(), some_terms())
    found = [a_grant(request, i) for i in range(2)]
    with store.write() as tx:
        tx.add_request(request)
        for grant in found:
            tx.add_grant(grant)
    return found


def shown(connection, name):
    return connection.execute(text(f"SHOW {name}")).scalar()


def test_a_row_that_another_holds_is_told_as_that(store, impatient, grants):
    with store.write() as tx:
        tx.grant(grants[0].id)
        with (
            pytest.raises(StoreUnavailable, match="locked for too long"),
            impatient.write() as mine,
        ):
            mine.grant(grants[0].id)


def test_of_ends_that_come_together_only_that_waits_whose_row_another_holds(
    store, impatient, grants
):
    group = Together(partial(impatient._write_all, _store_ends), most=2, gather_seconds=30)
    group._others_come = True  # so whoever is first waits for the second
    with store.write() as tx, ThreadPoolExecutor(2) as pool:
        tx.grant(grants[0].id)
        held, free = (pool.submit(group.run, an_end(grant)) for grant in grants)
        with pytest.raises(StoreUnavailable, match=LOCKED):
            held.result(10)
        assert free.result(10).id == grants[1].id


def test_a_table_that_a_migration_holds_is_told_likewise(store, impatient, grants):
    with store._database.writing() as connection:
        connection.execute(text("LOCK TABLE grants IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(StoreUnavailable, match="locked for too long"), impatient.read() as mine:
            mine.grant(grants[0].id)


def test_a_statement_that_takes_too_long_is_ended(impatient):
    begun = time.monotonic()
    with (
        pytest.raises(StoreUnavailable, match="took too long"),
        impatient._database.reading() as connection,
    ):
        connection.execute(text("SELECT pg_sleep(30)"))
    assert time.monotonic() - begun < 5


def test_of_two_that_wait_for_each_other_one_goes_on(store, grants):
    """The other is told that something changed: read again, judge anew."""
    both_hold = threading.Barrier(2)

    def lock(first, second):
        with store.write() as tx:
            tx.grant(first.id)
            both_hold.wait(timeout=10)
            tx.grant(second.id)

    with ThreadPoolExecutor(2) as pool:
        ways = [pool.submit(lock, *grants), pool.submit(lock, *reversed(grants))]
        errors = [way.exception(timeout=30) for way in ways]
    lost = [error for error in errors if error is not None]
    assert [type(error) for error in lost] == [ChangedMeanwhile]


def test_two_with_the_same_cards_never_wait_for_each_other(store, grants):
    """A batch held its grants and then wanted their cards, a walk held cards and then wanted its
    grant: both stood still for a second, and one of them was lost.
    """
    card = Card(CardKind.REQUEST, "req-1", Place(PlaceKind.PERSON, "per-1"))
    commit(store, lambda tx: tx.tell(card))
    both_began = threading.Barrier(2)

    def cards_first():
        with store.write() as tx:
            tx.retell("req-1")
            both_began.wait(timeout=10)
            tx.grant(grants[0].id)

    def grant_first():
        with store.write() as tx:
            tx.grant(grants[0].id)
            both_began.wait(timeout=10)
            tx.retell("req-1")

    with ThreadPoolExecutor(2) as pool:
        ways = [pool.submit(cards_first), pool.submit(grant_first)]
        assert [way.exception(timeout=30) for way in ways] == [None, None]


def test_a_transaction_that_cannot_be_put_in_an_order_is_told_as_a_change(store, grants):
    def collide():
        with store._database.writing() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
            connection.execute(text("SELECT * FROM grants"))
            commit(store, lambda tx: tx.save_grant(grants[0]))
            connection.execute(text("UPDATE grants SET attempts = 9"))

    with pytest.raises(ChangedMeanwhile):
        collide()


def test_a_transaction_whose_owner_says_nothing_is_ended_by_the_server(url):
    """A paused process must not hold its rows against the others."""
    with closing(Store(open_database(url, patience=timedelta(seconds=0.05)))) as store:

        def pause(tx):
            tx.first_time("key", NOW)
            _wait_until_ended(store)
            tx.first_time("another", NOW)

        with pytest.raises(StoreUnavailable, match="idle for too long"):
            commit(store, pause)
        with store.write() as tx:
            assert tx.first_time("key", NOW)


def _wait_until_ended(store):
    deadline = time.monotonic() + 10
    asked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'idle in transaction'"
    )
    while time.monotonic() < deadline:
        with store._database.reading() as connection:
            if connection.execute(asked).scalar() == 0:
                return
    raise AssertionError("the server did not end it")


def test_time_outs_hold_for_the_transaction_alone_behind_a_pooler_that_refuses_options(
    postgres, url
):
    """A pooler gives the connection to another client after the commit: nothing may be left."""
    with (
        CommitRelay(postgres.port, refuse_options=True) as pooler,
        closing(Store(open_database(pooler.url(url), patience=PATIENCE))) as store,
    ):
        database = store._database
        for connect, idle in ((database.writing, "1s"), (database.reading, "6s")):
            with connect() as connection:
                assert shown(connection, "lock_timeout") == "500ms"
                assert shown(connection, "statement_timeout") == "1s"
                assert shown(connection, "idle_in_transaction_session_timeout") == idle
        with store._database.reading() as connection:
            driver = connection.connection.driver_connection
            connection.rollback()
            assert driver.execute("SHOW lock_timeout").fetchone() == ("0",)
        assert len(pooler.startups) == 1
        assert b"options" not in pooler.startups[0]


@pytest.mark.parametrize(("query", "kept"), [({}, True), ({"prepared_statements": "off"}, False)])
def test_statements_are_prepared_unless_the_url_says_no(url, query, kept):
    asked = text("SELECT count(*) > 0 FROM pg_prepared_statements")
    with closing(opened(_with(url, query))) as store:
        for _ in range(20):
            with store.write() as tx:
                tx.grant("gra-1")
        with store._database.reading() as connection:
            assert connection.execute(asked).scalar() is kept


def _with(url, query):
    return make_url(url).update_query_dict(query).render_as_string(hide_password=False)


def test_a_server_that_hangs_is_told_in_bounded_time_and_used_again(postgres, url):
    """Connections stay open and no byte moves: no time-out of the server's own helps then."""
    with (
        CommitRelay(postgres.port) as relay,
        closing(Store(open_database(relay.url(url), patience=PATIENCE))) as store,
    ):
        store.installation()
        relay.pause()
        first, second = took(store), took(store)
        relay.resume()
        store.installation()
    assert first < 5, "an open connection is given up after one patience"
    assert second < 8, "a new one after the driver's two seconds"


def took(store):
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.installation()
    return time.monotonic() - begun


def test_an_answer_that_never_comes_within_a_transaction_is_not_waited_for(postgres, url):
    def pause_within(tx):
        tx.first_time("key", NOW)
        relay.pause()
        tx.first_time("another", NOW)

    with (
        CommitRelay(postgres.port) as relay,
        closing(Store(open_database(relay.url(url), patience=PATIENCE))) as store,
    ):
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable):
            commit(store, pause_within)
        assert time.monotonic() - begun < 8
        relay.resume()
        with store.write() as tx:
            assert tx.first_time("key", NOW)
