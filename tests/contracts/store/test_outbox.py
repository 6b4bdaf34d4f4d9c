from datetime import UTC, datetime, timedelta

import pytest

from grants.errors import ChangedMeanwhile, StoreError
from grants.outbox.model import (
    BROKEN,
    CHANGES,
    EVERYWHERE,
    FIRST_SENDS,
    Card,
    CardKind,
    Notice,
    Pace,
    Place,
    PlaceKind,
    Reach,
    scope_of,
)
from tests.support.memory_deliveries import MemoryDeliveries
from tests.support.stores import roll_back

NOW = datetime(2026, 1, 5, tzinfo=UTC)
HOLD = timedelta(minutes=1)
NO_HOLD = timedelta(0)
LONG = timedelta(days=1)
CHANNEL = Place(PlaceKind.CHANNEL, "C1")
GROUP = Place(PlaceKind.USER_GROUP, "S1")
ANN = Place(PlaceKind.PERSON, "per-ann")
BOB = Place(PlaceKind.PERSON, "per-bob")
CARD = Card(CardKind.APPROVAL, "req-1", CHANNEL)
ANNS = Card(CardKind.REQUEST, "req-1", ANN)


@pytest.fixture
def store(store):
    """Each store with what delivers its outbox: the real one has it, the fake gets its own."""
    if not hasattr(store, "deliveries"):
        store.deliveries = MemoryDeliveries(store)
    return store


def tell(store, *cards):
    with store.write() as tx:
        for card in cards:
            tx.tell(card)


def notify(store, *codes, place=ANN, about="req-1"):
    with store.write() as tx:
        for code in codes:
            tx.notify(Notice(code, about, place))


def due(store, hold=NO_HOLD, limit=10):
    return store.deliveries.claim(limit, hold)


def drained(store):
    """Tell all that waits, one row of a place after the other; gives the order."""
    told = []
    while rows := due(store):
        for row in rows:
            store.deliveries.sent(row, "C", str(len(told)))
            told.append(row.code or str(row.kind))
    return told


def test_a_told_card_is_due_at_version_one(store):
    tell(store, CARD)
    (row,) = due(store)
    assert (row.kind, row.about, row.place) == (CardKind.APPROVAL, "req-1", CHANNEL)
    assert (row.wanted, row.sent, row.attempts) == (1, 0, 0)
    assert (row.channel, row.ts, row.sending_since, row.code) == (None, None, None, "")


def test_telling_again_raises_the_version_of_the_same_row(store):
    tell(store, CARD, CARD)
    tell(store, CARD)
    assert [row.wanted for row in due(store)] == [3]


def test_each_place_has_its_own_row(store):
    tell(store, CARD, Card(CardKind.APPROVAL, "req-1", ANN), Card(CardKind.REQUEST, "req-1", BOB))
    assert len(due(store)) == 3


def test_what_is_rolled_back_is_never_told(store):
    roll_back(store, lambda tx: tx.tell(CARD))
    assert due(store) == ()


def test_retelling_raises_every_card_about_a_thing_and_no_notice(store):
    tell(store, CARD, ANNS, Card(CardKind.APPROVAL, "req-2", Place(PlaceKind.CHANNEL, "C2")))
    with store.write() as tx:
        tx.notify(Notice("warned", "req-1", BOB))
        tx.retell("req-1")
    assert [(row.about, row.wanted) for row in due(store)] == [
        ("req-1", 2),
        ("req-2", 1),
        ("req-1", 2),
        ("req-1", 1),
    ]


def test_notices_keep_their_words(store):
    with store.write() as tx:
        tx.notify(Notice("link-used", "att-1", ANN, {"n": "1"}))
    (row,) = due(store)
    assert (row.code, row.facts) == ("link-used", {"n": "1"})


def test_a_place_is_told_one_thing_at_a_time_in_the_order_of_their_coming(store):
    notify(store, "active", "ended")
    (row,) = due(store, HOLD)
    assert row.code == "active"
    assert due(store) == (), "the second waits while the first is being sent"
    store.deliveries.sent(row, "D1", "1.1")
    assert [one.code for one in due(store)] == ["ended"]


