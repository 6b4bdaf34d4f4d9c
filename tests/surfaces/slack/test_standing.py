"""Only full members of the one workspace, by the payload's own words."""

from typing import Any

import pytest

from bot.playground.slack import words
from tests.support.slack_bot import SlackBot

pytestmark = pytest.mark.security("P5")


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"is_restricted": True}, "Guests"),
        ({"is_ultra_restricted": True}, "Guests"),
        ({"stranger": True}, "other organisations"),
    ],
)
def test_guests_and_strangers_are_refused_by_name(
    bot: SlackBot, about: dict[str, Any], said: str
) -> None:
    outsider = bot.user("outsider", **about)
    channel = bot.workspace.add_channel("shared", members=[outsider.id])
    assert outsider.slash("/access", place=channel).ok
    assert said in words(outsider.messages(channel)[-1])
    assert outsider.views() == []
    assert bot.world.events().count("inbound.refused") == 1


def test_the_same_stranger_fills_no_record(bot: SlackBot) -> None:
    outsider = bot.user("outsider", is_restricted=True)
    for _ in range(3):
        outsider.slash("/access")
    assert bot.world.events().count("inbound.refused") == 1


def test_the_users_own_team_counts_in_a_submission(bot: SlackBot) -> None:
    """In a shared channel `view.app_installed_team_id` is ours whoever submits."""
    erin = bot.person("erin", "engineers")
    erin.slash("/access", "help")
    erin.click(erin.messages()[-1], "ask")
    done = erin.submit(erin.view()) if False else None
    payload = {
        "type": "view_submission",
        "team": {"id": "TELSEWHERE"},
        "user": {"id": erin.id, "team_id": "TELSEWHERE"},
        "trigger_id": "1.1.1",
        "view": {
            "id": erin.view().id,
            "type": "modal",
            "callback_id": "ask",
            "app_installed_team_id": bot.workspace.team_id,
            "state": {"values": {}},
        },
    }
    done = bot.double.deliver_raw(payload)
    assert done.answer is not None
    assert "other organisations" in str(done.answer)
    assert "request.refused" not in bot.world.events()


def test_a_foreign_team_with_a_local_users_id_is_refused(bot: SlackBot) -> None:
    erin = bot.person("erin", "engineers")
    erin.slash("/access", "help")
    first = bot.double.deliveries[-1]
    done = bot.double.forge(first, team_id="TELSEWHERE", trigger_id="9.9.9")
    assert "other organisations" in str(done.answer)


def test_a_payload_without_anybody_is_refused(bot: SlackBot) -> None:
    action = {"action_id": "approve", "action_ts": "1.2"}
    done = bot.double.deliver_raw({"type": "block_actions", "actions": [action]})
    assert done.ok
    assert bot.world.events() == ["cluster.first-seen", "inbound.refused"]


def test_when_slack_does_not_say_who_somebody_is_nothing_is_done(bot: SlackBot) -> None:
    erin = bot.person("erin", "engineers")
    bot.workspace.inject("users.info", {"status": 500, "headers": {}, "body": {"ok": False}})
    erin.slash("/access")
    assert "Slack does not say right now" in words(erin.messages()[-1])
    erin.slash("/access")
    assert erin.view().title == "Ask for access", "the failure was not remembered"


def test_who_left_is_refused_once_the_answer_is_five_minutes_old(bot: SlackBot) -> None:
    erin = bot.person("erin", "engineers")
    erin.slash("/access", "help")
    first = bot.double.deliveries[-1]
    bot.workspace.change_user(erin.id, deleted=True)
    bot.world.clock.forward(minutes=6)
    done = bot.double.forge(first, trigger_id="9.9.9")
    assert "deactivated" in str(done.answer)


def test_who_was_deactivated_can_move_nothing_from_a_few_seconds_on(bot: SlackBot) -> None:
    """A payload that was kept is replayed: neither asking nor deciding waits for the cache."""
    erin = bot.person("erin", "engineers")
    erin.slash("/access", "help")
    first = bot.double.deliveries[-1]
    bot.double.control.change_user("erin", deleted=True)
    bot.world.clock.forward(seconds=16)
    done = bot.double.forge(first, trigger_id="9.9.9")
    assert "deactivated" in str(done.answer)
    assert "inbound.refused" in bot.world.events()


def test_while_slack_does_not_answer_what_it_said_a_moment_ago_counts(bot: SlackBot) -> None:
    erin = bot.person("erin", "engineers")
    erin.slash("/access", "help")
    first = bot.double.deliveries[-1]
    bot.double.control.inject("users.info", status=503, times=None)
    bot.world.clock.forward(minutes=4)
    assert "deactivated" not in str(bot.double.forge(first, trigger_id="9.9.1").answer)
    asked = [e for e in bot.double.control.log("call") if e.name == "users.info"]
    bot.double.forge(first, trigger_id="9.9.2")
    again = [e for e in bot.double.control.log("call") if e.name == "users.info"]
    assert len(again) == len(asked), "a call that fails is not made for every click"
    bot.world.clock.forward(minutes=2)
    done = bot.double.forge(first, trigger_id="9.9.3")
    assert "Slack does not say right now" in str(done.answer)


def test_suggestions_to_strangers_are_an_empty_list(bot: SlackBot) -> None:
    payload = {
        "type": "block_suggestion",
        "action_id": "namespace",
        "value": "",
        "team": {"id": "TELSEWHERE"},
        "user": {"id": "UELSEWHERE", "team_id": "TELSEWHERE"},
    }
    assert bot.double.deliver_raw(payload).answer == {"options": []}
