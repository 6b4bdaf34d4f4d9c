"""Deciding in Slack: cards, clicks, and what wrong clicks get."""

from dataclasses import replace
from typing import Any

import pytest

from bot.playground.slack import Message, Person, buttons, words
from grants.access.model import AccessRequest, RequestState
from grants.authz.model import Rule
from tests.support.slack_bot import SlackBot, card_of


@pytest.fixture
def erin(bot: SlackBot) -> Person:
    return bot.person("erin", "engineers")


@pytest.fixture
def ada(bot: SlackBot) -> Person:
    return bot.person("ada", "approvers")


def asked(bot: SlackBot, erin: Person, **changes: object) -> AccessRequest:
    request = bot.world.ask(bot.account(erin), **changes)
    bot.deliver()
    return request


def in_channel(bot: SlackBot, *members: Person) -> Any:
    """Have requests told in a channel, too."""
    channel = bot.workspace.add_channel("payments-access", members=[m.id for m in members])
    policy = bot.world.policy.policy
    told = [
        replace(e, notify=replace(e.notify, channels=(channel.id,))) for e in policy.entitlements
    ]
    bot.world.policy.policy = replace(policy, entitlements=tuple(told))
    return channel


def ephemeral(person: Person, place: Any = None) -> str:
    said: Message = card_of(person, place)
    assert said.is_ephemeral, words(said)
    return words(said)


