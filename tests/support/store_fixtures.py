"""Fixtures of migrated databases; a conftest makes them its own by importing them."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from grants.store.schema import upgrade
from grants.store.store import Store
from tests.support.memory_store import MemoryStore
from tests.support.store_values import FixedClock
from tests.support.stores import copied, migrated_template, opened

REAL = ["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, made once."""
    return migrated_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated SQLite file of this test's own."""
    return copied(sqlite_template, tmp_path)


@pytest.fixture
def migrated_postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database of this test's own."""
    server = request.getfixturevalue("postgres")
    name = server.fresh_database(server.template("store", _migrate))
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture(params=REAL)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated database, on each of the two."""
    names = {"sqlite": "sqlite_url", "postgres": "migrated_postgres_url"}
    url: str = request.getfixturevalue(names[request.param])
    return url


@pytest.fixture
def real_store(database_url: str, clock: FixedClock) -> Iterator[Store]:
    """A store over each of the two databases."""
    with closing(opened(database_url, clock)) as store:
        yield store


@pytest.fixture(params=["memory", *REAL])
def any_store(request: pytest.FixtureRequest, clock: FixedClock) -> Iterator[Store | MemoryStore]:
    """A store over each of the two databases, and the one in memory."""
    names = {"sqlite": "sqlite_url", "postgres": "migrated_postgres_url"}
    if request.param == "memory":
        yield MemoryStore(clock)
        return
    with closing(opened(request.getfixturevalue(names[request.param]), clock)) as store:
        yield store


def _migrate(url: str) -> None:
    upgrade(url)
