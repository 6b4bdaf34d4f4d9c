from contextlib import closing
from datetime import datetime, timedelta

from sqlalchemy import text

from grants.outbox.model import Card, CardKind, Notice, Place, PlaceKind
from grants.record.model import Event, EventType
from grants.usage.coverage import could_have_seen
from grants.usage.model import Kind, VerbClass
from grants.usage.verdict import looked_at
from tests.support.audit import START, event, lines, read, ref
from tests.support.store_values import NOW, a_session, an_attempt, populate
from tests.support.stores import opened

LATER = timedelta(days=1)
EVER = timedelta(days=100_000)


def test_what_only_served_a_moment_is_forgotten_once_it_is_old(real_store):
    stored = populate(real_store)
    old, new = an_attempt(expires_at=NOW), an_attempt(expires_at=NOW + LATER)
    over, open_ = a_session(stored.ann, expires_at=NOW), a_session(stored.ann)
    with real_store.write() as tx:
        tx.first_time("old", NOW)
        tx.first_time("new", NOW + LATER)
        for attempt in (old, new):
            tx.add_attempt(attempt)
        for session in (over, open_):
            tx.add_session(session)
    assert real_store.upkeep.forget(NOW + timedelta(seconds=1)) == 3
    with real_store.write() as tx:
        assert (tx.attempt(old.id), tx.attempt(new.id)) == (None, new)
        assert tx.session(over.secret_digest) is None
        assert tx.session(open_.secret_digest) == open_
        assert tx.first_time("old", NOW)
        assert not tx.first_time("new", NOW)


def test_much_is_forgotten_in_many_short_transactions(real_store):
    """One long delete held the writer, and whoever clicked meanwhile was told to come back."""
    with real_store.write() as tx:
        for number in range(7):
            tx.first_time(f"old-{number}", NOW)
        tx.first_time("new", NOW + LATER)
    assert real_store.upkeep.forget(NOW + timedelta(seconds=1), batch=3) == 7
    with real_store.write() as tx:
        assert not tx.first_time("new", NOW + LATER)
        assert tx.first_time("old-6", NOW)


def test_keys_of_batches_are_forgotten_sooner_since_there_are_many(real_store):
    with real_store.write() as tx:
        for key in ("usage:batch:prod:1", "usage:file:1", "slack:1"):
            tx.first_time(key, NOW)
    soon = NOW + timedelta(seconds=1)
    assert real_store.upkeep.forget(NOW - LATER, batches_before=soon) == 1
    with real_store.write() as tx:
        assert tx.first_time("usage:batch:prod:1", NOW)
        assert not tx.first_time("usage:file:1", NOW)


def heard_each_hour(first: datetime, last: datetime) -> bytes:
    """A log of a cluster in which something is read every half hour, and once a thing long ago."""
    half, number = timedelta(minutes=30), 0
    some = [event(0, first, objectRef=ref(name="once"))]
    while (at := first + number * half) <= last:
        number += 1
        some.append(event(number, at, objectRef=ref(name="often")))
    return lines(*some)


def test_use_that_was_not_seen_again_is_forgotten_and_with_it_that_it_could_have_been(real_store):
    """Else what is gone would look as if it had never been done, in all the time it was heard."""
    last = START + timedelta(days=60)
    part = read(heard_each_hour(START, last)).parts["prod"]
    with real_store.write() as tx:
        tx.add_usage("prod", part)
    reads = Kind(VerbClass.READ, "", "configmaps")

    def names_and_evidence() -> tuple[set[str], list[bool]]:
        with real_store.read() as tx:
            coverage = tx.coverage("prod")
            spans = [looked_at(last, timedelta(days=n)) for n in (30, 55)]
            found = [could_have_seen(coverage, reads, span).sufficient for span in spans]
            return {use.act.name for use in tx.usage("prod")}, found

    assert names_and_evidence() == ({"once", "often"}, [True, True])
    assert real_store.upkeep.forget_usage(last - timedelta(days=40)) == 1
    assert names_and_evidence() == ({"often"}, [True, False])
    assert real_store.upkeep.forget_usage(last - timedelta(days=40)) == 0


def test_only_notices_that_were_told_or_given_up_are_forgotten(real_store):
    places = [Place(PlaceKind.PERSON, f"per-{n}") for n in range(4)]
    with real_store.write() as tx:
        for code, place in zip(("told", "given-up", "untold"), places[:3], strict=True):
            tx.notify(Notice(code, "req-1", place))
        tx.tell(Card(CardKind.REQUEST, "req-1", places[3]))
    card, told, given_up, untold = real_store.deliveries.claim(10, timedelta(0))
    for row in (told, card):
        real_store.deliveries.sent(row, "D1", "1.1")
    real_store.deliveries.dropped(given_up, "channel_not_found")
    assert real_store.upkeep.forget(NOW + EVER) == 2
    with real_store.write() as tx:
        tx.tell(Card(CardKind.REQUEST, "req-1", places[3]))
    left = {row.id for row in real_store.deliveries.claim(10, timedelta(0))}
    assert left == {untold.id, card.id}


def test_holds_that_are_over_are_forgotten(real_store):
    real_store.deliveries.hold("all", timedelta(0))
    assert real_store.upkeep.forget(NOW + EVER) == 1


def test_the_record_is_never_forgotten(real_store):
    stored = populate(real_store)
    with real_store.write() as tx:
        tx.append(Event(EventType.POLICY_LOADED, NOW, "system"))
    real_store.upkeep.forget(NOW + EVER)
    with real_store.read() as tx:
        assert len(tx.events()) == 1
        assert tx.request(stored.request.id) == stored.request


def test_sqlite_learns_how_large_its_tables_are(sqlite_url):
    with closing(opened(sqlite_url)) as store:
        populate(store)
        store.upkeep.forget(NOW)
        with store._database.reading() as connection:
            looked = connection.execute(text("SELECT DISTINCT tbl FROM sqlite_stat1")).scalars()
            assert "people" in set(looked)
