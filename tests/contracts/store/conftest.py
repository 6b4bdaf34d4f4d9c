"""Every test here runs over the store in memory, on SQLite and on PostgreSQL."""

from contextlib import closing
from pathlib import Path

import pytest

from grants.store.schema import upgrade
from tests.support.memory_store import MemoryStore
from tests.support.store_values import FixedClock, populate
from tests.support.stores import copied, migrated_template, opened

REAL = ["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    return migrated_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return copied(sqlite_template, tmp_path)


@pytest.fixture
def postgres_url(request):
    server = request.getfixturevalue("postgres")
    name = server.fresh_database(server.template("store", upgrade))
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture(params=REAL)
def database_url(request) -> str:
    """The URL of a migrated database."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def real_store(database_url, clock):
    """A store over a real database."""
    with closing(opened(database_url, clock)) as store:
        yield store


@pytest.fixture(params=["memory", *REAL])
def store(request, clock):
    """A store of each kind."""
    if request.param == "memory":
        yield MemoryStore(clock)
        return
    with closing(opened(request.getfixturevalue(f"{request.param}_url"), clock)) as store:
        yield store


@pytest.fixture
def stored(store):
    return populate(store)
