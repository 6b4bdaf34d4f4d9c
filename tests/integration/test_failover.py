"""PostgreSQL crashes, fails over or turns read-only under load: nothing said is untrue after."""

from collections import Counter
from contextlib import closing
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from bot.playground.processes import wait_until
from grants.errors import StoreError, StoreUnavailable
from grants.store.engine import open_database
from grants.store.schema import upgrade
from grants.store.store import Store
from tests.support.numbered import Writers, keys_in, more_than
from tests.support.postgres import PostgresServer
from tests.support.store_values import NOW
from tests.support.stores import opened

pytestmark = pytest.mark.needs_postgres

PATIENCE = timedelta(seconds=2)
WITHIN = timedelta(seconds=30)


@pytest.fixture
def own(postgres):
    """A server of this test's own, to be crashed."""
    with PostgresServer() as server:
        yield server


def patient(url):
    return closing(Store(open_database(url, patience=PATIENCE)))


def check(writers, store):
    """Hold what is there against what was said."""
    there = keys_in(store)
    assert [key for key, count in Counter(there).items() if count > 1] == [], "stored twice"
    assert writers.stored - set(there) == set(), "said to be stored, and lost"
    assert writers.wrong == [], "said not to be stored, and it was"
    with store.read() as tx:
        numbers = [event.number for event in tx.events(0, 100_000)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_crash_under_load_loses_and_doubles_nothing(own):
    url = own.url(own.fresh_database(), tcp=True)
    upgrade(url)
    with patient(url) as store:
        with Writers(store) as writers:
            for _ in range(15):
                count = len(writers.stored)
                wait_until(more_than(writers, count + 30), within=WITHIN, what="written")
                own.crash()
                own.serve()
            count = len(writers.stored)
            wait_until(more_than(writers, count + 50), within=WITHIN, what="written again")
        check(writers, store)
    assert writers.errors


def test_a_failover_loses_and_doubles_nothing(own):
    """A synchronous standby is promoted; the URL names both, and asks for the one that writes."""
    name = own.fresh_database()
    upgrade(own.url(name))
    with own.standby() as standby:
        _make_synchronous(own)
        url = (
            f"postgresql://postgres@/{name}?host=127.0.0.1:{standby.port}"
            f"&host=127.0.0.1:{own.port}&target_session_attrs=read-write"
        )
        with patient(url) as store:
            with Writers(store) as writers:
                wait_until(more_than(writers, 100), within=WITHIN, what="written")
                own.crash()
                _run(standby, "SELECT pg_promote()")
                count = len(writers.stored)
                wait_until(more_than(writers, count + 100), within=WITHIN, what="written again")
            check(writers, store)


def _make_synchronous(server):
    _run(server, "ALTER SYSTEM SET synchronous_standby_names = '*'")
    _run(server, "SELECT pg_reload_conf()")
    asked = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
    wait_until(lambda: _run(server, asked) == 1, within=WITHIN, what="synchronous")


def _run(server, statement):
    with psycopg.connect(server.url("postgres").replace("+psycopg", ""), autocommit=True) as direct:
        cursor = direct.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def test_a_server_that_turns_read_only_is_told_read_and_used_again(own):
    """A managed server does that when its disk is nearly full; a demoted one does it too."""
    url = own.url(own.fresh_database(), tcp=True)
    upgrade(url)
    with patient(url) as store:
        with store.write() as tx:
            assert tx.first_time("before", NOW)
        first = session_of(store)
        _read_only(own, "on")
        with pytest.raises(StoreUnavailable, match="takes no writes"), store.write() as tx:
            tx.first_time("meanwhile", NOW)
        assert store.installation()
        assert session_of(store) != first, "another may lead to the server that writes"
        _read_only(own, "off")
        with store.write() as tx:
            assert tx.first_time("meanwhile", NOW)


def session_of(store):
    with store._database.reading() as connection:
        return connection.execute(text("SELECT pg_backend_pid()")).scalar()


def _read_only(server, word):
    _run(server, f"ALTER SYSTEM SET default_transaction_read_only = {word}")
    _run(server, "SELECT pg_reload_conf()")
    wait_until(
        lambda: _run(server, "SHOW default_transaction_read_only") == word,
        within=WITHIN,
        what="reloaded",
    )


def test_a_standby_can_be_read_and_says_that_it_takes_no_writes(own):
    name = own.fresh_database()
    upgrade(own.url(name))
    with own.standby() as standby, closing(opened(standby.url(name))) as store:
        assert store.installation()
        with pytest.raises(StoreUnavailable, match="takes no writes"), store.write() as tx:
            tx.first_time("key", NOW)
        with pytest.raises(StoreError, match="a write in a read"), store.read() as tx:
            tx.first_time("key", NOW)
