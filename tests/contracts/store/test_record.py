import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from grants.errors import StoreError
from grants.record.model import Event, EventType
from tests.support.store_values import NOW
from tests.support.stores import commit, roll_back


def an_event(actor="system", **facts):
    return Event(EventType.POLICY_LOADED, NOW, actor, facts=facts)


def bodies(store):
    with store.read() as tx:
        return [json.loads(stored.canonical) for stored in tx.events()]


def test_events_are_numbered_in_the_order_they_were_added(store):
    with store.write() as tx:
        tx.append(an_event("a"))
        tx.append(an_event("b"))
    with store.write() as tx:
        tx.append(an_event("c"))
    assert [(body["number"], body["actor"]) for body in bodies(store)] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]


def test_an_event_carries_its_number_and_id_in_its_bytes(store):
    with store.write() as tx:
        tx.append(
            Event(
                EventType.GRANT_ACTIVE,
                NOW,
                "per-a",
                recipient="per-b",
                request="req-c",
                grant="gra-d",
                terms_hash="e",
                facts={"uid": "u", "seconds": 5, "names": ("x", "y"), "adds_nothing": False},
            )
        )
    with store.read() as tx:
        (stored,) = tx.events()
    assert json.loads(stored.canonical) == {
        "schema": 1,
        "number": 1,
        "id": stored.id,
        "type": "grant.active",
        "at": "2026-01-05T09:30:00.123456Z",
        "actor": "per-a",
        "recipient": "per-b",
        "request": "req-c",
        "grant": "gra-d",
        "terms_hash": "e",
        "facts": {"uid": "u", "seconds": 5, "names": ["x", "y"], "adds_nothing": False},
    }


def test_a_rolled_back_transaction_leaves_no_gap(store):
    roll_back(store, lambda tx: tx.append(an_event("lost")))
    with store.write() as tx:
        tx.append(an_event("kept"))
    assert [(body["number"], body["actor"]) for body in bodies(store)] == [(1, "kept")]


def test_a_transaction_without_events_takes_no_number(store):
    with store.write():
        pass
    with store.write() as tx:
        tx.append(an_event())
    assert [body["number"] for body in bodies(store)] == [1]


def test_events_are_read_in_pages(store):
    with store.write() as tx:
        for number in range(5):
            tx.append(an_event(n=number))
    with store.read() as tx:
        assert [e.number for e in tx.events(after=1, limit=3)] == [2, 3, 4]


def test_a_reader_cannot_append(store):
    with pytest.raises(StoreError), store.read() as tx:
        tx.append(an_event())


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"x": None}, TypeError),
        ({"x": {"nested": 1}}, TypeError),
        ({"x": [[1]]}, TypeError),
        ({"x": b"bytes"}, TypeError),
        ({"x": NOW}, TypeError),
        ({"x": 2**53}, ValueError),
        ({"x": float("nan")}, ValueError),
        ({"x": "\ud800"}, ValueError),
        ({"Not a name": 1}, ValueError),
    ],
)
def test_a_fact_that_bytes_cannot_hold_is_refused_where_it_is_added(store, facts, error):
    with store.write() as tx:
        with pytest.raises(error):
            tx.append(an_event(**facts))
        tx.append(an_event("still-usable"))
    assert [body["actor"] for body in bodies(store)] == ["still-usable"]


def test_an_event_without_a_zone_is_refused(store):
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 -- the point of the test
    with store.write() as tx, pytest.raises(ValueError, match="zone"):
        tx.append(Event(EventType.POLICY_LOADED, naive, "system"))


def test_numbers_are_gapless_whatever_runs_and_fails_at_once(store):
    """Four threads append one to three events each time; every fourth transaction fails."""
    start = threading.Barrier(4)

    def work(worker):
        start.wait(timeout=10)
        for turn in range(20):
            events = [an_event(worker, turn=turn)] * (1 + turn % 3)
            run = roll_back if turn % 4 == 3 else commit
            run(store, lambda tx, events=events: [tx.append(event) for event in events])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, ["w0", "w1", "w2", "w3"]))
    found = bodies(store)
    kept = [1 + turn % 3 for turn in range(20) if turn % 4 != 3]
    assert [body["number"] for body in found] == list(range(1, 4 * sum(kept) + 1))
    for worker in ("w0", "w1", "w2", "w3"):
        turns = [body["facts"]["turn"] for body in found if body["actor"] == worker]
        assert turns == sorted(turns)