def test_an_approval_shows_everywhere_and_nothing_is_clickable_twice(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    channel = in_channel(bot, erin, ada)
    request = asked(bot, erin)
    copies = [ada.messages()[-1], ada.messages(channel)[-1]]
    before = [{b["block_id"] for b in copy.blocks} for copy in copies]
    done = ada.click(copies[0], "approve")
    assert done is not None
    assert done.ok
    assert bot.waked == [1], "the workers are waked, once"
    bot.deliver()
    after = [ada.messages()[-1], ada.messages(channel)[-1]]
    for old, new, ids in zip(copies, after, before, strict=True):
        assert new.ts == old.ts, "the same message, changed"
        assert f"*Approved* by <@{ada.id}>" in words(new)
        assert buttons(new) == {}
        assert not ids & {b["block_id"] for b in new.blocks if b["block_id"].startswith("decided")}
    assert bot.world.request(request.id).state is RequestState.APPROVED


@pytest.mark.security("P8")
def test_a_late_click_is_refused_and_says_why(bot: SlackBot, erin: Person, ada: Person) -> None:
    bob = bot.person("bob", "approvers")
    channel = in_channel(bot, erin, ada, bob)
    asked(bot, erin)
    seen_by_bob = bob.messages(channel)[-1]
    ada.click(ada.messages(channel)[-1], "approve")
    bot.deliver()
    done = bob.click(seen_by_bob, "approve", as_shown=True)
    assert done is not None
    assert done.ok
    assert "This request is approved, so that can't be done any more" in ephemeral(bob, channel)


def test_two_are_needed_and_counted(bot: SlackBot, erin: Person, ada: Person) -> None:
    bob = bot.person("bob", "approvers")
    channel = in_channel(bot, erin, ada, bob)
    bot.world.cluster.put_role(
        bot.world.policy.policy.entitlements[1].role, (Rule(("get",), ("",), ("pods",)),)
    )
    request = asked(bot, erin, entitlement="debug-payments")
    assert "0 of 2 approvals so far" in bot.read(ada, channel)
    assert "Risks that the policy accepts" in bot.read(ada, channel)
    ada.click(ada.messages(channel)[-1], "approve")
    bot.deliver()
    assert f"1 of 2 approvals so far: <@{ada.id}>" in bot.read(bob, channel)
    ada.click(ada.messages(channel)[-1], "approve")
    assert "already" in ephemeral(ada, channel)
    bob.click(
        bob.messages(channel)[-1]
        if not bob.messages(channel)[-1].is_ephemeral
        else bob.messages(channel)[0],
        "approve",
    )
    bot.deliver()
    assert bot.world.request(request.id).state is RequestState.APPROVED
    assert f"*Approved* by <@{ada.id}>, <@{bob.id}>" in words(bob.messages(channel)[0])


def test_a_denial_needs_a_reason_and_shows_it(bot: SlackBot, erin: Person, ada: Person) -> None:
    request = asked(bot, erin)
    ada.click(ada.messages()[-1], "deny")
    view = ada.view()
    assert "You deny view-payments in payments-dev on prod for 1 hour" in words(view)
    ada.type(view, "reason", "   ")
    assert ada.submit(ada.view()).errors == {"reason": "Say why."}
    ada.type(ada.view(), "reason", "Use the staging copy <b>")
    assert ada.submit(ada.view()).ok
    assert ada.views() == []
    bot.deliver()
    assert bot.world.request(request.id).state is RequestState.DENIED
    for reader in (erin, ada):
        assert f"*Denied* by <@{ada.id}>" in bot.read(reader)
        assert "“Use the staging copy <b>”" in bot.read(reader)
        assert "approve" not in buttons(card_of(reader))


@pytest.mark.security("P7")
def test_the_wrong_clicker_is_told_and_the_message_stays(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    cleo = bot.person("cleo", "sales")
    channel = in_channel(bot, erin, ada, cleo)
    request = asked(bot, erin)
    before = ada.messages(channel)[-1]
    cleo.click(cleo.messages(channel)[-1], "approve")
    assert "You are not among those who decide on this." in ephemeral(cleo, channel)
    erin.click(before, "approve")
    assert "Nobody decides on what they ask for" in ephemeral(erin, channel)
    bot.deliver()
    assert ada.messages(channel)[-1] == before
    assert bot.world.request(request.id).state is RequestState.PENDING


def test_an_approver_who_is_not_linked_gets_a_link(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    someone = bot.user("someone")
    channel = in_channel(bot, erin, someone)
    asked(bot, erin)
    someone.click(someone.messages(channel)[-1], "approve")
    assert "sign in first" in ephemeral(someone, channel)
    assert "sign-in" in buttons(someone.messages(channel)[-1])


def test_an_approver_signed_in_too_long_ago_signs_in_and_clicks_again(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    bot.world.clock.forward(hours=11)
    bot.world.sign_in("erin", "engineers")
    request = asked(bot, erin)
    bot.world.clock.forward(hours=2)
    card = ada.messages()[-1]
    ada.click(card, "approve")
    assert "too long ago" in ephemeral(ada)
    assert "click again" in ephemeral(ada)
    assert bot.world.request(request.id).state is RequestState.PENDING
    bot.world.sign_in("ada", "approvers")
    ada.click(card, "approve")
    assert bot.world.request(request.id).state is RequestState.APPROVED


@pytest.mark.security("P6")
def test_a_role_changed_since_makes_the_card_say_ask_again(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    request = asked(bot, erin)
    bot.world.cluster.put_role(
        bot.world.policy.policy.entitlements[0].role, (Rule(("*",), ("*",), ("*",)),)
    )
    ada.click(ada.messages()[-1], "approve")
    assert "It has to be asked for again" in ephemeral(ada)
    bot.deliver()
    assert bot.world.request(request.id).state is RequestState.CANCELLED
    assert "Please ask again" in bot.read(erin)
    assert "Please ask again" in words(ada.messages()[0])


@pytest.mark.security("P6")
@pytest.mark.parametrize(
    "value",
    [
        "",
        "req-1",
        "gra-" + "a" * 26 + ":" + "0" * 64,
        "req-" + "a" * 26 + ":" + "0" * 64,
        "x" * 500,
    ],
)
def test_a_forged_button_changes_nothing_and_says_so(
    bot: SlackBot, erin: Person, ada: Person, value: str
) -> None:
    request = asked(bot, erin)
    done = ada.click(ada.messages()[-1], "approve")
    assert done is not None
    payload = bot.double.deliveries[-1].payload
    forged = {
        **payload,
        "trigger_id": "1.2.3",
        "actions": [{**payload["actions"][0], "value": value}],
    }
    second = asked(bot, erin)
    bot.double.deliver_raw(forged)
    assert "There is no such request" in ephemeral(ada)
    assert bot.world.request(second.id).state is RequestState.PENDING
    assert bot.world.request(request.id).state is RequestState.APPROVED


@pytest.mark.security("D6")
def test_a_click_delivered_twice_decides_once(bot: SlackBot, erin: Person, ada: Person) -> None:
    asked(bot, erin)
    done = ada.click(ada.messages()[-1], "approve")
    assert done is not None
    assert bot.double.redeliver(done).ok
    assert len(bot.world.store._rows.decisions) == 1
    assert len(bot.world.store._rows.grants) == 1


def test_an_unknown_button_is_answered(bot: SlackBot, erin: Person, ada: Person) -> None:
    asked(bot, erin)
    ada.click(ada.messages()[-1], "deny")
    payload = bot.double.deliveries[-1].payload
    action = {**payload["actions"][0], "action_id": "of-an-older-version"}
    done = bot.double.deliver_raw({**payload, "actions": [action]})
    assert done.ok
    assert "not known (any more)" in ephemeral(ada)


def test_a_handler_that_breaks_still_acks_and_gives_a_reference(
    bot: SlackBot, erin: Person, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    asked(bot, erin)
    bot.world.lookups = None  # type: ignore[assignment]
    done = ada.click(ada.messages()[-1], "approve")
    assert done is not None
    assert done.ok
    said = ephemeral(ada)
    assert "Something broke on our side (reference " in said
    reference = said.partition("(reference ")[2].partition(")")[0]
    assert reference in caplog.text


def test_who_asked_cancels_and_every_card_says_so(bot: SlackBot, erin: Person, ada: Person) -> None:
    request = asked(bot, erin)
    assert bot.world.request(request.id).state is RequestState.PENDING
    erin.click(erin.messages()[-1], "cancel")
    bot.deliver()
    assert bot.world.request(request.id).state is RequestState.CANCELLED
    assert f"*Cancelled* by <@{erin.id}>" in bot.read(ada)
    assert buttons(ada.messages()[-1]) == {}
    assert buttons(erin.messages()[-1]) == {"ask": "Ask again"}


def test_a_pending_request_is_decided_from_home(bot: SlackBot, erin: Person, ada: Person) -> None:
    request = asked(bot, erin)
    ada.open_home()
    home = ada.home()
    assert home is not None
    assert "view-payments" in words(home)
    ada.click(home, "look")
    assert "Why you are asked" in words(ada.view())
    ada.click(ada.view(), "approve")
    assert f"*Approved* by <@{ada.id}>" in words(ada.view())
    assert buttons(ada.view()) == {}
    assert bot.world.request(request.id).state is RequestState.APPROVED
