"""Copies made while writes go on, restored and opened, on both databases."""

import shlex
import shutil
import stat
from contextlib import closing
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from bot.cli import main
from bot.playground.processes import wait_until
from grants.errors import StoreError, StoreUnavailable
from grants.store import schema
from grants.store.backup import backup
from grants.store.engine import sqlite_path
from tests.support.numbered import Writers, keys_in, more_than
from tests.support.store_values import NOW
from tests.support.stores import opened, sqlite_url

WITHIN = timedelta(seconds=30)


@pytest.fixture
def url(tmp_path):
    """The URL of a served SQLite file."""
    found = sqlite_url(tmp_path / "database" / "valetkey.db")
    schema.upgrade(found)
    return found


@pytest.fixture
def place(tmp_path):
    """Where copies go: anybody may look into it."""
    folder = tmp_path / "copies"
    folder.mkdir(mode=0o755)
    return folder / "copy.db"


def run(*arguments):
    return CliRunner().invoke(main, ["db", *arguments])


def check_copy(store, before):
    """What was stored before the copy began is in it, each once, in an unbroken order."""
    there = keys_in(store)
    assert before <= set(there)
    assert len(there) == len(set(there))
    with store.write() as tx:
        assert tx.first_time("after the restore", NOW)


def test_a_file_is_copied_while_others_write_and_the_copy_is_served(url, place, tmp_path):
    with closing(opened(url)) as store, Writers(store) as writers:
        wait_until(more_than(writers, 50), within=WITHIN, what="written")
        before = set(writers.stored)
        done = run("backup", "--database-url", url, str(place))
        count = len(writers.stored)
        wait_until(more_than(writers, count + 10), within=WITHIN, what="written on")
    assert done.exit_code == 0, done.output
    assert "read again and whole" in done.output
    assert [entry.name for entry in place.parent.iterdir()] == ["copy.db"]
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    restored = tmp_path / "restored" / "valetkey.db"
    restored.parent.mkdir(mode=0o700)
    shutil.copy(place, restored)
    assert run("check", "--deep", "--database-url", sqlite_url(restored)).exit_code == 0
    with closing(opened(sqlite_url(restored))) as store:
        check_copy(store, before)


def test_nothing_is_overwritten(url, place):
    place.write_text("mine")
    done = run("backup", "--database-url", url, str(place))
    assert done.exit_code == 2
    assert "is there already" in done.output
    assert place.read_text() == "mine"
    assert list(place.parent.iterdir()) == [place]


def test_a_copy_that_cannot_be_made_leaves_nothing(url, place, tmp_path):
    with pytest.raises(StoreUnavailable, match="no such file"):
        backup(sqlite_url(tmp_path / "nothing.db"), place)
    with pytest.raises(StoreUnavailable, match="No such file"):
        backup(url, place.parent / "not-there" / "copy.db")
    assert list(place.parent.iterdir()) == []


def test_a_file_that_is_damaged_is_not_called_a_backup(url, place):
    with closing(opened(url)) as store, store.write() as tx:
        for number in range(500):
            tx.first_time(f"key-{number}", NOW)
    path = sqlite_path(url)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 20_000)
    with pytest.raises(StoreError):
        backup(url, place)
    assert list(place.parent.iterdir()) == []


@pytest.mark.parametrize(
    "broken", ["DELETE FROM record_order", "UPDATE record_order SET number = 7"]
)
def test_a_record_that_does_not_add_up_is_found(url, place, broken):
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(broken))
    engine.dispose()
    done = run("check", "--deep", "--database-url", url)
    assert done.exit_code == 4
    assert "the record has 0 events" in done.output
    with pytest.raises(StoreError, match="the record has 0 events"):
        backup(url, place)


def test_a_file_of_something_else_is_not_called_a_backup(tmp_path, place):
    other = sqlite_url(tmp_path / "other.db")
    engine = create_engine(other)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE things (name text)"))
    engine.dispose()
    with pytest.raises(StoreError, match="no Valetkey database"):
        backup(other, place)
    assert list(place.parent.iterdir()) == []


@pytest.mark.needs_postgres
def test_the_command_that_is_named_for_postgres_makes_a_copy_that_can_be_restored(
    postgres, postgres_url
):
    """As docs/backup.md says it, with PostgreSQL's own programs, while four threads write."""
    schema.upgrade(postgres_url)
    folder = postgres.own_folder("copies")
    with closing(opened(postgres_url)) as store, Writers(store) as writers:
        wait_until(more_than(writers, 50), within=WITHIN, what="written")
        before = set(writers.stored)
        said = run("backup", "--database-url", postgres_url, str(folder / "copy.dump"))
        command, *_ = said.output.splitlines()
        program, *arguments = shlex.split(command)
        postgres.run(program, *arguments)
    assert said.exit_code == 2
    name = postgres.fresh_database("template0")
    restored = postgres.url(name)
    postgres.run(
        "pg_restore",
        "--exit-on-error",
        "--no-owner",
        f"--dbname={restored.replace('+psycopg', '')}",
        folder / "copy.dump",
    )
    assert run("check", "--deep", "--database-url", restored).exit_code == 0
    with closing(opened(restored)) as store:
        check_copy(store, before)
        with pytest.raises(StoreError), store._database.writing() as connection:
            connection.execute(text("DELETE FROM events"))


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://val@db.example:5433/valetkey", "postgresql://val@db.example:5433/valetkey"),
        ("postgresql:///valetkey?host=/run/pg", "postgresql:///valetkey?host=%2Frun%2Fpg"),
        (
            "postgresql://val@/db?host=one:1&host=two:2&sslmode=require&prepared_statements=off",
            "postgresql://val@one:1,two:2/db?sslmode=require",
        ),
    ],
)
def test_the_command_for_postgres_names_the_same_database(url, named):
    done = run("backup", "--database-url", url, "/copies/copy one.dump")
    assert done.exit_code == 2
    command = shlex.split(done.output.splitlines()[0])
    assert command == [
        "pg_dump",
        "--format=custom",
        "--file=/copies/copy one.dump",
        f"--dbname={named}",
    ]


@pytest.mark.security("D2")
def test_a_password_never_stands_in_the_command(monkeypatch):
    monkeypatch.setenv("VALETKEY_DATABASE_URL", "postgresql://val:canary@db.example/valetkey")
    done = run("backup", "/copies/copy.dump")
    assert done.exit_code == 2
    assert "val@db.example" in done.output
    assert "canary" not in done.output
