"""A small Bolt app to try the double of Slack with."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from slack_bolt import App

if TYPE_CHECKING:
    from slack_sdk import WebClient

    from bot.playground.slack import SlackDouble, Workspace

QUIET = logging.getLogger("sample-app")
QUIET.setLevel(logging.ERROR)


@dataclass
class World:
    """The workspace, its server, and the people and places the tests use."""

    workspace: Workspace
    double: SlackDouble
    client: WebClient
    erin: Any
    ari: Any
    ops: Any


def text_input(block_id: str, label: str) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": label},
        "element": {"type": "plain_text_input", "action_id": "text"},
    }


def ask_view(title: str = "Ask for access") -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "ask",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Ask"},
        "notify_on_close": True,
        "blocks": [
            {
                "type": "input",
                "block_id": "where",
                "label": {"type": "plain_text", "text": "Namespace"},
                "element": {
                    "type": "external_select",
                    "action_id": "namespace",
                    "min_query_length": 0,
                },
            },
            text_input("why", "Reason"),
        ],
    }


def card(text: str, *, decided: bool) -> list[dict[str, Any]]:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    if decided:
        return [section]
    button = {
        "type": "button",
        "action_id": "approve",
        "text": {"type": "plain_text", "text": "Approve"},
        "value": "req-1",
        "style": "primary",
    }
    return [section, {"type": "actions", "block_id": "decide", "elements": [button]}]


class ThreadingServer(ThreadingMixIn, WSGIServer):
    """One thread a request."""


class QuietRequestHandler(WSGIRequestHandler):
    """Writes no access log."""

    def log_message(self, *_: Any) -> None:
        pass


def sample_app(world: World) -> App:
    app = App(
        client=world.client,
        signing_secret=world.double.app.signing_secret,
        process_before_response=True,
        logger=QUIET,
    )

    @app.command("/access")
    def ask(ack: Any, body: Any, client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=ask_view())

    @app.options("namespace")
    def namespaces(ack: Any, payload: Any) -> None:
        found = [n for n in ("prod-web", "prod-db", "stage") if payload["value"] in n]
        options = [{"text": {"type": "plain_text", "text": n}, "value": n} for n in found]
        ack(options=options)

    @app.view("ask")
    def submitted(ack: Any, body: Any, view: Any, client: WebClient) -> None:
        values = view["state"]["values"]
        reason = values["why"]["text"]["value"]
        namespace = values["where"]["namespace"]["selected_option"]["value"]
        if len(reason) < 5:
            ack(response_action="errors", errors={"why": "Say a little more."})
            return
        ack()
        text = f"{namespace} for {reason}"
        client.chat_postMessage(channel=world.ops.id, text=text, blocks=card(text, decided=False))

    @app.view_closed("ask")
    def closed(ack: Any) -> None:
        ack()

    @app.action("approve")
    def approve(ack: Any, body: Any, client: WebClient) -> None:
        ack()
        text = f"approved by <@{body['user']['id']}>"
        client.chat_update(
            channel=body["channel"]["id"],
            ts=body["message"]["ts"],
            text=text,
            blocks=card(text, decided=True),
        )

    @app.event("app_home_opened")
    def home(event: Any, client: WebClient) -> None:
        blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Nothing waits"}}]
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    return app
