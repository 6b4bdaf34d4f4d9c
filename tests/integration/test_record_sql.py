"""The SQL on the page about the record runs on both databases and says what it is said to say."""

import json
from contextlib import closing

import pytest
from sqlalchemy import create_engine, text

from grants.record.model import Event, EventType
from grants.store import schema
from tests.support.pages import sql_of
from tests.support.store_values import NOW
from tests.support.stores import opened, sqlite_url

UNKNOWN = {"cluster": "prod", "namespace": "shop", "binding": "valetkey-x", "finding": "unknown"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_postgres)])
def asked(request, tmp_path):
    """Ask a record of three events what the page says; gives the rows."""
    if request.param == "sqlite":
        url = sqlite_url(tmp_path / "database" / "valetkey.db")
    else:
        url = request.getfixturevalue("postgres_url")
    schema.upgrade(url)
    with closing(opened(url)) as store, store.write() as tx:
        tx.append(Event(EventType.BINDING_UNKNOWN, NOW, "system", facts=UNKNOWN))
        for cause in ("expired", "expired"):
            tx.append(Event(EventType.GRANT_ENDED, NOW, "system", facts={"cause": cause}))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    statements = sql_of(request.param)

    def ask(start):
        (statement,) = [sql for title, sql in statements.items() if title.startswith(start)]
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    ask.dialect = request.param
    yield ask
    engine.dispose()


def test_the_whole_log_is_read_in_order(asked):
    rows = [row[0] for row in asked("the whole log")]
    events = [row if isinstance(row, dict) else json.loads(row) for row in rows]
    assert [event["number"] for event in events] == [1, 2, 3]
    assert events[0]["facts"] == UNKNOWN


def test_bindings_that_nobody_knows_are_found(asked):
    ((at, cluster, binding),) = asked("bindings that nobody knows")
    assert (cluster, binding) == ("prod", "valetkey-x")
    shown = at if isinstance(at, str) else at.strftime("%Y-%m-%d %H:%M:%S")
    assert shown[:10] == NOW.strftime("%Y-%m-%d")


def test_every_other_statement_runs(asked):
    if asked.dialect == "sqlite":
        assert asked("what came after") == []
        assert asked("how grants ended") == [("expired", 2)]
    else:
        assert asked("is a number missing") == []
