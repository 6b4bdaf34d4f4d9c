"""What the app says back: acks of submissions and suggestions, and response_url."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from bot.playground.slack import FormError, View, buttons, words
from tests.support.block_examples import actions, asked, button, modal, option, plain, select
from tests.support.slack_listener import HttpListener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.slack_world import World

Json = dict[str, Any]
TYPED = {"type": "plain_text_input", "action_id": "t"}
SEARCH = {"type": "external_select", "action_id": "s", "min_query_length": 2}


@pytest.fixture
def answers(world: World) -> Iterator[Callable[[Any, int], None]]:
    """An app that answers what the test last told it to."""
    said: list[tuple[int, Json | None]] = [(200, None)]

    def say(answer: Json | None, status: int = 200) -> None:
        said[0] = (status, answer)

    with HttpListener(lambda _: said[0]) as app:
        world.double.courier.request_url = app.url
        yield say


Say = Any


def opened(world: World, *blocks: Json, **more: Any) -> View:
    trigger = world.workspace.new_trigger(world.erin.id).id
    world.client.views_open(trigger_id=trigger, view=modal(*blocks, external_id=None, **more))
    return world.erin.view()


def test_an_empty_ack_closes_the_modal_and_shows_the_one_below(world: World, answers: Say) -> None:
    first = opened(world)
    trigger = world.workspace.new_trigger(world.erin.id, first.id).id
    world.client.views_push(trigger_id=trigger, view=modal(external_id=None))
    assert world.erin.submit(world.erin.view()).ok
    assert [v.id for v in world.erin.views()] == [first.id]


def test_errors_stand_in_place_until_the_next_submit(world: World, answers: Say) -> None:
    view = opened(world, asked(TYPED, block_id="why"))
    world.erin.type(view, "t", "x")
    answers({"response_action": "errors", "errors": {"why": "No."}})
    assert world.erin.submit(view).errors == {"why": "No."}
    assert world.erin.view().errors == {"why": "No."}
    answers(None)
    assert world.erin.submit(view).errors == {}
    assert world.erin.views() == []


@pytest.mark.parametrize(
    "answer",
    [
        {"response_action": "errors", "errors": {}},
        {"response_action": "errors"},
        {"response_action": "errors", "errors": {"elsewhere": "No."}},
        {"response_action": "explode"},
        {"response_action": "update"},
        {"response_action": "push", "view": {"type": "modal"}},
        {"text": "not for a modal"},
    ],
)
def test_an_answer_that_slack_could_not_use_is_refused(
    world: World, answers: Say, answer: Json
) -> None:
    view = opened(world, asked(TYPED, block_id="why", optional=True))
    answers(answer)
    done = world.erin.submit(view)
    assert done.acked
    assert done.error
    assert not done.ok
    assert [v.id for v in world.erin.views()] == [view.id]
    assert world.workspace.refused[-1].where == "view_submission"


def test_an_answer_may_update_push_or_clear(world: World, answers: Say) -> None:
    view = opened(world)
    answers({"response_action": "update", "view": modal(title=plain("Two"), external_id=None)})
    assert world.erin.submit(view).ok
    assert (world.erin.view().id, world.erin.view().title) == (view.id, "Two")
    answers({"response_action": "push", "view": modal(title=plain("Three"), external_id=None)})
    assert world.erin.submit(view).ok
    assert [v.title for v in world.erin.views()] == ["Two", "Three"]
    answers({"response_action": "clear"})
    assert world.erin.submit(world.erin.view()).ok
    assert world.erin.views() == []


def test_a_submission_that_is_not_acked_leaves_the_modal_open(world: World, answers: Any) -> None:
    view = opened(world)
    answers(None, 500)
    assert world.erin.submit(view).error == "dispatch_failed"
    assert world.erin.view().id == view.id


def test_options_are_asked_for_once_the_query_is_long_enough(world: World, answers: Say) -> None:
    view = opened(world, asked(SEARCH, block_id="where"))
    answers({"options": [option("prod")]})
    assert world.erin.suggest(view, "s", "p") == []
    assert world.double.deliveries == []
    assert world.erin.suggest(view, "s", "pr") == [option("prod")]
    payload = world.double.deliveries[-1].payload
    assert (payload["type"], payload["value"]) == ("block_suggestion", "pr")
    assert (payload["block_id"], payload["action_id"]) == ("where", "s")
    assert payload["view"]["state"]["values"]["where"]["s"]["selected_option"] is None


def test_no_options_is_an_answer_and_nothing_is_none(world: World, answers: Say) -> None:
    view = opened(world, asked(SEARCH))
    answers({"options": []})
    assert world.erin.suggest(view, "s", "none") == []
    answers(None)
    with pytest.raises(FormError, match="invalid_options"):
        world.erin.suggest(view, "s", "none")


def test_grouped_options_are_offered_too(world: World, answers: Say) -> None:
    view = opened(world, asked(SEARCH))
    answers({"option_groups": [{"label": plain(), "options": [option("a"), option("b")]}]})
    assert [o["value"] for o in world.erin.suggest(view, "s", "any")] == ["a", "b"]
    world.erin.choose(view, "s", option("b"))
    state = world.workspace.views[view.id].values
    assert [v["selected_option"]["value"] for v in state.values()] == ["b"]


def url_of(world: World, **more: Any) -> tuple[str, Any]:
    """A message with a button, clicked: the response_url, and the message."""
    sent = world.client.chat_postMessage(
        channel=world.ops.id, text="card", blocks=[actions(button("go"))], **more
    )
    message = next(m for m in world.erin.messages("#ops") if m.ts == sent["ts"])
    done = world.erin.click(message, "go")
    assert done is not None
    return str(done.payload["response_url"]), message


def post(url: str, **body: Any) -> requests.Response:
    return requests.post(url, json=body, timeout=5)


def test_a_response_url_is_used_five_times(world: World, answers: Say) -> None:
    """https://docs.slack.dev/interactivity/handling-user-interaction#message_responses"""
    url, _ = url_of(world)
    assert [post(url, text=str(n)).status_code for n in range(5)] == [200] * 5
    refused = post(url, text="6")
    assert (refused.status_code, refused.json()["error"]) == (404, "used_url")
    assert [m.text for m in world.erin.messages("#ops")][1:] == list("01234")
    assert world.ari.messages("#ops")[1:] == []


