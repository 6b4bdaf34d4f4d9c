"""Slack away as a whole: it is asked now and then, the outbox waits, and then all are told."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from bot.playground.slack import Person, words
from bot.playground.slack.faults import OutageKind
from bot.slack.delivery import Counts
from grants.outbox.model import Notice, Place, PlaceKind
from grants.policy.model import Notify
from tests.support.slack_bot import SlackBot, slack_bot
from tests.support.world import World


@pytest.fixture
def bot(world: World) -> Iterator[SlackBot]:
    """A bot that loses patience soon, in a town without rate limits."""
    with slack_bot(world, delivery_timeout_seconds=1, post_every=timedelta(0)) as bot:
        bot.double.control.lift_rate_limits()
        yield bot


def notify(bot: SlackBot, person: Person, *codes: str) -> None:
    place = Place(PlaceKind.ACCOUNT, f"T1/{person.id}")
    with bot.world.store.write() as tx:
        for code in codes:
            tx.notify(Notice("delivery-failed", code, place, {"target": code, "problem": "p"}))


def told(person: Person) -> list[str]:
    return [words(m).split("delivered to ")[1].split(":")[0] for m in person.messages()]


def tried(bot: SlackBot) -> list[str]:
    """The methods that were called while nothing was answered well, with those that were."""
    return [entry.name for entry in bot.double.control.log("call")]


def bring_back(bot: SlackBot) -> None:
    bot.double.control.end_outage()
    bot.double.control.lift()
    for _ in range(30):
        bot.world.clock.forward(seconds=30)
        bot.deliver()


@pytest.mark.parametrize("kind", sorted(get_args(OutageKind)))
def test_every_kind_of_outage_is_waited_out_and_then_all_are_told_in_order(
    bot: SlackBot, kind: Any
) -> None:
    people = [bot.person(name) for name in ("erin", "bob")]
    for person in people:
        notify(bot, person, "n1", "n2", "n3")
    bot.double.control.outage(kind)
    deadline = time.monotonic() + 30
    while not bot.courier.breaker.is_open:  # calls that stall are counted in later rounds
        assert time.monotonic() < deadline
        bot.courier.deliver_once()
        bot.world.clock.forward(minutes=5)
    for _ in range(1 if kind == "stall" else 8):
        bot.courier.deliver_once()
        bot.world.clock.forward(minutes=5)
    assert bot.deliveries.figures().given_up == {}
    bring_back(bot)
    assert [told(person) for person in people] == [["n1", "n2", "n3"]] * 2


def test_an_hour_of_outage_costs_few_calls_however_much_waits(bot: SlackBot) -> None:
    people = [bot.person(f"p{number}") for number in range(40)]
    for person in people:
        notify(bot, person, "n1", "n2")
    bot.double.control.outage("503")
    for _ in range(3600):
        bot.courier.deliver_once()
        bot.world.clock.forward(seconds=1)
    calls = tried(bot)
    assert len([c for c in calls if c != "auth.test"]) <= 16, "until it was known"
    assert len(calls) <= 16 + 250, "one question in 15 s, after the first few"
    bring_back(bot)
    assert all(told(person) == ["n1", "n2"] for person in people)


def test_an_answer_that_is_lost_is_found_and_not_posted_twice(bot: SlackBot) -> None:
    erin = bot.person("erin")
    notify(bot, erin, "n1", "n2")
    bot.double.control.inject("chat.postMessage", trouble="reset", takes_effect=True, times=2)
    for _ in range(5):
        bot.courier.deliver_once()
        bot.world.clock.forward(minutes=1)
    assert told(erin) == ["n1", "n2"]


def test_a_token_that_is_refused_stops_everything_after_one_call(
    bot: SlackBot, caplog: pytest.LogCaptureFixture
) -> None:
    people = [bot.person(name) for name in ("erin", "bob", "carl")]
    for person in people:
        notify(bot, person, "n")
    asked: list[int] = []
    bot.courier._token_refused = lambda: asked.append(1)
    bot.double.control.inject("*", error="token_revoked", times=None)
    for _ in range(5):
        bot.courier.deliver_once()
    assert asked
    assert bot.courier.breaker.why == "token_revoked"
    assert bot.deliveries.figures().given_up == {}
    assert "Slack is away" in caplog.text
    bring_back(bot)
    assert [told(person) for person in people] == [["n"]] * 3


def test_one_row_that_always_fails_is_given_up_once_others_succeed(bot: SlackBot) -> None:
    erin, bob = bot.person("erin"), bot.person("bob")
    notify(bot, erin, "poison", "next")
    where = {"channel": erin.id, "text": "*poison*"}
    bot.double.control.inject("chat.postMessage", error="fatal_error", where=where, times=None)
    for number in range(40):
        notify(bot, bob, f"n{number}")
        bot.deliver()
        bot.world.clock.forward(minutes=5)
    assert told(erin) == ["next"]
    assert [why for _, why in bot.deliveries.given_up] == ["fatal_error"]
    assert len(told(bob)) == 40


def test_while_all_fails_nothing_is_given_up(bot: SlackBot) -> None:
    erin = bot.person("erin")
    notify(bot, erin, "n")
    bot.double.control.inject("chat.postMessage", error="fatal_error", times=None)
    for _ in range(60):
        bot.courier.deliver_once()
        bot.world.clock.forward(minutes=5)
    assert bot.deliveries.given_up == []
    bring_back(bot)
    assert told(erin) == ["n"]


def test_what_changed_during_an_outage_is_told_once_as_it_stands_then(bot: SlackBot) -> None:
    erin, ada = bot.person("erin", "engineers"), bot.person("ada", "approvers")
    policy = bot.world.policy.policy
    notified = Notify(people=("ada@example.com",))
    entitlements = tuple(replace(e, notify=notified) for e in policy.entitlements)
    bot.world.policy.policy = replace(policy, entitlements=entitlements)
    request = bot.world.ask(bot.account(erin))
    bot.deliver()
    bot.double.control.outage("503")
    for _ in range(20):
        with bot.world.store.write() as tx:
            tx.retell(request.id)
        bot.courier.deliver_once()
        bot.world.clock.forward(minutes=1)
    bot.double.control.end_outage()
    before = tried(bot).count("chat.update")
    bring_back(bot)
    assert tried(bot).count("chat.update") == before + 2
    assert len(ada.messages()) == 1


def test_a_call_that_hangs_stops_nobody_else(bot: SlackBot) -> None:
    erin, bob = bot.person("erin"), bot.person("bob")
    notify(bot, erin, "hangs")
    hangs = {"channel": erin.id}
    stuck = bot.double.control.inject("chat.postMessage", trouble="stall", where=hangs)
    bot.courier.deliver_once()
    notify(bot, bob, "n1", "n2")
    assert bot.courier.deliver_once().sent == 2
    assert told(bob) == ["n1", "n2"]
    bot.double.control.lift(stuck)


def test_a_courier_that_stops_takes_no_more(bot: SlackBot) -> None:
    people = [bot.person(f"p{number}") for number in range(12)]
    for person in people:
        notify(bot, person, "n")
    bot.courier.refuse()
    assert bot.courier.deliver_once() == Counts()
    assert bot.courier.stop()
    assert len(bot.deliveries.claim(12, timedelta(minutes=1))) == 12


def test_a_refusal_that_is_about_one_person_alone_stops_nobody_else(bot: SlackBot) -> None:
    """Slack may say of whom a message is for what it says of a dead token."""
    erin, bob = bot.person("erin"), bot.person("bob")
    notify(bot, erin, "n1")
    notify(bot, bob, "n1")
    where = {"channel": erin.id}
    bot.double.control.inject("chat.postMessage", error="account_inactive", where=where, times=None)
    for number in range(4):
        notify(bot, bob, f"more-{number}")
        bot.deliver()
        assert not bot.courier.breaker.is_open
        bot.world.clock.forward(minutes=1)
    assert len(told(bob)) == 5
    assert bot.deliveries.given_up[0][1] == "account_inactive"


def test_a_deleted_card_that_may_not_be_posted_yet_is_not_tried_without_a_break(
    bot: SlackBot,
) -> None:
    erin, ada = bot.person("erin", "engineers"), bot.person("ada", "approvers")
    request = bot.world.ask(bot.account(erin))
    bot.deliver()
    bot.double.control.delete_message(ada.messages()[0])
    bot.double.control.inject("chat.postMessage", retry_after_seconds=30, times=None)
    with bot.world.store.write() as tx:
        tx.retell(request.id)
    bot.deliver()
    assert tried(bot).count("chat.postMessage") == 2 + 1
    bot.double.control.lift()
    bot.world.clock.forward(seconds=31)
    bot.deliver()
    assert len(ada.messages()) == 1
