"""In which order people are told, how fast, and what becomes of messages that were deleted."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.playground.slack import Person, buttons, words
from bot.slack.app import make_courier, make_surface
from bot.slack.delivery import Counts
from bot.slack.render import render
from grants.access.model import AccessRequest, GrantState
from grants.access.telling import tell_admins
from grants.outbox.model import Card, CardKind, Notice, Place, PlaceKind
from grants.policy.model import Notify
from tests.support.slack_bot import SlackBot, slack_bot
from tests.support.world import World


@pytest.fixture
def erin(bot: SlackBot) -> Person:
    return bot.person("erin", "engineers")


@pytest.fixture
def ada(bot: SlackBot) -> Person:
    return bot.person("ada", "approvers")


@pytest.fixture
def slow(world: World) -> Iterator[SlackBot]:
    """A bot that lets two messages a conversation pass, and then one a second."""
    with slack_bot(world, post_burst=2) as bot:
        yield bot


def notify(bot: SlackBot, person: Person, *codes: str) -> None:
    place = Place(PlaceKind.ACCOUNT, f"T1/{person.id}")
    with bot.world.store.write() as tx:
        for code in codes:
            tx.notify(Notice("delivery-failed", code, place, {"target": code, "problem": "p"}))


def told(person: Person) -> list[str]:
    """The targets named in what somebody was told, in order."""
    return [words(m).split("delivered to ")[1].split(":")[0] for m in person.messages()]


def ask(bot: SlackBot, erin: Person) -> AccessRequest:
    return bot.world.ask(bot.account(erin))


def calls(bot: SlackBot, method: str) -> list[Any]:
    return [c for c in bot.workspace.calls if c.method == method and c.answer["ok"]]


def test_many_notices_to_one_person_come_in_their_order(bot: SlackBot, erin: Person) -> None:
    codes = [f"n{number}" for number in range(9)]
    notify(bot, erin, *codes)
    for _ in range(9):
        bot.deliver()
        bot.world.clock.forward(seconds=1)
    assert told(erin) == codes


def test_a_notice_waits_for_the_one_before_it_while_that_is_tried_again(
    bot: SlackBot, erin: Person
) -> None:
    notify(bot, erin, "active", "ended")
    bot.double.control.inject("chat.postMessage", error="internal_error")
    assert bot.courier.deliver_once() == Counts(retried=1)
    assert bot.courier.deliver_once() == Counts()
    bot.world.clock.forward(seconds=3)
    bot.deliver()
    assert told(erin) == ["active", "ended"]


def test_a_notice_goes_on_when_the_one_before_it_is_given_up(bot: SlackBot, erin: Person) -> None:
    notify(bot, erin, "active", "ended")
    bot.double.control.inject("chat.postMessage", error="msg_too_long")
    assert bot.deliver() == Counts(sent=1, dropped=1)
    assert told(erin) == ["ended"]


def test_one_conversation_is_not_posted_to_faster_than_slack_likes(slow: SlackBot) -> None:
    erin = slow.person("erin")
    notify(slow, erin, *(f"n{number}" for number in range(6)))
    sent = []
    for _ in range(5):
        sent.append(slow.deliver().sent)
        slow.world.clock.forward(seconds=1)
    assert sent == [2, 1, 1, 1, 1]


def test_another_replica_keeps_the_same_pace(slow: SlackBot) -> None:
    """What a place may bear stands in rows, not in one process."""
    erin = slow.person("erin")
    notify(slow, erin, *(f"n{number}" for number in range(6)))
    other = make_courier(make_surface(slow.ports))
    assert slow.courier.deliver_once().sent + other.deliver_once().sent == 2
    other.stop()


def test_a_card_that_changed_five_times_meanwhile_is_sent_once_at_its_newest(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    request = ask(bot, erin)
    bot.deliver()
    bot.double.control.inject("chat.update", retry_after_seconds=30, times=2)
    with bot.world.store.write() as tx:
        tx.retell(request.id)
    bot.deliver()
    for _ in range(4):
        with bot.world.store.write() as tx:
            tx.retell(request.id)
        bot.deliver()
    erin.click(erin.messages()[0], "cancel")
    bot.deliver()
    before = len(calls(bot, "chat.update"))
    for _ in range(5):
        bot.world.clock.forward(seconds=31)
        bot.deliver()
    assert len(calls(bot, "chat.update")) == before + 2, "one for each card"
    assert "*Cancelled*" in bot.read(ada)


def test_a_second_place_that_is_limited_says_that_posting_as_a_whole_is(bot: SlackBot) -> None:
    people = [bot.person(name) for name in ("erin", "bob", "carl")]
    for person in people:
        notify(bot, person, "n")
    bot.double.control.inject("chat.postMessage", retry_after_seconds=30, times=2)
    bot.deliver()
    refused = [c for c in bot.workspace.calls if c.method == "chat.postMessage"]
    assert sum(len(person.messages()) for person in people) <= 1
    assert len(refused) <= 3
    assert "first" in bot.deliveries.holds
    bot.world.clock.forward(seconds=31)
    for _ in range(3):
        bot.deliver()
        bot.world.clock.forward(seconds=1)
    assert [len(person.messages()) for person in people] == [1, 1, 1]


def test_rows_of_one_place_are_never_sent_at_the_same_time(bot: SlackBot) -> None:
    erin = bot.person("erin")
    notify(bot, erin, *(f"n{number}" for number in range(4)))
    client, under_way, most = bot.courier._client, [0], [0]
    kept, lock = client.chat_postMessage, threading.Lock()

    def watched(**values: Any) -> Any:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        try:
            return kept(**values)
        finally:
            with lock:
                under_way[0] -= 1

    client.chat_postMessage = watched  # type: ignore[method-assign]
    assert bot.deliver().sent == 4
    assert most == [1]


class TestDeletedByHand:
    """A message is posted again where somebody can still do something with it."""

    def test_a_pending_requests_card(self, bot: SlackBot, erin: Person, ada: Person) -> None:
        request = ask(bot, erin)
        bot.deliver()
        bot.double.control.delete_message(ada.messages()[0])
        with bot.world.store.write() as tx:
            tx.retell(request.id)
        bot.deliver()
        assert "approve" in buttons(ada.messages()[-1])

    def test_a_live_grants_card(self, bot: SlackBot, erin: Person, ada: Person) -> None:
        ask(bot, erin)
        bot.deliver()
        bot.double.control.delete_message(erin.messages()[0])
        ada.click(ada.messages()[-1], "approve")
        bot.deliver()
        assert "give-back" in buttons(erin.messages()[-1])

    def test_once_where_a_crash_cut_the_new_post_off(
        self, bot: SlackBot, erin: Person, ada: Person
    ) -> None:
        """The deleted one was looked for, in vain, and the one lost in the crash was not."""
        request = ask(bot, erin)
        bot.deliver()
        bot.double.control.delete_message(ada.messages()[0])
        with bot.world.store.write() as tx:
            tx.retell(request.id)
        kept = bot.deliveries.sent
        bot.deliveries.sent = lambda *_: None  # type: ignore[method-assign]
        bot.deliver()
        bot.deliveries.sent = kept  # type: ignore[method-assign]
        bot.world.clock.forward(seconds=6)
        bot.deliver()
        assert len(ada.messages()) == 1

    def test_not_a_decided_requests_card(self, bot: SlackBot, erin: Person, ada: Person) -> None:
        request = ask(bot, erin)
        bot.deliver()
        bot.double.control.delete_message(ada.messages()[0])
        erin.click(erin.messages()[0], "cancel")
        assert bot.deliver().dropped == 0
        assert ada.messages() == []
        with bot.world.store.write() as tx:
            tx.retell(request.id)
        bot.deliver()
        assert ada.messages() == [], "nor at a later change"

    def test_once_for_each_change_however_often_it_is_deleted(
        self, bot: SlackBot, erin: Person, ada: Person
    ) -> None:
        request = ask(bot, erin)
        bot.deliver()
        for _ in range(3):
            bot.double.control.delete_message(ada.messages()[-1])
            bot.deliver()
            assert ada.messages() == [], "nothing has changed"
            with bot.world.store.write() as tx:
                tx.retell(request.id)
            bot.deliver()
            bot.world.clock.forward(seconds=1)
            assert len(ada.messages()) == 1

    def test_a_stuck_revocations_card_until_it_is_solved(
        self, bot: SlackBot, erin: Person, ada: Person
    ) -> None:
        ask(bot, erin)
        bot.deliver()
        ada.click(ada.messages()[-1], "approve")
        [grant] = bot.world.store._rows.grants.values()
        card = Card(CardKind.STUCK, grant.id, Place(PlaceKind.ACCOUNT, f"T1/{ada.id}"))
        seen = []
        for state in (GrantState.REVOKING, GrantState.ENDED):
            bot.world.store._rows.grants[grant.id] = replace(grant, state=state)
            with bot.world.store.write() as tx:
                tx.tell(card)
            row = next(r for r in bot.deliveries.claim(10, timedelta(0)) if r.about == grant.id)
            drawn = render(bot.ports, row)
            assert drawn is not None
            seen.append(drawn.matters)
        assert seen == [True, False]


def test_a_person_reached_by_name_and_by_two_groups_is_told_once(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    for handle in ("one", "two"):
        bot.workspace.add_usergroup(handle, handle, [ada.id])
    groups = Notify(people=("ada@example.com",), user_groups=("@one", "@two"))
    policy = bot.world.policy.policy
    entitlements = tuple(replace(e, notify=groups) for e in policy.entitlements)
    bot.world.policy.policy = replace(policy, entitlements=entitlements, admin_notify=groups)
    ask(bot, erin)
    bot.deliver()
    assert len(ada.messages()) == 1
    with bot.world.store.write() as tx:
        facts = {"target": "t", "problem": "p"}
        tell_admins(tx, bot.world.policy.policy, "delivery-failed", "x", facts)
    bot.deliver()
    assert len(ada.messages()) == 2


def test_a_group_is_not_fanned_out_while_slack_does_not_say_who_its_members_are(
    bot: SlackBot, erin: Person
) -> None:
    """An approver was left out for good when one look-up failed."""
    ada, bob = bot.user("ada"), bot.user("bob")
    group = bot.workspace.add_usergroup("g", "g", [ada.id, bob.id])
    with bot.world.store.write() as tx:
        tx.notify(Notice("unlinked", "per-1", Place(PlaceKind.USER_GROUP, group.id)))
    bot.double.control.inject("users.info", retry_after_seconds=5, where={"user": bob.id})
    assert bot.courier.deliver_once() == Counts(retried=1)
    assert ada.messages() == []
    bot.world.clock.forward(seconds=10)
    bot.deliver()
    assert (len(ada.messages()), len(bob.messages())) == (1, 1)
    assert timedelta(seconds=2) in [wait for _, wait, _ in bot.deliveries.retries]
