"""The record is append-only by the database itself, whoever connects to it."""

import pytest
from sqlalchemy import create_engine, delete, insert, text, update
from sqlalchemy.exc import DBAPIError

from grants.record.model import Event, EventType
from grants.store import tables as t
from tests.support.store_values import NOW

pytestmark = pytest.mark.security("D4")


@pytest.fixture
def engine(database_url, real_store):
    """A connection without anything of ours, on a log of two events."""
    with real_store.write() as tx:
        tx.append(Event(EventType.POLICY_LOADED, NOW, "system"))
        tx.append(Event(EventType.POLICY_LOADED, NOW, "system"))
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def a_row(number):
    return {
        "number": number,
        "id": f"evt-{number}",
        "type": "x",
        "schema": 1,
        "at": NOW,
        "actor": "x",
        "canonical": b"",
    }


def refused(engine, statement):
    with pytest.raises(DBAPIError) as caught, engine.begin() as connection:
        connection.execute(statement)
    return str(caught.value.orig)


def test_no_event_is_updated(engine):
    assert "append-only" in refused(engine, update(t.events).values(actor="y"))


def test_no_event_is_deleted(engine):
    assert "append-only" in refused(engine, delete(t.events).where(t.events.c.number == 2))


@pytest.mark.parametrize("number", [0, 1, 2, 4])
def test_no_event_is_put_anywhere_but_at_the_end(engine, number):
    assert "without gaps" in refused(engine, insert(t.events).values(a_row(number)))


def test_the_next_number_is_taken(engine):
    """The positive control of the test above."""
    with engine.begin() as connection:
        connection.execute(insert(t.events).values(a_row(3)))


def test_replace_and_truncate_do_not_get_around_the_triggers(engine):
    if engine.dialect.name == "sqlite":
        replace = insert(t.events).prefix_with("OR REPLACE").values(a_row(2))
        assert "without gaps" in refused(engine, replace)
        same_id = a_row(3) | {"id": first_id(engine)}
        replace = insert(t.events).prefix_with("OR REPLACE").values(same_id)
        assert "without gaps" in refused(engine, replace)
    else:
        assert "append-only" in refused(engine, text("TRUNCATE events"))


def first_id(engine):
    with engine.connect() as connection:
        return connection.execute(t.events.select()).first().id
