"""The double with a few people, and a small Bolt app connected to it in each way."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from wsgiref.simple_server import make_server

import pytest
from slack_bolt.adapter.socket_mode.websocket_client import SocketModeHandler
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient

from bot.playground.slack import SlackApp, SlackDouble, Workspace
from tests.support.slack_world import (
    QUIET,
    QuietRequestHandler,
    ThreadingServer,
    World,
    sample_app,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slack_bolt import App


@pytest.fixture
def world() -> Iterator[World]:
    workspace = Workspace(seed="tests")
    erin = workspace.add_user("erin", "Erin Engineer", tz="Europe/Berlin")
    ari = workspace.add_user("ari", "Ari Approver", tz="America/New_York")
    ops = workspace.add_channel("ops", members=[erin, ari])
    app = SlackApp.made_up(redirect_uris=("https://valetkey.example/slack/callback",))
    with SlackDouble(workspace, app, ack_seconds=1.5) as double:
        client = WebClient(token=app.bot_token, base_url=double.api_url)
        yield World(workspace, double, client, double.as_user(erin), double.as_user(ari), ops)


def _close(handler: SocketModeHandler, world: World) -> None:
    """Close from the server's side: closed from its own, the client may wait ten seconds.

    It then forgets its socket without closing it, so that is done here.
    """
    client = handler.client
    session = client.current_session
    raw = session.sock.sock if session and session.sock else None
    client.auto_reconnect_enabled = False
    world.double.sockets.drop()
    world.workspace.wait_for(lambda: not client.is_connected())
    handler.close()
    if raw:
        raw.close()


@pytest.fixture(params=["socket mode", "signed http"])
def app(world: World, request: pytest.FixtureRequest) -> Iterator[App]:
    """The sample app, connected in each way in turn."""
    bolt = sample_app(world)
    if request.param == "socket mode":
        handler = SocketModeHandler(bolt, app_token=world.double.app.app_token, logger=QUIET)
        handler.client.web_client = WebClient(base_url=world.double.api_url)
        handler.connect()
        world.double.wait_connected()
        yield bolt
        _close(handler, world)
        return
    server = make_server(
        "127.0.0.1", 0, SlackRequestHandler(bolt), ThreadingServer, QuietRequestHandler
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    world.double.courier.request_url = f"http://127.0.0.1:{server.server_port}/slack/events"
    yield bolt
    server.shutdown()
    thread.join()
    server.server_close()
