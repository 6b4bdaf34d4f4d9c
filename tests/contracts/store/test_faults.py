"""A database that is down, cut off or broken: named, in bounded time, nothing half done."""

import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime, timedelta

import pytest
from sqlalchemy import create_engine, make_url, text

from grants.errors import StoreError, StoreInUse, StoreUnavailable
from grants.record.model import Event, EventType
from grants.store.engine import open_database, serve_lock, sqlite_path
from grants.store.sqlite import CACHE_KIB
from grants.store.store import Store
from tests.support.store_values import NOW, a_person, a_request, populate, some_terms
from tests.support.stores import commit, opened


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.security("D3")
def test_the_file_and_what_stands_beside_it_are_nobody_elses(tmp_path, sqlite_template):
    old = os.umask(0)
    try:
        path = tmp_path / "one" / "two" / "valetkey.db"
        with closing(opened(f"sqlite:///{path}")) as store:
            with pytest.raises(StoreError), store.write() as tx:
                tx.first_time("key", NOW)
            assert {mode(file) for file in path.parent.iterdir()} == {0o600}
            assert len(list(path.parent.iterdir())) >= 3
        assert mode(path.parent) == 0o700
    finally:
        os.umask(old)


@pytest.mark.security("D3")
def test_a_file_that_others_could_read_is_closed_and_said_so(sqlite_url, caplog):
    path = sqlite_path(sqlite_url)
    path.chmod(0o644)
    path.parent.chmod(0o755)
    opened(sqlite_url).close()
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert "0644" in caplog.text
    assert "0755" in caplog.text


@pytest.mark.security("D3")
def test_a_folder_shared_with_other_things_is_refused(sqlite_url):
    path = sqlite_path(sqlite_url)
    (path.parent / "somebody-elses").touch()
    path.parent.chmod(0o755)
    with pytest.raises(StoreError, match="a folder of its own"):
        opened(sqlite_url)
    assert mode(path.parent) == 0o755


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="file"):
        opened(f"sqlite:///{tmp_path}/file/below/valetkey.db")


def test_a_file_is_served_by_one_process(sqlite_url):
    with serve_lock(sqlite_url), pytest.raises(StoreInUse):
        serve_lock(sqlite_url).acquire()
    serve_lock(sqlite_url).acquire()


def test_a_killed_server_leaves_the_file_free(sqlite_url):
    command = [sys.executable, "-m", "tests.support.store_worker", sqlite_url, "hold"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StoreInUse):
            serve_lock(sqlite_url).acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait(timeout=10)
        serve_lock(sqlite_url).acquire()


def test_postgres_needs_no_serve_lock(migrated_postgres_url):
    assert serve_lock(migrated_postgres_url) is None


def test_a_write_is_on_the_disk_when_it_returns(sqlite_url):
    """WAL with FULL: NORMAL may lose the last commits when the power goes."""
    with closing(opened(sqlite_url)) as store:
        for connect in (store._database.writing, store._database.reading):
            with connect() as connection:
                assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
                assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
                assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
                assert connection.execute(text("PRAGMA cache_size")).scalar() == -CACHE_KIB


def test_a_database_that_is_not_there_is_told_in_bounded_time():
    patience = timedelta(seconds=1)
    begun = time.monotonic()
    database = open_database("postgresql://nobody@127.0.0.1:9/none", patience=patience)
    with closing(Store(database)) as store, pytest.raises(StoreUnavailable), store.write():
        pass
    assert time.monotonic() - begun < 10


def test_a_database_that_goes_away_is_told_and_used_again_when_it_is_back(
    postgres, migrated_postgres_url
):
    name = make_url(migrated_postgres_url).database
    with closing(opened(migrated_postgres_url)) as store:
        populate(store)
        admin = create_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
            end_connections(connection, name)
            with pytest.raises(StoreUnavailable), store.write():
                pass
            connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        admin.dispose()
        with store.write() as tx:
            assert tx.first_time("key", NOW)


def test_a_connection_lost_within_a_transaction_leaves_nothing(postgres, migrated_postgres_url):
    name = make_url(migrated_postgres_url).database
    admin = create_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT")
    with closing(opened(migrated_postgres_url)) as store:
        with pytest.raises(StoreUnavailable):
            commit(store, lambda tx: lose_connection(tx, admin, name))
        with store.write() as tx:
            assert tx.first_time("key", NOW)
        with store.read() as tx:
            assert tx.events() == ()
    admin.dispose()


def lose_connection(tx, admin, name):
    tx.append(Event(EventType.POLICY_LOADED, NOW, "system"))
    tx.first_time("key", NOW)
    with admin.connect() as connection:
        end_connections(connection, name)
    tx.first_time("another", NOW)


def end_connections(connection, name):
    connection.execute(
        text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
        {"name": name},
    )


def test_a_file_that_is_no_database_is_told(tmp_path):
    path = tmp_path / "database" / "valetkey.db"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(b"not a database at all" * 100)
    path.chmod(0o600)
    with (
        closing(opened(f"sqlite:///{path}")) as store,
        pytest.raises(StoreError),
        store.read() as tx,
    ):
        tx.grant("gra-1")


@pytest.mark.security("D2")
@pytest.mark.parametrize(
    "broken",
    [
        lambda tx, ann: tx.add_request(a_request(ann, some_terms(reason="canary\x00"))),
        lambda tx, ann: tx.add_request(a_request(ann, some_terms(reason="canary\ud800"))),
        lambda tx, ann: tx.add_request(a_request(ann, created_at=datetime(2026, 1, 1))),  # noqa: DTZ001
        lambda tx, ann: tx.add_request(a_request(a_person("canary"))),
        lambda tx, ann: tx.add_person(a_person("ann"), NOW),
        lambda tx, ann: tx.first_time("canary", None),
    ],
)
def test_no_error_repeats_what_was_to_be_stored(real_store, broken):
    stored = populate(real_store)
    with pytest.raises((StoreError, Exception)) as caught, real_store.write() as tx:
        broken(tx, stored.ann)
    assert caught.value.code.startswith(("store-", "changed-"))
    said = f"{caught.value!r} {caught.value} {caught.value.facts()}"
    assert "canary" not in said
    assert "ann" not in said
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
