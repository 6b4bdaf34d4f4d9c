"""The double and a real Bolt app understand each other, both ways that Slack can deliver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.playground.slack import buttons, words

if TYPE_CHECKING:
    from slack_bolt import App

    from tests.support.slack_world import World


def test_ask_is_filled_in_corrected_and_decided(world: World, app: App) -> None:
    erin, ari = world.erin, world.ari
    asked = erin.slash("/access", "", "#ops")
    assert asked.ok
    assert asked.after_ms < 3000
    view = erin.wait_for(lambda: erin.views() and erin.view())
    assert view.title == "Ask for access"

    offered = erin.suggest(view, "namespace", "prod")
    assert [option["value"] for option in offered] == ["prod-web", "prod-db"]
    erin.choose(view, "namespace", "prod-db")
    erin.type(view, "text", "db")
    refused = erin.submit(view)
    assert refused.errors == {"why": "Say a little more."}
    assert erin.view().errors == refused.errors

    erin.type(view, "text", "the queue is stuck")
    assert erin.submit(view).ok
    assert erin.views() == []

    posted = ari.wait_for(lambda: ari.messages("#ops"))[-1]
    assert words(posted) == "prod-db for the queue is stuck"
    assert buttons(posted) == {"approve": "Approve"}
    assert ari.click(posted, "approve").ok
    decided = ari.wait_for(lambda: [m for m in ari.messages("#ops") if m.edited_ts])[-1]
    assert words(decided) == f"approved by <@{ari.id}>"
    assert buttons(decided) == {}
    assert world.workspace.refused == []


def test_home_is_published_when_it_is_opened(world: World, app: App) -> None:
    assert world.erin.home() is None
    assert world.erin.open_home().ok
    home = world.erin.wait_for(world.erin.home)
    assert words(home) == "Nothing waits"


def test_closing_is_told_to_an_app_that_asked_for_it(world: World, app: App) -> None:
    world.erin.slash("/access")
    view = world.erin.wait_for(lambda: world.erin.views() and world.erin.view())
    (told,) = world.erin.close(view)
    assert told.ok
    assert told.payload["type"] == "view_closed"


def test_a_required_field_left_empty_is_not_sent(world: World, app: App) -> None:
    world.erin.slash("/access")
    view = world.erin.wait_for(lambda: world.erin.views() and world.erin.view())
    before = len(world.double.deliveries)
    refused = world.erin.submit(view)
    assert refused.error == "incomplete"
    assert set(refused.errors) == {"where", "why"}
    assert len(world.double.deliveries) == before


def test_an_action_that_nobody_handles_is_not_acked(world: World, app: App) -> None:
    blocks: list[dict[str, Any]] = [
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "action_id": "unknown",
                    "text": {"type": "plain_text", "text": "Nobody"},
                }
            ],
        }
    ]
    world.client.chat_postMessage(channel=world.erin.id, text="hello", blocks=blocks)
    done = world.erin.click(world.erin.messages()[-1], "unknown")
    assert not done.acked
    assert done.error in ("operation_timeout", "dispatch_failed")


def test_a_redelivered_payload_is_the_same_payload(world: World, app: App) -> None:
    first = world.erin.open_home()
    again = world.double.redeliver(first)
    assert again.ok
    assert again.payload == first.payload


@pytest.mark.parametrize("forged", [{"trigger_id": "1.2.x"}, {"user_id": "U404"}])
def test_forged_payloads_can_be_sent(world: World, app: App, forged: dict[str, str]) -> None:
    done = world.erin.slash("/access")
    world.double.forge(done, **forged)
    assert world.double.deliveries[-1].payload.items() >= forged.items()
