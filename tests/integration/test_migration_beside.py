"""A migration beside replicas at work, and replicas beside a schema newer than their code."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, text

from bot.playground.processes import wait_until
from grants.access.model import Cause
from grants.errors import StoreInUse, StoreSchemaWrong, StoreUnavailable
from grants.record.model import Event, EventType
from grants.store import schema
from grants.store.engine import open_database
from grants.store.fit import Fit
from grants.store.revision import REVISION
from grants.store.store import Store
from migrations.parts import may_go_on
from tests.support.store_values import NOW, a_grant, a_request, ended, populate
from tests.support.stores import commit, opened, sqlite_url

BEFORE = "0001"
NEWER = "9999"
WITHIN = timedelta(seconds=30)
EVENT = Event(EventType.POLICY_LOADED, NOW, "system")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)])
def url(request, tmp_path):
    """The URL of an empty database."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "database" / "valetkey.db")
    return request.getfixturevalue("postgres_url")


def run(url, *statements):
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            results = [connection.execute(text(statement)) for statement in statements]
            return [tuple(row) for row in results[-1]] if results[-1].returns_rows else []
    finally:
        engine.dispose()


def test_what_stood_before_the_second_revision_stands_after_it_and_after_going_back(url):
    schema.upgrade(url, to=BEFORE)
    run(url, "INSERT INTO clusters (alias, uid, at) VALUES ('prod', 'uid-1', 7)")
    schema.upgrade(url)
    assert run(url, "SELECT * FROM clusters") == [("prod", "uid-1", 7, "", None, None)]
    grant = a_grant_that_ended(url)
    schema.downgrade(url, BEFORE)
    assert run(url, "SELECT * FROM clusters") == [("prod", "uid-1", 7)]
    assert run(url, "SELECT cause FROM grants") == [("revoked",)]
    schema.upgrade(url)
    with closing(opened(url)) as store, store.read() as tx:
        assert tx.grant(grant.id) == replace(grant, cause=Cause.REVOKED)
    assert run(url, "SELECT * FROM clusters") == [("prod", "uid-1", 7, "", None, None)]


def a_grant_that_ended(url):
    """Store a grant that ended for a cause that only the second revision knows."""
    with closing(opened(url)) as store:
        request = a_request(populate(store).ann)
        with store.write() as tx:
            tx.add_request(request)
            grant = a_grant(request)
            tx.add_grant(grant)
            return tx.save_grant(ended(grant, Cause.ROLE_CHANGED))


@pytest.fixture
def newer(url):
    """A store whose code has been left behind by a migration."""
    schema.upgrade(url)
    with closing(opened(url)) as store:
        populate(store)
        run(url, f"UPDATE alembic_version SET version_num = '{NEWER}'")
        yield store


def declare_fit(url):
    """Declare it as a revision does."""
    engine = create_engine(url)
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        may_go_on(NEWER, REVISION)
    engine.dispose()


def test_a_schema_that_is_not_for_this_code_is_seen_at_the_start_and_while_serving(url, newer):
    problem = f"at {NEWER}, needs {REVISION}"
    with pytest.raises(StoreSchemaWrong, match=problem):
        schema.check(url)
    health = newer.readiness
    assert health.schema_fit() == problem
    assert health.problem() == "store-schema"
    assert newer.installation(), "reading goes on"


def test_a_newer_schema_that_was_declared_fit_is_worked_on(url, newer):
    declare_fit(url)
    assert schema.check(url) == NEWER
    health = newer.readiness
    assert health.schema_fit() is None
    assert health.problem() is None
    with newer.write() as tx:
        tx.append(EVENT)


def test_an_older_version_does_not_upgrade_a_newer_schema(url, newer):
    with pytest.raises(StoreSchemaWrong, match="does not know"):
        schema.upgrade(url)


@pytest.fixture
def left_behind(postgres_url):
    """The same on PostgreSQL alone, where a schema can change beneath whoever serves."""
    schema.upgrade(postgres_url)
    with closing(opened(postgres_url)) as store:
        yield store


