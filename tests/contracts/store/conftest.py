"""Every test here runs over the store in memory, on SQLite and on PostgreSQL."""

import pytest

from tests.support import store_fixtures as fixtures
from tests.support.store_values import populate

any_store = fixtures.any_store
clock = fixtures.clock
database_url = fixtures.database_url
migrated_postgres_url = fixtures.migrated_postgres_url
real_store = fixtures.real_store
sqlite_template = fixtures.sqlite_template
sqlite_url = fixtures.sqlite_url


@pytest.fixture
def store(any_store):
    return any_store


@pytest.fixture
def stored(store):
    return populate(store)
