"""`valetkey db restored`: a copy is said to be one before it is served."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from grants.people.model import WebSession
from grants.store.engine import serve_lock
from tests.support.store_values import populate
from tests.support.stores import copied, migrated_template, opened


@pytest.fixture
def url(tmp_path) -> str:
    return copied(migrated_template(tmp_path), tmp_path)


def ran(url: str, *arguments: str, typed: str = "") -> Result:
    environ = {"VALETKEY_DATABASE_URL": url}
    return CliRunner().invoke(main, ["db", "restored", *arguments], env=environ, input=typed)


def events(url: str) -> list[str]:
    with closing(opened(url)) as store, store.read() as tx:
        return [json.loads(event.canonical)["type"] for event in tx.events()]


def test_what_waits_is_closed_and_sessions_end(url):
    with closing(opened(url)) as store:
        people = populate(store)
        session = WebSession(
            "ses-x", "d" * 64, people.ann.id, datetime.now(UTC), datetime.now(UTC) + timedelta(1)
        )
        with store.write() as tx:
            tx.add_session(session)
        done = ran(url, "--yes")
        assert done.exit_code == 0, done.output
        assert "closed 1 requests, gave up 0 grants, ended 1 sessions" in done.stdout
        with store.read() as tx:
            assert tx.session("d" * 64) is None
    assert events(url)[-2:] == ["request.cancelled", "record.restored"]


def test_it_asks_first(url):
    done = ran(url, typed="n\n")
    assert done.exit_code == 1
    assert events(url) == []
    assert ran(url, typed="y\n").exit_code == 0
    assert events(url) == ["record.restored"]


def test_it_may_be_said_twice(url):
    assert [ran(url, "--yes").exit_code for _ in range(2)] == [0, 0]
    assert events(url) == ["record.restored"] * 2


def test_a_database_that_is_served_is_left_alone(url):
    with serve_lock(url):
        done = ran(url, "--yes")
    assert done.exit_code == 4
    assert events(url) == []