def test_what_follows_at_a_place_waits_while_the_first_is_retried(store):
    """A notice that says "ended" must not come before the one that says "active"."""
    notify(store, "active", "ended")
    notify(store, "other", place=BOB)
    rows = {row.code: row for row in due(store, HOLD)}
    assert set(rows) == {"active", "other"}
    store.deliveries.retry(rows["active"], LONG, "internal_error")
    assert due(store) == ()
    store.deliveries.dropped(rows["active"], "channel_not_found")
    assert [row.code for row in due(store)] == ["ended"]


def test_a_change_of_a_message_that_stands_waits_for_nothing_at_its_place(store):
    tell(store, ANNS)
    (card,) = due(store)
    store.deliveries.sent(card, "D1", "1.1")
    notify(store, "active")
    (notice,) = due(store)
    store.deliveries.retry(notice, LONG, "internal_error")
    tell(store, ANNS)
    assert [row.id for row in due(store)] == [card.id]


def test_a_card_that_can_not_be_drawn_holds_up_nothing(store):
    tell(store, ANNS)
    (card,) = due(store)
    store.deliveries.retry(card, LONG, BROKEN)
    notify(store, "active")
    assert [row.code for row in due(store)] == ["active"]


def test_what_needs_somebody_to_act_goes_before_what_only_says_something(store):
    notify(store, "n1", "n2")
    tell(store, ANNS, Card(CardKind.APPROVAL, "req-2", ANN), Card(CardKind.STUCK, "gra-1", ANN))
    assert drained(store) == ["approval", "stuck", "request", "n1", "n2"]


def test_a_claimed_row_is_nobody_elses_until_its_hold_ends(store):
    tell(store, CARD)
    assert len(due(store, HOLD)) == 1
    assert due(store) == ()


def test_a_claim_ends_by_itself(store):
    tell(store, CARD)
    assert len(due(store, NO_HOLD)) == 1
    assert len(due(store, HOLD)) == 1


def test_no_more_than_the_limit_is_claimed(store):
    tell(store, CARD, Card(CardKind.APPROVAL, "req-2", ANN))
    assert [row.about for row in due(store, HOLD, 1)] == ["req-1"]
    assert [row.about for row in due(store, HOLD, 1)] == ["req-2"]


def test_what_is_sent_is_due_no_more_and_remembers_where_it_stands(store):
    tell(store, CARD)
    (row,) = due(store, HOLD)
    store.deliveries.sending(row, NOW)
    store.deliveries.sent(row, "C1", "171.1")
    assert due(store) == ()
    tell(store, CARD)
    (again,) = due(store)
    assert (again.wanted, again.sent) == (2, 1)
    assert (again.channel, again.ts, again.sending_since) == ("C1", "171.1", None)


def test_what_is_wanted_during_a_send_is_sent_after_it(store):
    tell(store, CARD)
    (row,) = due(store, HOLD)
    tell(store, CARD)
    assert due(store) == ()
    store.deliveries.sent(row, "C1", "171.1")
    assert [(row.wanted, row.sent) for row in due(store)] == [(2, 1)]


def test_a_late_sender_of_an_older_version_makes_the_card_wanted_again(store):
    """Its hold ran out while it slept, another sent version 2, and then its version 1 went out."""
    tell(store, CARD)
    (slept,) = due(store, NO_HOLD)
    tell(store, CARD)
    (newer,) = due(store, NO_HOLD)
    store.deliveries.sent(newer, "C1", "171.1")
    store.deliveries.sent(slept, "C1", "171.1")
    assert [(row.wanted, row.sent) for row in due(store)] == [(3, 2)]


