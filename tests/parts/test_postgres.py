"""The PostgreSQL of the tests: a server once, a database of one's own each time."""

from __future__ import annotations

import sqlalchemy

from tests.support.postgres import PostgresServer


def count(url: str) -> int:
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        found = connection.scalar(
            sqlalchemy.text("select count(*) from pg_tables where tablename = 'kept'")
        )
    engine.dispose()
    return int(found or 0)


def make_table(url: str) -> None:
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table kept (id int)"))
    engine.dispose()


def test_a_database_begins_empty_and_is_reached_by_socket_and_by_tcp(postgres, postgres_url):
    assert count(postgres_url) == 0
    name = postgres.fresh_database()
    make_table(postgres.url(name))
    assert count(postgres.url(name, tcp=True)) == 1
    assert count(postgres_url) == 0
    postgres.drop_database(name)


def test_a_private_folder_for_temporary_files_is_no_hindrance(tmp_path):
    """As root the server runs as `nobody`, who cannot enter what only root may."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with PostgresServer(private) as server:
        assert count(server.url("postgres")) == 0


def test_a_template_is_made_once_and_copied(postgres):
    made: list[str] = []

    def prepare(url: str) -> None:
        made.append(url)
        make_table(url)

    names = [postgres.fresh_database(postgres.template("with_kept", prepare)) for _ in range(2)]
    assert [count(postgres.url(name)) for name in names] == [1, 1]
    assert len(made) == 1
