"""The schema: what the migrations make is what the code's tables say, up, down and up again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import ProgrammingError

from grants.errors import StoreError, StoreInUse, StoreSchemaWrong
from grants.ids import Prefix, is_id
from grants.record.model import Event, EventType
from grants.store import schema
from grants.store.engine import serve_lock
from grants.store.revision import REVISION
from grants.store.tables import metadata
from tests.support.store_values import NOW
from tests.support.stores import opened, sqlite_url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)])
def empty_url(request, tmp_path):
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "database" / "valetkey.db")
    return request.getfixturevalue("postgres_url")


def shape_of(url, make=None):
    """Describe every table: columns, keys, constraints, indexes."""
    engine = create_engine(url)
    try:
        if make is not None:
            make(engine)
        inspector = inspect(engine)
        tables = set(inspector.get_table_names()) - {"alembic_version"}
        return {table: table_shape(inspector, table) for table in tables}
    finally:
        engine.dispose()


def table_shape(inspector, table):
    return {
        "columns": [
            (c["name"], str(c["type"]), c["nullable"], bool(c.get("identity")), c["default"])
            for c in inspector.get_columns(table)
        ],
        "key": inspector.get_pk_constraint(table),
        "unique": by_name(inspector.get_unique_constraints(table)),
        "refers": by_name(inspector.get_foreign_keys(table)),
        "checks": by_name(inspector.get_check_constraints(table)),
        "indexes": {
            name: (index["column_names"], bool(index["unique"]), where_of(index))
            for name, index in by_name(inspector.get_indexes(table)).items()
        },
    }


def where_of(index):
    return {key: str(value) for key, value in index.get("dialect_options", {}).items()}


def by_name(things):
    return {thing["name"]: thing for thing in things}


def test_the_migrations_make_exactly_the_codes_tables(empty_url, tmp_path, request):
    schema.upgrade(empty_url)
    made = shape_of(empty_url)
    if "sqlite" in empty_url:
        other = sqlite_url(tmp_path / "other.db")
        wanted = shape_of(other, metadata.create_all)
    else:
        server = request.getfixturevalue("postgres")
        name = server.fresh_database()
        wanted = shape_of(server.url(name), metadata.create_all)
        server.drop_database(name)
    assert made == wanted


def test_alembic_finds_nothing_left_to_do(empty_url):
    schema.upgrade(empty_url)
    engine = create_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_up_down_and_up_again(empty_url):
    assert schema.current(empty_url) is None
    assert schema.upgrade(empty_url) == schema.head()
    first = shape_of(empty_url)
    schema.downgrade(empty_url)
    assert schema.current(empty_url) is None
    assert shape_of(empty_url) == {}
    schema.upgrade(empty_url)
    assert shape_of(empty_url) == first
    with closing(opened(empty_url)) as store, store.write() as tx:
        tx.append(Event(EventType.POLICY_LOADED, NOW, "system"))


def test_there_is_one_head_and_the_code_was_written_for_it():
    assert schema.head() == REVISION


def test_upgrading_again_changes_nothing(empty_url):
    schema.upgrade(empty_url)
    with closing(opened(empty_url)) as store:
        installation = store.installation()
    assert schema.upgrade(empty_url) == schema.head()
    with closing(opened(empty_url)) as store:
        assert store.installation() == installation
    assert is_id(installation, Prefix.INSTALLATION)


def test_two_upgrades_at_once_make_one_schema(empty_url):
    """On SQLite one of them may be told that the file is in use."""
    start = threading.Barrier(2)

    def run(_):
        start.wait(timeout=10)
        try:
            return schema.upgrade(empty_url)
        except StoreInUse:
            return "in use"

    with ThreadPoolExecutor(2) as pool:
        assert schema.head() in set(pool.map(run, range(2)))
    schema.check(empty_url)


def test_a_schema_that_is_not_at_head_is_named(empty_url):
    with pytest.raises(StoreSchemaWrong, match=f"at nothing, needs {REVISION}"):
        schema.check(empty_url)
    schema.upgrade(empty_url)
    schema.check(empty_url)
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    engine.dispose()
    with pytest.raises(StoreSchemaWrong, match=f"at 0000, needs {REVISION}"):
        schema.check(empty_url)


def test_working_on_an_empty_database_says_that_its_schema_is_wrong(empty_url):
    with closing(opened(empty_url)) as store:
        with pytest.raises(StoreSchemaWrong), store.read() as tx:
            tx.grant("gra-1")
        with pytest.raises(StoreSchemaWrong):
            store.installation()


def test_asking_where_a_file_stands_does_not_make_it(tmp_path):
    path = tmp_path / "database" / "valetkey.db"
    with pytest.raises(StoreSchemaWrong):
        schema.check(sqlite_url(path))
    assert not path.parent.exists()


def test_a_file_that_is_being_served_is_not_upgraded(tmp_path):
    url = sqlite_url(tmp_path / "database" / "valetkey.db")
    with serve_lock(url), pytest.raises(StoreInUse):
        schema.upgrade(url)
    schema.upgrade(url)


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:", "no url"])
def test_other_databases_are_refused_by_name(url):
    with pytest.raises(StoreError, match="database URL"):
        schema.upgrade(url)


@pytest.fixture
def runtime(postgres, postgres_url):
    """A database whose owner gave the runtime role its rights: connections as each of them."""
    engine = create_engine(postgres_url)
    role = engine.url.database + "_runtime"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
    schema.upgrade(postgres_url, runtime_role=role)
    url = engine.url.set(username=role)
    yield url.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))
    engine.dispose()


@pytest.mark.security("D4")
def test_the_runtime_role_can_serve(runtime):
    """The positive control of what it can't do."""
    schema.check(runtime)
    with closing(opened(runtime)) as store:
        assert store.installation()
        with store.write() as tx:
            tx.append(Event(EventType.POLICY_LOADED, NOW, "system"))
            assert tx.first_time("key", NOW)
            tx.add_policy("digest", b"", NOW)
        with store.read() as tx:
            assert len(tx.events()) == 1


@pytest.mark.security("D4")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'x'",
        "DELETE FROM events",
        "TRUNCATE events",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "ALTER TABLE events DISABLE TRIGGER events_not_changed",
        "DROP TRIGGER events_not_changed ON events",
        "DROP TABLE events",
        "ALTER TABLE events OWNER TO CURRENT_USER",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION events_append_only() RETURNS trigger LANGUAGE sql AS ''",
        "UPDATE installation SET id = 'x'",
        "UPDATE alembic_version SET version_num = 'x'",
        "INSERT INTO schema_fits VALUES ('x', 'y')",
    ],
)
def test_the_runtime_role_cannot_change_the_record(runtime, statement):
    engine = create_engine(runtime)
    with pytest.raises(ProgrammingError) as caught, engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    assert caught.value.orig.sqlstate == "42501"
