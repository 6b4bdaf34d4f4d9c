"""No room on the disk: said as that, nothing half written, readers go on, and so does all after."""

import subprocess
import sys
from collections import Counter
from contextlib import closing
from datetime import timedelta

import pytest
from sqlalchemy import text

from grants.errors import StoreUnavailable
from grants.store.errors import DISK_FULL
from grants.store.schema import upgrade
from tests.support.full_disk import ROWS, add
from tests.support.stores import opened, sqlite_url

LIMIT_BYTES = 8_000_000


@pytest.fixture
def url(tmp_path):
    found = sqlite_url(tmp_path / "database" / "valetkey.db")
    upgrade(found)
    return found


def counted(store):
    """Tell of each thing stored how many of its rows there are."""
    with store._database.reading() as connection:
        keys = connection.execute(text("SELECT key FROM inbound")).scalars()
        return Counter(key.partition(":")[0] for key in keys)


def fill(store):
    """Store until it is refused; gives what was said to be stored, and the error."""
    stored = set()
    while True:
        try:
            stored.add(add(store))
        except StoreUnavailable as error:
            return stored, error


def check(store, stored, error, make_room):
    assert error.detail == DISK_FULL
    assert counted(store) == dict.fromkeys(stored, ROWS)
    assert store.installation()
    assert store.readiness.problem() == "disk-full"
    assert store.claim_grants("worker", 1, timedelta(seconds=1)) == ()
    assert store.readiness.problem() == "disk-full", "what writes nothing shows nothing"
    make_room()
    assert store.readiness.problem() is None
    stored.add(add(store))
    assert counted(store) == dict.fromkeys(stored, ROWS)


def test_a_sqlite_file_that_may_not_grow(url):
    with closing(opened(url)) as store:
        with store._database.writing() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar()
            connection.execute(text(f"PRAGMA max_page_count = {pages + 200}"))
        stored, error = fill(store)
        writer = store._database.writer

        def make_room():
            with writer.connect() as connection:
                connection.execute(text("PRAGMA max_page_count = 100000000"))

        check(store, stored, error, make_room)


def test_a_file_system_that_takes_no_more(url):
    """The kernel itself refuses: a quota and a limit come out otherwise than a full disk."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.full_disk", url, str(LIMIT_BYTES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"refused|store-unavailable|{DISK_FULL}",
        "reads|True",
        "ready|disk-full",
        "ready|None",
    ]
    with closing(opened(url)) as store:
        assert set(counted(store).values()) == {ROWS}
        with store._database.reading() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"


@pytest.mark.needs_postgres
def test_a_server_whose_tables_cannot_grow(postgres, postgres_url):
    upgrade(postgres_url)
    with closing(opened(postgres_url)) as store:
        with store._database.reading() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        # Beyond the log's own files, of 16 MiB each.
        postgres.limit_files(pid, 17 * 1024 * 1024)
        stored, error = fill(store)
        check(store, stored, error, lambda: postgres.limit_files(pid, None))


@pytest.mark.needs_postgres
def test_a_server_that_says_by_number_that_its_disk_is_full(postgres_url):
    """What a full disk and a full tablespace come out as."""
    upgrade(postgres_url)
    with closing(opened(postgres_url)) as store:
        with (
            pytest.raises(StoreUnavailable, match=DISK_FULL),
            store._database.writing() as connection,
        ):
            connection.execute(text("COPY (SELECT generate_series(1, 100000)) TO '/dev/full'"))
        assert store._database.room.lacking
        assert store.readiness.problem() is None
