from datetime import UTC, datetime, timedelta

import pytest

from grants.errors import StoreError
from grants.outbox.model import Card, CardKind, Notice, Place, PlaceKind
from tests.support.stores import roll_back

NOW = datetime(2026, 1, 5, tzinfo=UTC)
FUTURE = datetime(2200, 1, 1, tzinfo=UTC)
PAST = datetime(2000, 1, 1, tzinfo=UTC)
HOLD = timedelta(minutes=1)
NO_HOLD = timedelta(0)
CHANNEL = Place(PlaceKind.CHANNEL, "C1")
ANN = Place(PlaceKind.PERSON, "per-ann")
CARD = Card(CardKind.APPROVAL, "req-1", CHANNEL)


def tell(store, *cards):
    with store.write() as tx:
        for card in cards:
            tx.tell(card)


def due(store, hold=NO_HOLD):
    return store.deliveries.claim(10, hold)


def test_a_told_card_is_due_at_version_one(real_store):
    tell(real_store, CARD)
    (row,) = due(real_store)
    assert (row.kind, row.about, row.place) == (CardKind.APPROVAL, "req-1", CHANNEL)
    assert (row.wanted, row.sent, row.attempts) == (1, 0, 0)
    assert (row.channel, row.ts, row.sending_since, row.code) == (None, None, None, "")


def test_telling_again_raises_the_version_of_the_same_row(real_store):
    tell(real_store, CARD, CARD)
    tell(real_store, CARD)
    assert [row.wanted for row in due(real_store)] == [3]


def test_each_place_has_its_own_row(real_store):
    tell(
        real_store,
        CARD,
        Card(CardKind.APPROVAL, "req-1", ANN),
        Card(CardKind.REQUEST, "req-1", ANN),
    )
    assert len(due(real_store)) == 3


def test_what_is_rolled_back_is_never_told(real_store):
    roll_back(real_store, lambda tx: tx.tell(CARD))
    assert due(real_store) == ()


def test_retelling_raises_every_card_about_a_thing_and_no_notice(real_store):
    other = Card(CardKind.APPROVAL, "req-2", CHANNEL)
    tell(real_store, CARD, Card(CardKind.REQUEST, "req-1", ANN), other)
    with real_store.write() as tx:
        tx.notify(Notice("warned", "req-1", ANN))
        tx.retell("req-1")
    assert [(row.about, row.wanted) for row in due(real_store)] == [
        ("req-1", 2),
        ("req-1", 2),
        ("req-2", 1),
        ("req-1", 1),
    ]


def test_notices_keep_their_words_and_order(real_store):
    with real_store.write() as tx:
        for number in range(3):
            tx.notify(Notice("link-used", "att-1", ANN, {"n": str(number)}))
    rows = due(real_store)
    assert [(row.code, row.facts) for row in rows] == [
        ("link-used", {"n": "0"}),
        ("link-used", {"n": "1"}),
        ("link-used", {"n": "2"}),
    ]


def test_a_claimed_row_is_nobody_elses_until_its_hold_ends(real_store):
    tell(real_store, CARD)
    assert len(due(real_store, HOLD)) == 1
    assert due(real_store) == ()


def test_a_claim_ends_by_itself(real_store):
    tell(real_store, CARD)
    assert len(due(real_store, NO_HOLD)) == 1
    assert len(due(real_store, HOLD)) == 1


def test_no_more_than_the_limit_is_claimed(real_store):
    tell(real_store, CARD, Card(CardKind.APPROVAL, "req-2", CHANNEL))
    assert [row.about for row in real_store.deliveries.claim(1, HOLD)] == ["req-1"]
    assert [row.about for row in real_store.deliveries.claim(1, HOLD)] == ["req-2"]


def test_what_is_sent_is_due_no_more_and_remembers_where_it_stands(real_store):
    tell(real_store, CARD)
    (row,) = due(real_store, HOLD)
    real_store.deliveries.sending(row, NOW)
    real_store.deliveries.sent(row, "C1", "171.1")
    assert due(real_store) == ()
    tell(real_store, CARD)
    (again,) = due(real_store)
    assert (again.wanted, again.sent) == (2, 1)
    assert (again.channel, again.ts, again.sending_since) == ("C1", "171.1", None)


def test_what_is_wanted_during_a_send_is_sent_after_it(real_store):
    tell(real_store, CARD)
    (row,) = due(real_store, HOLD)
    tell(real_store, CARD)
    assert due(real_store) == ()
    real_store.deliveries.sent(row, "C1", "171.1")
    assert [(row.wanted, row.sent) for row in due(real_store)] == [(2, 1)]


def test_a_late_sender_of_an_older_version_makes_the_card_wanted_again(real_store):
    """Its hold ran out while it slept, another sent version 2, and then its version 1 went out."""
    tell(real_store, CARD)
    (slept,) = due(real_store, NO_HOLD)
    tell(real_store, CARD)
    (newer,) = due(real_store, NO_HOLD)
    real_store.deliveries.sent(newer, "C1", "171.1")
    real_store.deliveries.sent(slept, "C1", "171.1")
    assert [(row.wanted, row.sent) for row in due(real_store)] == [(3, 2)]


def test_a_first_send_under_way_is_seen_by_who_comes_after_a_crash(real_store):
    tell(real_store, CARD)
    (row,) = due(real_store, NO_HOLD)
    real_store.deliveries.sending(row, NOW)
    (again,) = due(real_store)
    assert again.sending_since is not None


def test_a_failed_row_waits_for_its_time_and_counts_its_attempts(real_store, clock):
    tell(real_store, CARD)
    (row,) = due(real_store, HOLD)
    # PostgreSQL goes by its own clock, SQLite by the test's: both are far from these two times.
    real_store.deliveries.retry(row, FUTURE, "ratelimited")
    assert due(real_store) == ()
    tell(real_store, CARD)
    assert due(real_store) == ()
    assert real_store.deliveries.next_due_at() == FUTURE
    real_store.deliveries.retry(row, PAST, "ratelimited")
    (again,) = due(real_store)
    assert again.attempts == 2


def test_a_dropped_version_is_not_tried_again_but_a_later_one_is(real_store):
    tell(real_store, CARD)
    (row,) = due(real_store, HOLD)
    real_store.deliveries.dropped(row, "channel_not_found")
    assert due(real_store) == ()
    assert real_store.deliveries.next_due_at() is None
    tell(real_store, CARD)
    assert len(due(real_store)) == 1


def test_the_next_row_is_due_when_its_claim_ends(real_store):
    assert real_store.deliveries.next_due_at() is None
    tell(real_store, CARD)
    at_once = real_store.deliveries.next_due_at()
    due(real_store, HOLD)
    assert real_store.deliveries.next_due_at() - at_once >= HOLD


def test_the_fake_counts_cards_as_the_real_one_does(store):
    tell(store, CARD, CARD)
    with store.write() as tx:
        tx.retell("req-1")
        tx.notify(Notice("warned", "req-1", ANN))
    if hasattr(store, "deliveries"):
        assert [(row.kind, row.wanted) for row in due(store)] == [
            (CardKind.APPROVAL, 3),
            (CardKind.NOTICE, 1),
        ]
    else:
        assert store.cards == {CARD: 3}
        assert store.notices == (Notice("warned", "req-1", ANN),)


@pytest.mark.parametrize(
    "write",
    [
        lambda tx: tx.tell(CARD),
        lambda tx: tx.notify(Notice("c", "a", ANN)),
        lambda tx: tx.retell("req-1"),
    ],
)
def test_a_reader_tells_nobody(store, write):
    with pytest.raises(StoreError), store.read() as tx:
        write(tx)
