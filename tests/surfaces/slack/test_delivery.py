"""The outbox brought to Slack: found again rather than sent twice, and nothing stops the rest."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.playground.slack import Person, words
from bot.slack.delivery import Counts
from bot.slack.sending import EVENT_TYPE
from grants.access.model import AccessRequest
from grants.errors import ChangedMeanwhile
from grants.outbox.model import Card, CardKind, Delivery, Notice, Place, PlaceKind
from grants.policy.model import Notify
from tests.support.slack_bot import SlackBot


@pytest.fixture
def erin(bot: SlackBot) -> Person:
    return bot.person("erin", "engineers")


@pytest.fixture
def ada(bot: SlackBot) -> Person:
    return bot.person("ada", "approvers")


def notify(bot: SlackBot, **told: tuple[str, ...]) -> None:
    """Have everything told at these places alone."""
    policy = bot.world.policy.policy
    entitlements = tuple(replace(e, notify=Notify(**told)) for e in policy.entitlements)
    bot.world.policy.policy = replace(policy, entitlements=entitlements)


def admins_at(bot: SlackBot, channel: str) -> None:
    policy = bot.world.policy.policy
    bot.world.policy.policy = replace(policy, admin_notify=Notify(channels=(channel,)))


def ask(bot: SlackBot, erin: Person) -> AccessRequest:
    return bot.world.ask(bot.account(erin))


def posts(bot: SlackBot) -> list[str]:
    calls = [c for c in bot.workspace.calls if c.method == "chat.postMessage" and c.answer["ok"]]
    return [str(c.answer["channel"]) for c in calls]


def test_a_race_that_is_lost_at_the_database_costs_no_sender(bot: SlackBot, erin: Person) -> None:
    """The error's facts were given to the log as fields. One is called `name`, which a log refuses:
    the thread died, its row was claimed and renewed for ever, and its sender was never free again.
    """

    def lose(*_: object) -> None:
        raise ChangedMeanwhile("deliveries", "40001")

    ask(bot, erin)
    kept = bot.deliveries.sent
    bot.deliveries.sent = lose  # type: ignore[method-assign]
    assert bot.deliver() == Counts(retried=1)
    bot.deliveries.sent = kept  # type: ignore[method-assign]
    bot.world.clock.forward(seconds=6)
    assert bot.deliver().retried == 0
    assert not bot.deliveries.undelivered(10)


def test_without_a_thread_for_it_a_delivery_waits_and_holds_up_nothing(
    bot: SlackBot, erin: Person
) -> None:
    def none_left(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    ask(bot, erin)
    kept = bot.courier._claims.begin
    bot.courier._claims.begin = none_left  # type: ignore[method-assign]
    assert bot.deliver() == Counts(retried=1)
    bot.courier._claims.begin = kept  # type: ignore[method-assign]
    bot.world.clock.forward(seconds=6)
    assert bot.deliver().retried == 0
    assert not bot.deliveries.undelivered(10)


def test_while_access_ends_that_should_be_gone_few_rows_are_claimed_at_a_time(
    bot: SlackBot, erin: Person
) -> None:
    for _ in range(3):
        ask(bot, erin)
    claimed, claim = list[int](), bot.deliveries.claim

    def noted(limit: int, hold: timedelta) -> tuple[Delivery, ...]:
        claimed.append(limit)
        return claim(limit, hold)

    bot.deliveries.claim = noted  # type: ignore[method-assign]
    way = [True]
    bot.courier._makes_way = lambda: way[0]
    bot.courier._stopping.wait = lambda _: False  # type: ignore[method-assign, assignment]
    bot.courier.deliver_once()
    assert max(claimed) == 4
    way[0] = False
    claimed.clear()
    bot.courier.deliver_once()
    assert claimed == [bot.ports.settings.senders]


def test_a_message_lost_in_a_crash_is_found_and_not_sent_twice(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    """The row said that a send began, and nothing came after: the process had died."""
    ask(bot, erin)
    kept = bot.deliveries.sent
    bot.deliveries.sent = lambda *_: None  # type: ignore[method-assign]
    bot.courier.deliver_once()
    assert len(posts(bot)) == 2
    bot.deliveries.sent = kept  # type: ignore[method-assign]
    bot.world.clock.forward(seconds=6)  # the claims of who died run out
    assert bot.deliver() == Counts(sent=2)
    assert len(posts(bot)) == 2, "found by their metadata"
    assert len(ada.messages()) == 1
    rows = {row.kind: row for row in bot.deliveries.rows.values()}
    assert rows[CardKind.APPROVAL].ts == ada.messages()[0].ts
    assert ada.messages()[0].metadata == {
        "event_type": EVENT_TYPE,
        "event_payload": {"id": rows[CardKind.APPROVAL].id},
    }


def test_a_send_that_never_left_is_sent_after_looking(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    ask(bot, erin)
    bot.workspace.inject("chat.postMessage", {"ok": False, "error": "internal_error"}, times=2)
    assert bot.courier.deliver_once() == Counts(retried=2)
    bot.world.clock.forward(seconds=10)
    assert bot.deliver() == Counts(sent=2)
    assert len(ada.messages()) == 1


def test_a_rate_limit_is_waited_for_and_stops_no_other_place(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    request = ask(bot, erin)
    limited = {"status": 429, "headers": {"Retry-After": "30"}, "body": {"ok": False}}
    bot.workspace.inject("chat.postMessage", limited)
    assert bot.courier.deliver_once() == Counts(sent=1, retried=1)
    assert max(bot.deliveries.holds.values()) == bot.world.clock.now() + timedelta(seconds=30)
    with bot.world.store.write() as tx:
        tx.retell(request.id)
    bot.deliver()
    assert len(posts(bot)) == 1, "still quiet at the place that was limited"
    bot.world.clock.forward(seconds=31)
    bot.deliver()
    assert len(ada.messages()) == 1
    assert len(erin.messages()) == 1


def test_a_place_that_is_not_there_is_given_up_and_admins_are_told_once(
    bot: SlackBot, erin: Person
) -> None:
    gone = bot.workspace.add_channel("gone", bot_in=False)
    ops = bot.workspace.add_channel("ops", members=[erin.id])
    notify(bot, channels=(gone.id,))
    admins_at(bot, ops.id)
    ask(bot, erin)
    ask(bot, erin)
    counts = bot.deliver()
    assert counts.dropped == 2
    assert "Waiting for approval" in words(erin.messages()[0]), "the others were told"
    told = [words(m) for m in erin.messages(ops)]
    assert len(told) == 1
    assert "could not be delivered" in told[0]
    assert gone.id in told[0]
    assert "not_in_channel" in told[0]


def test_an_admin_channel_that_is_not_there_makes_no_endless_message(
    bot: SlackBot, erin: Person
) -> None:
    admins_at(bot, "C0NOWHERE")
    place = Place(PlaceKind.CHANNEL, "C0NOWHERE")
    with bot.world.store.write() as tx:
        tx.notify(Notice("binding-wrong-uid", "uid-1", place, {"cluster": "prod", "binding": "b"}))
    assert bot.deliver() == Counts(dropped=1)
    assert len(bot.world.store.notices) == 1


def test_a_person_without_an_account_is_given_up(bot: SlackBot, erin: Person) -> None:
    request = ask(bot, erin)
    bot.deliver()
    with bot.world.store.write() as tx:
        tx.unlink(bot.account(erin))
        tx.retell(request.id)
        tx.notify(Notice("expires-soon", request.id, Place(PlaceKind.PERSON, request.requester)))
    counts = bot.deliver()
    assert counts.dropped == 1
    assert counts.sent == 1, "the card that stands is still told at its message"


def test_a_user_group_is_told_member_by_member_and_never_guests(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    bob = bot.person("bob", "approvers")
    guest = bot.user("guest", is_restricted=True)
    group = bot.workspace.add_usergroup("approvers", "Approvers", [ada.id, bob.id, guest.id])
    notify(bot, user_groups=("@approvers",))
    request = ask(bot, erin)
    bot.deliver()
    assert "asks for" in bot.read(ada)
    assert "asks for" in bot.read(bob)
    assert guest.messages() == []
    ada.click(ada.messages()[-1], "approve")
    bot.deliver()
    assert "*Approved*" in bot.read(bob)
    assert len(bob.messages()) == 1, "the same message, changed"
    notify(bot, user_groups=(group.id,))
    ask(bot, erin)
    bot.deliver()
    assert len(bob.messages()) == 2
    assert request.id


def test_a_user_group_that_is_not_there_is_given_up(bot: SlackBot, erin: Person) -> None:
    notify(bot, user_groups=("@nobody",))
    ask(bot, erin)
    assert bot.deliver().dropped == 1
    assert bot.deliveries.given_up[0][1] == "no_such_subteam"


def test_a_card_that_breaks_stops_no_other(
    bot: SlackBot, erin: Person, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    request = ask(bot, erin)
    rows = bot.world.store._rows
    broken = replace(request, id="req-broken", items=())
    rows.requests[broken.id] = broken
    place = Place(PlaceKind.PERSON, request.requester)
    rows.cards = {Card(CardKind.REQUEST, broken.id, place): 1, **rows.cards}
    assert bot.courier.deliver_once() == Counts(sent=2, retried=1)
    assert "broke" in caplog.text


def test_a_card_about_nothing_is_given_up(bot: SlackBot, erin: Person) -> None:
    place = Place(PlaceKind.ACCOUNT, f"T1/{erin.id}")
    with bot.world.store.write() as tx:
        tx.tell(Card(CardKind.APPROVAL, "req-none", place))
        tx.tell(Card(CardKind.STUCK, "gra-none", place))
    assert bot.deliver() == Counts(dropped=2)
    assert {why for _, why in bot.deliveries.given_up} == {"nothing-to-show"}


@pytest.mark.parametrize("ref", ["T9/U1", "no-slash", "/U1"])
def test_accounts_of_other_workspaces_are_never_told(bot: SlackBot, ref: str) -> None:
    with bot.world.store.write() as tx:
        tx.notify(Notice("unlinked", "per-1", Place(PlaceKind.ACCOUNT, ref)))
    assert bot.deliver() == Counts(dropped=1)
    assert posts(bot) == []
