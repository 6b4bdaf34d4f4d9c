"""Whom a message can't reach: admins hear of it, who asked hears that nobody could be asked."""

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bot.outbox_metrics import OutboxGauges
from bot.playground.slack import Person, words
from bot.slack.delivery import Counts
from bot.slack.outbox_watch import OutboxWatch
from grants.access.model import AccessRequest
from grants.errors import StoreUnavailable
from grants.outbox.model import Figures, Notice, Place, PlaceKind
from grants.policy.model import Notify, Who
from tests.support.slack_bot import SlackBot


@pytest.fixture
def erin(bot: SlackBot) -> Person:
    return bot.person("erin", "engineers")


@pytest.fixture
def ada(bot: SlackBot) -> Person:
    return bot.person("ada", "approvers")


def notify(bot: SlackBot, **told: tuple[str, ...]) -> None:
    policy = bot.world.policy.policy
    entitlements = tuple(replace(e, notify=Notify(**told)) for e in policy.entitlements)
    bot.world.policy.policy = replace(policy, entitlements=entitlements)


def admins_at(bot: SlackBot, *channels: str) -> None:
    policy = bot.world.policy.policy
    bot.world.policy.policy = replace(policy, admin_notify=Notify(channels=channels))


def ask(bot: SlackBot, erin: Person) -> AccessRequest:
    return bot.world.ask(bot.account(erin))


def said(person: Person) -> list[str]:
    return [words(message) for message in person.messages()]


def watch(bot: SlackBot) -> OutboxWatch:
    return OutboxWatch(bot.ports, bot.courier.breaker)


def test_who_asked_is_told_when_nobody_could_be_asked(bot: SlackBot, erin: Person) -> None:
    notify(bot, channels=("C0NOWHERE", "C0NEITHER"))
    ask(bot, erin)
    bot.deliver()
    assert sum("reached nobody" in one for one in said(erin)) == 1
    ask(bot, erin)
    bot.deliver()
    assert sum("reached nobody" in one for one in said(erin)) == 2, "once for each request"


def test_one_place_that_was_reached_is_enough(bot: SlackBot, erin: Person, ada: Person) -> None:
    notify(bot, channels=("C0NOWHERE",), people=("ada@example.com",))
    ask(bot, erin)
    bot.deliver()
    assert not any("reached nobody" in one for one in said(erin))
    assert len(ada.messages()) == 1


