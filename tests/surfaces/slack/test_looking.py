"""What changes in Slack by itself is seen: shared and lost channels, people who left."""

from dataclasses import replace

import pytest

from bot.playground.slack import Person, words
from bot.slack.app import make_client
from bot.slack.channels import NotLooked, look_at
from bot.slack.looking import SlackLooks
from bot.slack.members import Members
from bot.wording import notice_sentence
from grants.policy.model import Notify
from tests.support.slack_bot import SlackBot


@pytest.fixture
def erin(bot: SlackBot) -> Person:
    return bot.person("erin", "engineers")


@pytest.fixture
def ops(bot: SlackBot, erin: Person) -> str:
    """A channel that admins are told at."""
    channel = bot.workspace.add_channel("ops", members=[erin.id])
    policy = bot.world.policy.policy
    bot.world.policy.policy = replace(policy, admin_notify=Notify(channels=(channel.id,)))
    return str(channel.id)


def looks(bot: SlackBot) -> SlackLooks:
    settings = bot.ports.settings
    client = make_client(settings, 5, token=settings.bot_token)
    members = Members(client, bot.world.clock, settings.team, settings.member_cache)
    return SlackLooks(bot.ports, client, members)


def notify(bot: SlackBot, *channels: str) -> None:
    policy = bot.world.policy.policy
    told = Notify(channels=channels)
    entitlements = tuple(replace(e, notify=told) for e in policy.entitlements)
    digest = "digest-" + "-".join(channels)
    bot.world.policy.policy = replace(policy, entitlements=entitlements, digest=digest)


def said(bot: SlackBot, erin: Person, ops: str) -> list[str]:
    bot.deliver()
    return [words(m) for m in erin.messages(bot.workspace.channels[ops])]


def test_channels_that_are_shared_archived_or_out_of_reach_are_told_to_admins_once(
    bot: SlackBot, erin: Person, ops: str
) -> None:
    shared = bot.workspace.add_channel("shared")
    bot.double.control.change_channel("shared", is_ext_shared=True)
    gone = bot.workspace.add_channel("gone", archived=True)
    other = bot.workspace.add_channel("other", bot_in=False)
    notify(bot, shared.id, gone.id, other.id, "C0NOWHERE", "#by-name")
    look = looks(bot)
    for _ in range(3):
        look.look()
        bot.world.clock.forward(hours=2)
    told = " ".join(said(bot, erin, ops))
    assert told.count("is shared with another organisation") == 1
    assert told.count("is archived") == 1
    assert told.count("The app is not in the channel") == 1
    assert told.count("There is no channel C0NOWHERE") == 1
    assert "by-name" not in told, "that is for the log and for policy check"


def test_a_channel_that_becomes_shared_is_seen_within_the_hour(
    bot: SlackBot, erin: Person, ops: str
) -> None:
    channel = bot.workspace.add_channel("plain")
    notify(bot, channel.id)
    look = looks(bot)
    look.look()
    bot.double.control.change_channel("plain", is_ext_shared=True)
    bot.world.clock.forward(minutes=5)
    look.look()
    assert said(bot, erin, ops) == []
    bot.world.clock.forward(hours=1)
    look.look()
    assert "shared with another organisation" in said(bot, erin, ops)[0]


def test_a_renamed_channel_stays_the_same(bot: SlackBot, erin: Person, ops: str) -> None:
    channel = bot.workspace.add_channel("old-name", members=[erin.id])
    notify(bot, channel.id)
    bot.double.control.change_channel("old-name", name="new-name")
    looks(bot).look()
    bot.world.ask(bot.account(erin))
    assert said(bot, erin, ops) == []
    assert "asks for" in words(erin.messages(bot.workspace.channels[channel.id])[-1])


@pytest.mark.parametrize("error", ["missing_scope", "token_revoked", "internal_error"])
def test_a_look_that_slack_does_not_answer_says_nothing(
    bot: SlackBot, erin: Person, ops: str, error: str
) -> None:
    notify(bot, "C0NOWHERE")
    bot.double.control.inject("conversations.info", error=error, times=None)
    settings = bot.ports.settings
    with pytest.raises(NotLooked) as not_looked:
        look_at(make_client(settings, 5, token=settings.bot_token), ["C0NOWHERE"])
    assert not_looked.value.code == error
    looks(bot).look()
    assert said(bot, erin, ops) == []


def test_access_of_somebody_who_was_deactivated_is_told_to_admins_and_not_ended(
    bot: SlackBot, erin: Person, ops: str
) -> None:
    """Every account of theirs: who has another one has not left."""
    grant = bot.world.active()
    rows = bot.world.store._rows
    holder = rows.grants[grant.id].recipient
    accounts = [account for account, person in rows.accounts.items() if person == holder]
    assert len(accounts) == 2
    user = bot.workspace.users[erin.id]
    look = looks(bot)
    for number, account in enumerate(accounts):
        bot.workspace.users[account.user] = replace(user, id=account.user)
        look.look()
        bot.workspace.users[account.user] = replace(user, id=account.user, deleted=True)
        assert "holder-deactivated" not in [n.code for n in bot.world.store.notices], number
    for _ in range(3):
        look.look()
    [told] = [n for n in bot.world.store.notices if n.code == "holder-deactivated"]
    assert told.place.ref == ops
    assert (told.about, told.facts["entitlement"]) == (grant.id, grant.entitlement)
    assert rows.grants[grant.id].state == grant.state
    assert "is deactivated, and they have access until" in notice_sentence(told.code, told.facts)


def test_the_look_at_people_takes_others_each_time(bot: SlackBot, ops: str) -> None:
    grant = bot.world.active()
    rows = bot.world.store._rows
    for number in range(50):
        one = replace(grant, id=f"gra-{number}", recipient=f"per-{number:02}")
        rows.grants[one.id] = one
    look = looks(bot)
    seen: list[str] = []
    look._look_at_holder = lambda person, _: seen.append(person)  # type: ignore[method-assign]
    for _ in range(3):
        look.look()
    assert len(seen) == 60
    assert len(set(seen)) == 51
