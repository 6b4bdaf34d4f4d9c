"""A workspace full of difficult people and places, and calls of the Web API in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.playground.slack import SlackApp, SlackDouble, Workspace
from bot.playground.slack.routes import METHODS
from bot.playground.slack.webapi import Call, Request, answer

Json = dict[str, Any]


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, span: timedelta) -> None:
        self.now += span


@dataclass
class Office:
    """People and places of each kind, and the Web API without its server."""

    clock: Clock
    workspace: Workspace
    app: SlackApp
    double: SlackDouble

    def __post_init__(self) -> None:
        ws = self.workspace
        self.erin = ws.add_user("erin", "Erin Engineer", tz="Europe/Berlin")
        self.gone = ws.add_user("gone", deleted=True)
        self.guest = ws.add_user("guest", is_ultra_restricted=True)
        self.stranger = ws.add_user("stranger", stranger=True)
        self.bot = ws.users[ws.bot_user_id]
        self.ops = ws.add_channel("ops", members=[self.erin, self.stranger])
        self.elsewhere = ws.add_channel("elsewhere", members=[self.erin], bot_in=False)
        self.secret = ws.add_channel("secret", members=[self.erin], private=True, bot_in=False)
        self.inner = ws.add_channel("inner", members=[self.erin], private=True)
        self.old = ws.add_channel("old", members=[self.erin], archived=True)
        self.shy = ws.change_user(ws.add_user("shy").id, refuses_dms=True)
        self.sleeping = ws.add_usergroup("sleeping", "Sleeping", [self.erin])
        ws.change_usergroup(self.sleeping.id, disabled=True)
        self.group = ws.add_usergroup("oncall", "On call", [self.erin])

    def call(
        self, method: str, token: str | None = None, *, without: str = "", **args: Any
    ) -> Json:
        """Call a method; `without` takes a scope away from the app first."""
        app = replace(self.app, scopes=self.app.scopes - {without})
        base = Call(self.workspace, app, {}, lambda: "ws://x", self.double.sign_in)
        return answer(
            Request(method, self.app.bot_token if token is None else token, args), METHODS, base
        )

    def error(self, method: str, token: str | None = None, **args: Any) -> str:
        """Call a method and return the error's name, empty when it went well."""
        return str(self.call(method, token, **args).get("error", ""))


def new_office() -> Office:
    clock = Clock()
    workspace = Workspace(seed="office", clock=clock)
    app = SlackApp.made_up(redirect_uris=("https://valetkey.test/slack/callback",))
    return Office(clock, workspace, app, SlackDouble(workspace, app))