@pytest.mark.needs_postgres
@pytest.mark.parametrize(
    "write", [lambda tx: tx.append(EVENT), lambda tx: tx.first_time("key", NOW)]
)
def test_code_that_was_left_behind_changes_nothing_more(left_behind, postgres_url, write):
    """In the very transaction: nobody has to have looked at the schema before."""

    def overtaken(tx):
        write(tx)
        run(postgres_url, f"UPDATE alembic_version SET version_num = '{NEWER}'")

    with pytest.raises(StoreSchemaWrong, match=NEWER):
        commit(left_behind, overtaken)
    with left_behind.read() as tx:
        assert tx.events() == ()
    with pytest.raises(StoreSchemaWrong):
        left_behind.claim_grants("worker", 1, timedelta(seconds=1))
    declare_fit(postgres_url)
    with left_behind.write() as tx:
        assert tx.first_time("key", NOW)


class Replica:
    """Code of the revision before, that reads and writes without a pause until it is refused."""

    def __init__(self, url):
        database = open_database(url, patience=timedelta(seconds=1.25))
        self.store = Store(replace(database, fit=Fit(BEFORE)))
        self.done = 0
        self.refused = ""
        self.longest_seconds = 0.0
        self._over = threading.Event()

    def stop(self):
        self._over.set()

    def work(self):
        while not self._over.is_set():
            begun = time.monotonic()
            try:
                with self.store.write() as tx:
                    tx.cluster_uid("prod")
                    tx.append(EVENT)
            except StoreSchemaWrong as error:
                self.refused = error.detail
                return
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - begun)
            self.done += 1


@contextmanager
def at_work(url):
    """Have three replicas at work; an error in any of them comes out at the end."""
    replicas = [Replica(url) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(replica.work) for replica in replicas]
        try:
            yield replicas
        finally:
            for replica in replicas:
                replica.stop()
        for one in running:
            one.result(timeout=10)
    for replica in replicas:
        replica.store.close()


@contextmanager
def table_in_use(url, table):
    """Have somebody read a table in a transaction that stays open: a backup, a report."""
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text(f"SELECT count(*) FROM {table}"))
        yield
    engine.dispose()


def all_go_on(replicas):
    count = [replica.done for replica in replicas]
    wait_until(
        lambda: all(r.done > c + 10 for r, c in zip(replicas, count, strict=True)),
        within=WITHIN,
        what="replicas at work",
    )


@pytest.mark.needs_postgres
def test_replicas_work_on_beside_an_upgrade_that_has_to_wait(postgres_url):
    """While it waits for its lock on a table, whoever needs the table stands behind it: briefly.

    When it is done, code that can't read what is new changes nothing more, and says why.
    """
    schema.upgrade(postgres_url, to=BEFORE)
    with at_work(postgres_url) as replicas, ThreadPoolExecutor(1) as pool:
        with table_in_use(postgres_url, "clusters"):
            upgrading = pool.submit(schema.upgrade, postgres_url)
            for _ in range(3):
                all_go_on(replicas)
            assert not upgrading.done()
            assert schema.current(postgres_url) == BEFORE
        assert upgrading.result(timeout=30) == schema.head()
        wait_until(
            lambda: all(replica.refused for replica in replicas), within=WITHIN, what="refused"
        )
    # By the first revision that leaves them behind, or any after it.
    for replica in replicas:
        at, needs = replica.refused.removeprefix("at ").split(", needs ")
        assert needs == BEFORE < at <= schema.head()
    assert max(replica.longest_seconds for replica in replicas) < 2


@pytest.mark.needs_postgres
def test_an_upgrade_that_never_gets_its_lock_gives_up_and_has_done_no_harm(postgres_url):
    schema.upgrade(postgres_url, to=BEFORE)
    with at_work(postgres_url) as replicas:
        with (
            table_in_use(postgres_url, "clusters"),
            pytest.raises(StoreUnavailable, match="locked for too long"),
        ):
            schema.upgrade(postgres_url, patience=timedelta(seconds=2))
        all_go_on(replicas)
        assert schema.current(postgres_url) == BEFORE


def test_a_file_that_is_served_is_read_and_not_upgraded_and_is_free_after_a_kill(tmp_path):
    """The holder holds what `serve` holds, and is killed as nothing can prevent."""
    url = sqlite_url(tmp_path / "database" / "valetkey.db")
    schema.upgrade(url, to=BEFORE)
    command = [sys.executable, "-m", "tests.support.store_worker", url, "hold"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreInUse):
            schema.upgrade(url)
        assert schema.current(url) == BEFORE
        with closing(opened(url)) as store:
            assert store.installation()
        holder.kill()
        holder.wait(timeout=10)
        assert schema.upgrade(url) == schema.head()
