"""The page, without a browser: what it shows to whom, and what it can do."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.support.block_examples import ELEMENTS, actions, button, example, modal, mrkdwn, plain
from tests.support.slack_listener import HttpListener

if TYPE_CHECKING:
    from tests.support.slack_world import World

Json = dict[str, Any]


def parts(world: World, who: str = "erin", where: str = "ops", since: str = "") -> Json:
    query = f"as={who}&in={where}" + (f"&since={since}" if since else "")
    answer = requests.get(f"{world.double.url}/page/parts?{query}", timeout=20)
    body: Json = answer.json()
    return body


def act(world: World, **what: Any) -> Json:
    what.setdefault("as", world.erin.id)
    what.setdefault("in", world.ops.id)
    answer = requests.post(f"{world.double.url}/page/act", json=what, timeout=10)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


def test_the_page_is_whole_and_brings_nothing_from_elsewhere(world: World) -> None:
    page = requests.get(f"{world.double.url}/?as=erin", timeout=5)
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    assert not re.search(r'(src|href)="(https?:)?//', page.text)
    assert "<script>" not in page.text
    assert " style=" not in page.text
    for asset in ("page.css", "page.js", "icon.svg"):
        assert requests.get(f"{world.double.url}/static/{asset}", timeout=5).status_code == 200


def test_what_is_said_is_shown_and_never_markup(world: World) -> None:
    evil = '<script>alert(1)</script> & "quotes" <!channel>'
    assert act(world, do="say", text=evil) == {}
    world.client.chat_postMessage(
        channel=world.ops.id,
        text="x",
        blocks=[
            {"type": "section", "text": plain(evil)},
            {"type": "section", "text": mrkdwn(evil)},
        ],
    )
    pane = parts(world)["pane"]
    assert "<script>" not in pane
    assert pane.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3
    # Only what the app wrote as markup calls the channel: not a person, and not plain text.
    assert pane.count(">@channel<") == 1


def test_each_sees_their_own(world: World) -> None:
    world.client.chat_postEphemeral(channel=world.ops.id, user=world.erin.id, text="psst")
    private = world.workspace.add_channel("secret", members=[world.ari.user], private=True)
    assert "Only visible to you" in parts(world)["pane"]
    assert "psst" not in parts(world, "ari")["pane"]
    assert "channel-secret" in parts(world, "ari")["rail"]
    assert "channel-secret" not in parts(world)["rail"]
    assert parts(world, "erin", private.id)["in"] != private.id


def test_unread_places_are_marked_until_they_are_read(world: World) -> None:
    world.client.chat_postMessage(channel=world.erin.id, text="for you")
    assert "new messages" in parts(world)["rail"]
    assert "for you" in parts(world, where="messages")["pane"]
    assert "new messages" not in parts(world)["rail"]


def test_a_change_ends_the_waiting(world: World) -> None:
    before = parts(world)
    timer = threading.Timer(0.2, lambda: world.ari.say("news", "#ops"))
    timer.start()
    started = time.monotonic()
    after = parts(world, since=str(before["version"]))
    timer.join()
    assert time.monotonic() - started < 5
    assert "news" in after["pane"]


def test_a_modal_is_filled_in_and_its_errors_stand_in_place(world: World) -> None:
    text = {"type": "plain_text_input", "action_id": "t"}
    block = {"type": "input", "block_id": "why", "label": plain("Reason"), "element": text}
    trigger = world.workspace.new_trigger(world.erin.id).id
    world.client.views_open(trigger_id=trigger, view=modal(block, external_id=None))
    view = world.erin.view()
    html = parts(world)["modal"]
    assert 'role="dialog"' in html
    assert ">Reason<" in html
    values = [{"block": "why", "action": "t", "value": None}]
    assert act(world, do="submit", target=view.id, values=values) == {}
    assert "Please complete this required field." in parts(world)["modal"]
    values[0]["value"] = "because"
    said = {"response_action": "errors", "errors": {"why": "Not enough."}}
    with HttpListener(lambda _: (200, said)) as app:
        world.double.courier.request_url = app.url
        assert act(world, do="submit", target=view.id, values=values) == {}
    html = parts(world)["modal"]
    assert "Not enough." in html
    assert 'value="because"' in html
    assert 'aria-invalid="true"' in html
    assert act(world, do="close", target=view.id) == {}
    assert parts(world)["modal"] == ""


def test_trouble_is_told(world: World) -> None:
    assert "not a valid command" in act(world, do="say", text="/nothing")["error"]
    assert "could not be reached" in act(world, do="say", text="/access")["error"]
    world.client.chat_postMessage(channel=world.ops.id, text="x", blocks=[actions(button("go"))])
    (message,) = world.erin.messages("#ops")
    click = {"do": "click", "target": message.ts, "action": "go", "block": None}
    assert "could not be reached" in act(world, **click)["error"]
    assert "gone" in act(world, **{**click, "target": "1.2"})["error"]


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_modelled_element_is_drawn_with_a_name(world: World, name: str) -> None:
    view, _, element = example(name)
    view["external_id"] = ""
    if name == "datetimepicker":
        element["initial_date_time"] = 1_800_000_000
    trigger = world.workspace.new_trigger(world.erin.id).id
    world.client.views_open(trigger_id=trigger, view=view)
    html = parts(world)["modal"]
    assert 'data-testid="action-a"' in html
    assert "data-confirm" in html or name != "button"


def test_somebody_deactivated_cannot_be_played(world: World) -> None:
    gone = world.workspace.add_user("gone", deleted=True)
    assert parts(world, gone.id)["as"] != gone.id
    assert "(deactivated)" in parts(world)["rail"]


def test_names_titles_options_and_values_are_never_markup(world: World) -> None:
    evil = '"><img src=x>'
    world.workspace.add_user("mallory", f"Mallory {evil}")
    select = {
        "type": "static_select",
        "options": [{"text": plain(evil), "value": evil}],
        "placeholder": plain(evil),
    }
    text = {"type": "plain_text_input", "initial_value": evil, "placeholder": plain(evil)}
    blocks = [
        {"type": "input", "label": plain(evil), "hint": plain(evil), "element": element}
        for element in (select, text)
    ]
    trigger = world.workspace.new_trigger(world.erin.id).id
    view = modal(*blocks, title=plain(evil), submit=plain(evil), external_id=None)
    world.client.views_open(trigger_id=trigger, view=view)
    shown = parts(world)
    html = shown["rail"] + shown["modal"]
    assert "<img" not in html
    assert html.count("&lt;img src=x&gt;") >= 9
