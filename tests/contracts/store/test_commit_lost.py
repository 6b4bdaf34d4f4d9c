"""PostgreSQL is cut off exactly between COMMIT and its answer: what is said of it is true."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import text

from grants.errors import StoreOutcomeUnknown, StoreUnavailable
from grants.record.model import Event, EventType
from grants.store.engine import open_database
from grants.store.marks import Mark
from grants.store.outcome import Outcome, find_out
from grants.store.store import Store
from tests.support.commit_relay import CommitRelay, Cut
from tests.support.fault_worker import wait_for
from tests.support.store_values import NOW
from tests.support.stores import opened

pytestmark = pytest.mark.needs_postgres

PATIENCE = timedelta(seconds=1)
EVENT = Event(EventType.POLICY_LOADED, NOW, "system")


@pytest.fixture
def relay(postgres):
    with CommitRelay(postgres.port) as relay:
        yield relay


@pytest.fixture
def store(relay, migrated_postgres_url):
    """A store that reaches its database by the relay."""
    url = relay.url(migrated_postgres_url)
    with closing(Store(open_database(url, patience=PATIENCE))) as store:
        yield store


@pytest.fixture
def there(migrated_postgres_url):
    """A store that reaches the same database directly: what is really there."""
    with closing(opened(migrated_postgres_url)) as store:
        yield store


def press(store, key="press"):
    """Do what a click does: once for its key, with its event."""
    with store.write() as tx:
        if not tx.first_time(key, NOW):
            return "done before"
        tx.append(EVENT)
    return "done"


def events(store):
    with store.read() as tx:
        return [event.number for event in tx.events()]


def test_a_commit_that_was_done_counts_though_its_answer_is_lost(relay, store, there):
    relay.cut = Cut.AFTER
    assert press(store) == "done"
    assert relay.cuts == 1
    assert events(there) == [1]
    assert press(store) == "done before"
    assert events(there) == [1]


def test_a_commit_that_never_arrived_is_told_and_can_be_done_again(relay, store, there):
    relay.cut = Cut.BEFORE
    with pytest.raises(StoreUnavailable, match="before the commit") as caught:
        press(store)
    assert not isinstance(caught.value, StoreOutcomeUnknown)
    assert relay.cuts == 1
    assert events(there) == []
    assert press(store) == "done"
    assert events(there) == [1]


@pytest.mark.parametrize(
    ("cut", "said", "stored"), [(Cut.AFTER, "done", 3), (Cut.BEFORE, "StoreUnavailable", 1)]
)
def test_of_several_that_are_written_together_each_is_told_the_truth(
    relay, store, there, cut, said, stored
):
    """They have one commit, and its answer is lost."""
    others_came = threading.Event()

    def write(tx, these):
        if len(these) == 1:
            assert others_came.wait(10)
        else:
            relay.cut = cut
        for _ in these:
            tx.append(EVENT)
        return ["done" for _ in these]

    def bring(_):
        try:
            return store.write_together(write, "one")
        except StoreUnavailable as error:
            return type(error).__name__

    with ThreadPoolExecutor(3) as pool:
        brought = [pool.submit(bring, number) for number in range(3)]
        wait_for(lambda: write in store._together, 10, "one is written")
        wait_for(lambda: len(store._together[write]._waiting) == 2, 10, "two wait")
        others_came.set()
    assert sorted(one.result() for one in brought) == sorted(["done", said, said])
    assert relay.cuts == 1
    assert len(events(there)) == stored


@pytest.mark.parametrize(
    ("cut", "error"), [(Cut.BEFORE, StoreUnavailable), (Cut.AFTER, StoreOutcomeUnknown)]
)
def test_without_an_event_only_what_is_undone_is_known(relay, store, cut, error):
    """The server's word "committed" may be another transaction's, see the next test."""
    relay.cut = cut
    with pytest.raises(StoreUnavailable) as caught, store.write() as tx:
        tx.add_policy("digest", b"", NOW)
    assert type(caught.value) is error


def test_a_server_that_still_waits_for_the_lost_client_is_made_to_decide(relay, store, there):
    """Nobody is told "perhaps" because a relay between keeps half a connection open."""
    relay.cut = Cut.HALF
    with pytest.raises(StoreUnavailable, match="before the commit"):
        press(store)
    assert events(there) == []
    assert press(store) == "done"


def test_a_commit_that_is_not_answered_is_not_waited_for_without_end(relay, store, there):
    relay.cut = Cut.STALL
    begun = time.monotonic()
    with pytest.raises(StoreUnavailable, match="before the commit"):
        press(store)
    assert time.monotonic() - begun < 10
    assert press(store) == "done"
    assert events(there) == [1]


@pytest.mark.parametrize(("cut", "stored"), [(Cut.AFTER, [1]), (Cut.BEFORE, [])])
def test_what_cannot_be_known_is_not_claimed_to_be(relay, store, there, cut, stored):
    """The server is cut off and stays away: done or not, nobody can say."""
    press(store, "warm")
    relay.refuses = True
    relay.cut = cut
    with pytest.raises(StoreOutcomeUnknown):
        press(store)
    assert events(there) == [1, *(number + 1 for number in stored)]
    relay.refuses = False
    assert press(store) == ("done before" if stored else "done")
    assert events(there) == [1, 2]


def test_a_number_that_was_given_to_another_transaction_proves_nothing(there):
    """Four writers and thirty crashes lost a row that was said to be stored.

    What a crash has cut from the end of the log frees its numbers, and a promoted standby gives
    them out too: the number of the lost transaction was another's by the time it was asked after.
    """
    with there._database.writing() as connection:
        xid = connection.execute(text("SELECT pg_current_xact_id()::text")).scalar()
    engine = there._database.writer
    assert find_out(engine, Mark(xid, "evt-lost"), PATIENCE) is Outcome.ABORTED
    assert find_out(engine, Mark(xid, None), PATIENCE) is Outcome.UNKNOWN


def test_a_number_that_was_not_yet_given_out_is_no_hindrance(there):
    """A standby that was promoted without the last transactions does not know their numbers."""
    press(there)
    with there.read() as tx:
        (event,) = tx.events()
    engine, never = there._database.writer, str(2**62)
    assert find_out(engine, Mark(never, event.id), PATIENCE) is Outcome.COMMITTED
    assert find_out(engine, Mark(never, "evt-lost"), PATIENCE) is Outcome.ABORTED
    assert find_out(engine, Mark(never, None), PATIENCE) is Outcome.UNKNOWN


def test_a_transaction_that_wrote_nothing_has_nothing_to_lose(relay, store):
    relay.cut = Cut.BEFORE
    with pytest.raises(StoreUnavailable, match="nothing to commit"), store.write() as tx:
        tx.grant("gra-1")


def test_no_session_outlives_a_lost_commit(relay, store, there):
    relay.cut = Cut.HALF
    with pytest.raises(StoreUnavailable):
        press(store)
    with there._database.reading() as connection:
        left = connection.execute(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'idle in transaction' AND pid <> pg_backend_pid()"
            )
        ).scalar()
    assert left == 0
