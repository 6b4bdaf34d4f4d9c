"""The stores of the races: SQLite and PostgreSQL."""

from tests.support import store_fixtures as fixtures

clock = fixtures.clock
database_url = fixtures.database_url
migrated_postgres_url = fixtures.migrated_postgres_url
real_store = fixtures.real_store
sqlite_template = fixtures.sqlite_template
sqlite_url = fixtures.sqlite_url