def test_nothing_is_said_while_a_place_is_still_tried(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    notify(bot, channels=("C0NOWHERE",), people=("ada@example.com",))
    where = {"channel": ada.id}
    bot.double.control.inject("chat.postMessage", error="internal_error", where=where, times=None)
    ask(bot, erin)
    bot.deliver()
    assert not any("reached nobody" in one for one in said(erin))


def test_a_group_without_full_members_reaches_nobody(bot: SlackBot, erin: Person) -> None:
    guest = bot.user("guest", is_restricted=True)
    group = bot.workspace.add_usergroup("g", "g", [guest.id])
    notify(bot, user_groups=(group.id,))
    ask(bot, erin)
    bot.deliver()
    assert any("reached nobody" in one for one in said(erin))
    assert bot.deliveries.given_up[0][1] == "nobody-in-group"


def test_a_request_whose_people_never_signed_in_says_so(bot: SlackBot, erin: Person) -> None:
    """`notify` names an address that belongs to nobody yet: there was no row to give up."""
    notify(bot, people=("nobody@example.com",))
    ask(bot, erin)
    bot.deliver()
    assert any("reached nobody" in one for one in said(erin))


def test_a_deactivated_approver_is_told_to_admins_by_name_of_the_place_and_reason(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    ops = bot.workspace.add_channel("ops", members=[erin.id])
    admins_at(bot, ops.id)
    bot.double.control.inject("chat.postMessage", error="user_disabled", where={"channel": ada.id})
    ask(bot, erin)
    bot.deliver()
    [told] = [words(m) for m in erin.messages(ops)]
    assert "the person's Slack account is deactivated (user_disabled)" in told


def test_the_same_place_is_reported_again_the_next_day(bot: SlackBot, erin: Person) -> None:
    ops = bot.workspace.add_channel("ops", members=[erin.id])
    admins_at(bot, ops.id)
    notify(bot, channels=("C0NOWHERE",))
    for day in range(2):
        bot.world.sign_in("erin", "engineers")
        ask(bot, erin)
        ask(bot, erin)
        bot.deliver()
        assert len(erin.messages(ops)) == day + 1
        bot.world.clock.forward(days=1)


def test_admins_see_on_home_what_does_not_arrive(bot: SlackBot, erin: Person) -> None:
    policy = replace(bot.world.policy.policy, admins=Who(groups=frozenset({"admins"})))
    bot.world.policy.policy = policy
    root = bot.person("root", "admins")
    notify(bot, channels=("C0NOWHERE",))
    ask(bot, erin)
    ask(bot, erin)
    bot.deliver()
    root.open_home()
    home = words(root.home())
    assert "not delivered" in home
    assert "2 messages given up" in home
    assert "there is no such channel" in home
    erin.open_home()
    assert "not delivered" not in words(erin.home())


def test_readiness_says_what_is_wrong_with_the_outbox(bot: SlackBot, erin: Person) -> None:
    ok = watch(bot)
    assert ok.problem() is None
    admins_at(bot, "C0NOWHERE")
    place = Place(PlaceKind.CHANNEL, "C0NOWHERE")
    with bot.world.store.write() as tx:
        tx.notify(Notice("binding-wrong-uid", "uid-1", place, {"cluster": "c", "binding": "b"}))
    bot.deliver()
    assert watch(bot).problem() == "admins-unreachable"
    bot.world.clock.forward(days=2)
    assert watch(bot).problem() is None
    bot.courier.breaker.failed("http-503", at_once=True)
    assert ok.problem() == "slack-away"
    bot.courier.breaker.worked()
    bot.courier.breaker.failed("token_revoked", at_once=True)
    assert ok.problem() == "app-refused"


def test_readiness_says_when_something_has_waited_for_long(
    bot: SlackBot, erin: Person, ada: Person
) -> None:
    ask(bot, erin)
    bot.deliveries.figures()
    bot.world.clock.forward(minutes=16)
    assert watch(bot).problem() == "late"
    assert bot.deliver() == Counts(sent=2)
    assert len(ada.messages()) == 1
    assert watch(bot).problem() is None


def test_the_outbox_is_told_in_figures(bot: SlackBot, erin: Person) -> None:
    notify(bot, channels=("C0NOWHERE",))
    ask(bot, erin)
    bot.deliver()
    with bot.world.store.write() as tx:
        tx.notify(Notice("unlinked", "per-1", Place(PlaceKind.ACCOUNT, f"T1/{erin.id}")))
    bot.deliveries.figures()
    bot.world.clock.forward(seconds=90)
    registry = CollectorRegistry()
    registry.register(OutboxGauges(bot.deliveries.figures, bot.world.clock))
    figures = generate_latest(registry).decode()
    assert 'valetkey_outbox_waiting{kind="notice"} 1.0' in figures
    assert 'valetkey_outbox_waiting{kind="approval"} 0.0' in figures
    assert "valetkey_outbox_oldest_seconds 90.0" in figures
    assert 'valetkey_outbox_given_up{reason="channel_not_found"} 1.0' in figures


def test_figures_of_the_outbox_are_left_out_while_the_database_is_away(bot: SlackBot) -> None:
    def away() -> Figures:
        raise StoreUnavailable("down")

    registry = CollectorRegistry()
    registry.register(OutboxGauges(away, bot.world.clock))
    assert generate_latest(registry) == b""


def test_what_admins_sent_again_arrives(bot: SlackBot, erin: Person) -> None:
    ops = bot.workspace.add_channel("ops", members=[erin.id], bot_in=False)
    notify(bot, channels=(ops.id,))
    ask(bot, erin)
    bot.deliver()
    bot.workspace.channels[ops.id] = replace(ops, members=ops.members | {bot.workspace.bot_user_id})
    [row] = bot.deliveries.undelivered(10, given_up=True)
    assert bot.deliveries.again([row.id]) == 1
    bot.world.clock.forward(seconds=timedelta(seconds=1).seconds)
    bot.deliver()
    assert "asks for" in words(erin.messages(ops)[-1])
