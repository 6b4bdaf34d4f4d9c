"""What an hour of load leaves behind stays bounded, and what is still needed stays."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from bot.playground.slack import SlackApp, SlackDouble, Workspace
from bot.playground.slack.kept import Kept
from tests.support.slack_calls import Office, new_office

if TYPE_CHECKING:
    from collections.abc import Iterator

MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []}


@pytest.fixture
def office() -> Iterator[Office]:
    made = new_office()
    sizes = made.workspace.sizes
    sizes.messages_a_place = sizes.closed_views = sizes.triggers = 10
    sizes.response_urls = sizes.message_values = 10
    made.workspace.calls.limit = 10
    yield made
    made.double.stop()


def test_a_list_keeps_its_newest() -> None:
    kept: Kept[int] = Kept(10)
    for number in range(1000):
        kept.keep(number)
    assert 10 <= len(kept) <= 20
    assert kept[-10:] == list(range(990, 1000))
    assert kept.forgotten + len(kept) == 1000


def test_nothing_grows_with_what_is_done(office: Office) -> None:
    ws, erin = office.workspace, office.double.as_user(office.erin)
    for _ in range(50):
        ts = office.call("chat.postMessage", channel=office.ops.id, text="hi")["ts"]
        trigger = ws.new_trigger(office.erin.id).id
        view = office.call("views.open", trigger_id=trigger, view=MODAL)["view"]
        erin.close(ws.views[view["id"]])
        ws.new_response_url(office.erin.id, office.ops.id)
        ws.keep_values(ws.messages[office.ops.id][ts], office.erin.id, {})
    assert len(ws.messages[office.ops.id]) == 10
    assert len(ws.views) == len(ws.triggers) == len(ws.response_urls) == 10
    assert len(ws.message_values) == 10
    assert len(ws.calls) <= 20


def test_the_newest_message_can_be_changed_and_one_that_went_is_not_found(office: Office) -> None:
    posts = [
        office.call("chat.postMessage", channel=office.ops.id, text=str(number))["ts"]
        for number in range(20)
    ]
    update = {"channel": office.ops.id, "text": "changed"}
    assert office.error("chat.update", ts=posts[-10], **update) == ""
    assert office.error("chat.update", ts=posts[0], **update) == "message_not_found"


def test_an_open_view_outlives_any_number_of_closed_ones(office: Office) -> None:
    ws = office.workspace
    trigger = ws.new_trigger(office.guest.id).id
    kept = office.call("views.open", trigger_id=trigger, view=MODAL)["view"]["id"]
    for _ in range(50):
        trigger = ws.new_trigger(office.erin.id).id
        office.call("views.open", trigger_id=trigger, view=MODAL)
    assert office.error("views.update", view_id=kept, view=MODAL) == ""


def test_nothing_of_an_answer_is_held_back() -> None:
    """Each answer took 45 ms: the kernel kept its second half until the first was acknowledged."""
    with (
        SlackDouble(Workspace(), SlackApp.made_up()) as double,
        socket.create_connection(double.listening.address),
    ):
        connections = double.listening.connections
        double.workspace.wait_for(lambda: len(connections()) == 1)
        (raw,) = connections()
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_port_is_nobody_elses_while_it_is_shut() -> None:
    with SlackDouble(Workspace(), SlackApp.made_up()) as double:
        double.control.outage("refuse")
        with (
            pytest.raises(OSError, match="in use"),
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other,
        ):
            other.bind(double.listening.address)
        double.control.end_outage()
