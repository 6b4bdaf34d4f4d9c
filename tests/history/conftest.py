"""The history's questions are SQL: they are tried on the two databases."""

import pytest

from tests.support import store_fixtures as fixtures

clock = fixtures.clock
database_url = fixtures.database_url
migrated_postgres_url = fixtures.migrated_postgres_url
real_store = fixtures.real_store
sqlite_template = fixtures.sqlite_template
sqlite_url = fixtures.sqlite_url


@pytest.fixture
def store(real_store):
    return real_store