def test_a_claim_is_renewed_while_it_stands_and_not_once_it_has_lapsed(store):
    tell(store, CARD)
    (row,) = due(store, HOLD)
    assert due(store) == ()
    store.deliveries.renew([row.id], NO_HOLD)
    (row,) = due(store, NO_HOLD)
    store.deliveries.renew([row.id], HOLD)
    (row,) = due(store, HOLD)
    store.deliveries.put_back(row)
    store.deliveries.renew([row.id], HOLD)
    assert len(due(store)) == 1


def test_a_first_send_under_way_is_seen_by_who_comes_after_a_crash(store):
    tell(store, CARD)
    (row,) = due(store, NO_HOLD)
    store.deliveries.sending(row, NOW)
    (again,) = due(store)
    assert again.sending_since is not None


def test_who_stood_still_while_another_began_to_send_begins_no_second_send(store):
    """Its claim ran out before it had noted its send: it posted a second card beside the first."""
    tell(store, CARD)
    (slept,) = due(store, NO_HOLD)
    (awake,) = due(store, NO_HOLD)
    store.deliveries.sending(awake, NOW)
    with pytest.raises(ChangedMeanwhile):
        store.deliveries.sending(slept, NOW)
    store.deliveries.sent(awake, "C1", "171.1")
    with pytest.raises(ChangedMeanwhile):
        store.deliveries.sending(slept, NOW)
    tell(store, CARD)
    (row,) = due(store)
    assert (row.ts, row.sending_since) == ("171.1", None)
    store.deliveries.sending(row, NOW)


def test_a_failed_row_waits_for_its_time_and_counts_its_attempts(store):
    tell(store, CARD)
    (row,) = due(store, HOLD)
    store.deliveries.retry(row, LONG, "internal_error")
    assert due(store) == ()
    tell(store, CARD)
    assert due(store) == (), "telling more does not make the wait pass"
    (waits,) = store.deliveries.undelivered(10)
    assert (waits.tried, waits.problem, waits.given_up) == (1, "internal_error", False)


def test_a_row_is_due_again_after_its_wait_and_counts_on(store):
    tell(store, CARD)
    for attempts in range(3):
        (row,) = due(store, HOLD)
        assert row.attempts == attempts
        store.deliveries.retry(row, NO_HOLD, "internal_error")


def test_what_is_put_back_is_due_at_once_and_counts_no_failure(store):
    tell(store, CARD)
    (row,) = due(store, HOLD)
    store.deliveries.put_back(row, "slack-away")
    (again,) = due(store)
    assert again.attempts == 0
    assert store.deliveries.undelivered(1)[0].problem == "slack-away"


def test_a_dropped_version_is_not_tried_again_but_a_later_one_is(store):
    tell(store, CARD)
    (row,) = due(store, HOLD)
    store.deliveries.dropped(row, "channel_not_found")
    assert due(store) == ()
    tell(store, CARD)
    assert len(due(store)) == 1


def test_what_was_given_up_can_be_wanted_again(store):
    tell(store, CARD, ANNS)
    for row in due(store, HOLD):
        store.deliveries.dropped(row, "channel_not_found")
    (second, first) = store.deliveries.undelivered(10, given_up=True)
    assert store.deliveries.again([first.id, "crd-none"]) == 1
    assert store.deliveries.again([first.id]) == 0, "it waits already"
    assert [row.id for row in due(store)] == [first.id]
    assert [one.id for one in store.deliveries.undelivered(10, given_up=True)] == [second.id]


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        (EVERYWHERE, []),
        (FIRST_SENDS, ["old"]),
        (CHANGES, ["new", "other"]),
        (scope_of(ANN), ["old", "other"]),
    ],
)
def test_a_held_scope_is_left_alone(store, scope, left):
    """A hold of a place is about posting to it: what stands there may be changed."""
    old = Card(CardKind.REQUEST, "old", ANN)
    tell(store, old)
    (row,) = due(store)
    store.deliveries.sent(row, "D1", "1.1")
    store.deliveries.hold(scope, LONG)
    store.deliveries.hold(scope, NO_HOLD)  # a shorter one does not make it shorter
    tell(store, old)
    tell(store, Card(CardKind.STUCK, "other", BOB))
    seen = {row.about for row in due(store)}
    tell(store, Card(CardKind.STUCK, "new", ANN))
    seen |= {row.about for row in due(store)}
    assert sorted(seen) == sorted(left)