def test_a_response_url_lives_for_thirty_minutes(world: World, answers: Say) -> None:
    url, _ = url_of(world)
    (found,) = world.workspace.response_urls.values()
    found.expires -= timedelta(minutes=30)
    assert post(url, text="late").json()["error"] == "expired_url"
    assert post(f"{url}x", text="made up").json()["error"] == "invalid_url"


def test_a_response_url_may_replace_delete_and_speak_to_all(world: World, answers: Say) -> None:
    url, message = url_of(world)
    assert post(url, text="to all", response_type="in_channel").ok
    assert world.ari.messages("#ops")[-1].text == "to all"
    assert post(url, text="replaced", replace_original=True).ok
    replaced = next(m for m in world.ari.messages("#ops") if m.ts == message.ts)
    assert (replaced.text, buttons(replaced)) == ("replaced", {})
    assert post(url, delete_original=True).ok
    assert message.ts not in [m.ts for m in world.ari.messages("#ops")]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "no_text"),
        ({"text": "x", "blocks": [{"type": "header"}]}, "invalid_blocks"),
        ({"text": "x", "thread_ts": "1.0"}, "invalid_arguments"),
        ({"text": "x", "response_type": "shout"}, "invalid_arguments"),
    ],
)
def test_a_response_is_refused_like_a_message(
    world: World, answers: Say, body: Json, error: str
) -> None:
    url, _ = url_of(world)
    refused = post(url, **body)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert world.workspace.refused[-1].where == "response_url"


def test_an_ephemeral_is_replaced_only_by_its_response_url(world: World, answers: Say) -> None:
    world.client.chat_postEphemeral(
        channel=world.ops.id, user=world.erin.id, text="card", blocks=[actions(button("go"))]
    )
    (message,) = world.erin.messages("#ops")
    done = world.erin.click(message, "go")
    assert done is not None
    assert done.payload["container"]["is_ephemeral"]
    assert "message" not in done.payload
    assert post(done.payload["response_url"], text="done", replace_original=True).ok
    assert [words(m) for m in world.erin.messages("#ops")] == ["done"]


def test_a_cancelled_confirmation_is_not_told(world: World, answers: Say) -> None:
    confirm = {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain()}
    world.client.chat_postMessage(
        channel=world.ops.id, text="x", blocks=[actions(button("go", confirm=confirm))]
    )
    (message,) = world.erin.messages("#ops")
    assert world.erin.click(message, "go", confirm=False) is None
    assert world.double.deliveries == []
    assert world.erin.click(message, "go") is not None


def test_a_click_on_what_was_shown_before_can_be_tried(world: World, answers: Say) -> None:
    sent = world.client.chat_postMessage(
        channel=world.ops.id, text="x", blocks=[actions(button("go", value="old"))]
    )
    (before,) = world.erin.messages("#ops")
    world.client.chat_update(channel=world.ops.id, ts=sent["ts"], text="decided")
    with pytest.raises(FormError, match="0 elements"):
        world.erin.click(before, "go")
    late = world.erin.click(before, "go", as_shown=True)
    assert late is not None
    assert late.payload["actions"][0]["value"] == "old"


def test_a_choice_beside_a_section_is_told_at_once(world: World, answers: Say) -> None:
    section = {"type": "section", "text": plain(), "accessory": select()}
    world.client.chat_postMessage(channel=world.ops.id, text="x", blocks=[section])
    (message,) = world.erin.messages("#ops")
    done = world.erin.choose(message, "s", "v")
    assert done is not None
    assert done.payload["actions"][0]["selected_option"] == option()
    (state,) = done.payload["state"]["values"].values()
    assert state["s"]["selected_option"] == option()


def test_a_stranger_is_named_with_their_own_team(world: World, answers: Say) -> None:
    stranger = world.workspace.add_user("sam", stranger=True)
    trigger = world.workspace.new_trigger(stranger.id).id
    world.client.views_open(trigger_id=trigger, view=modal(external_id=None))
    person = world.double.as_user(stranger)
    payload = person.submit(person.view()).payload
    assert payload["user"]["team_id"] == payload["team"]["id"] == stranger.team_id
    assert payload["view"]["app_installed_team_id"] == world.workspace.team_id