def test_a_pace_lets_a_burst_pass_and_then_holds_the_place(store):
    notify(store, "n1", "n2", "n3")
    pace = Pace(scope_of(ANN), LONG, burst=2)
    for code in ("n1", "n2"):
        (row,) = due(store, HOLD)
        assert row.code == code
        store.deliveries.sent(row, "D1", "1.1", (pace,))
    assert due(store) == ()


def test_the_age_of_what_waits_is_that_of_its_first_unsent_version(store, clock):
    tell(store, CARD)
    first = store.deliveries.figures().oldest
    clock.move(timedelta(hours=1))
    tell(store, CARD)
    assert store.deliveries.figures().oldest == first
    (row,) = due(store)
    store.deliveries.sent(row, "C1", "1.1")
    assert store.deliveries.figures().oldest is None
    tell(store, CARD)
    assert store.deliveries.figures().oldest == first + timedelta(hours=1)


def test_the_outbox_is_counted_by_kind_and_by_why_it_was_given_up(store):
    tell(store, CARD, ANNS, Card(CardKind.APPROVAL, "req-1", BOB))
    notify(store, "n1", "n2", place=GROUP)
    rows = {row.place: row for row in due(store, HOLD)}
    store.deliveries.dropped(rows[ANN], "user_disabled")
    store.deliveries.dropped(rows[CHANNEL], "is_archived")
    figures = store.deliveries.figures()
    assert figures.waiting == {CardKind.APPROVAL: 1, CardKind.NOTICE: 2}
    assert figures.given_up == {"user_disabled": 1, "is_archived": 1}


def test_how_far_a_card_got_counts_its_places_but_groups_that_only_fan_out(store):
    cards = [Card(CardKind.APPROVAL, "req-1", place) for place in (CHANNEL, ANN, BOB, GROUP)]
    tell(store, *cards, Card(CardKind.APPROVAL, "req-2", CHANNEL), ANNS)
    rows = {row.place: row for row in due(store, HOLD)}
    store.deliveries.sent(rows[CHANNEL], "C1", "1.1")
    store.deliveries.dropped(rows[ANN], "user_disabled")
    assert store.deliveries.reach(CardKind.APPROVAL, "req-1") == Reach(1, 2, 1)
    store.deliveries.sent(rows[GROUP], None, None)
    assert store.deliveries.reach(CardKind.APPROVAL, "req-1") == Reach(1, 1, 1)


def test_the_same_notice_of_another_day_is_another(store, clock):
    notify(store, "found")
    store.deliveries.figures()  # the fake dates a row when it first sees it
    clock.move(LONG)
    notify(store, "found", place=BOB)
    rows = {row.place: row for row in due(store)}
    assert store.deliveries.places_of(rows[BOB]) == {BOB}


def test_the_places_of_the_very_same_thing(store):
    with store.write() as tx:
        for place in (ANN, GROUP):
            tx.notify(Notice("found", "uid-1", place, {"n": "1"}))
        tx.notify(Notice("found", "uid-1", BOB, {"n": "2"}))
        tx.notify(Notice("found", "uid-2", CHANNEL, {"n": "1"}))
        tx.tell(CARD)
    rows = {row.place: row for row in due(store)}
    assert store.deliveries.places_of(rows[ANN]) == {ANN, GROUP}


def test_the_fake_counts_cards_as_the_real_one_does(store):
    tell(store, CARD, CARD)
    with store.write() as tx:
        tx.retell("req-1")
        tx.notify(Notice("warned", "req-1", ANN))
    assert [(row.kind, row.wanted) for row in due(store)] == [
        (CardKind.APPROVAL, 3),
        (CardKind.NOTICE, 1),
    ]


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
