"""The payloads that Slack sends to an app, built from the state of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.playground.slack import forms, messages, views
from bot.playground.slack.records import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.playground.slack.records import Channel, Json, Message, User, ValueKey
    from bot.playground.slack.workspace import Workspace


class Payloads:
    """Builds payloads. `hooks_url` is where response URLs begin."""

    def __init__(self, workspace: Workspace, hooks_url: str) -> None:
        self._workspace = workspace
        self._hooks_url = hooks_url

    def _response_url(self, user: User, channel: str, message_ts: str | None = None) -> str:
        url = self._workspace.new_response_url(user.id, channel, message_ts)
        return f"{self._hooks_url}/{self._workspace.team_id}/{url.id}"

    def _domain(self, team_id: str) -> str:
        """Return a team's subdomain; a stranger's team is none of ours."""
        return (self._workspace.team_name(team_id) or "elsewhere").lower()

    def _common(self, user: User, *, of_enterprise: bool = False) -> Json:
        # For a stranger Slack names the team they came from; the app's own team stands in
        # view.app_installed_team_id only.
        workspace, grid = self._workspace, self._workspace.grid
        ours = workspace.team_name(user.team_id) is not None
        team: Json | None = {"id": user.team_id, "domain": self._domain(user.team_id)}
        if grid and grid.org_wide:
            team = None
        elif grid and ours and team:
            team |= {"enterprise_id": grid.id, "enterprise_name": grid.name}
        by_enterprise = of_enterprise or (grid is not None and grid.user_team == "enterprise")
        return {
            "team": team,
            "user": {
                "id": user.id,
                "username": user.name,
                "name": user.name,
                "team_id": grid.id if grid and ours and by_enterprise else user.team_id,
            },
            "api_app_id": workspace.app_id,
            "token": "legacy-verification-token",
            "is_enterprise_install": bool(grid and grid.org_wide),
            "enterprise": {"id": grid.id, "name": grid.name} if grid else None,
        }

    def slash(self, user: User, command: str, text: str, channel: Channel) -> Json:
        """Return the form fields of a slash command."""
        workspace = self._workspace
        name = "directmessage" if channel.kind == "im" else channel.name
        if channel.kind == "private":
            name = "privategroup"
        grid = workspace.grid
        org = {"enterprise_id": grid.id, "enterprise_name": grid.name} if grid else {}
        return {
            **org,
            "token": "legacy-verification-token",
            "team_id": user.team_id,
            "team_domain": self._domain(user.team_id),
            "channel_id": channel.id,
            "channel_name": name,
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": workspace.app_id,
            "is_enterprise_install": "true" if grid and grid.org_wide else "false",
            "response_url": self._response_url(user, channel.id),
            "trigger_id": workspace.new_trigger(user.id).id,
        }

    def message_action(
        self, user: User, message: Message, action: Json, values: Mapping[ValueKey, Json]
    ) -> Json:
        """Return block_actions of a click in a message."""
        workspace = self._workspace
        channel = workspace.channels[message.channel]
        container = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": channel.id,
            "is_ephemeral": message.is_ephemeral,
        }
        payload = self._common(user) | {
            "type": "block_actions",
            "container": container,
            "trigger_id": workspace.new_trigger(user.id).id,
            "channel": {"id": channel.id, "name": _shown_name(channel)},
            "state": forms.as_state(values),
            "response_url": self._response_url(user, channel.id, message.ts),
            "actions": [action],
        }
        if not message.is_ephemeral:
            # Slack leaves ephemeral messages out of the payload.
            payload["message"] = messages.as_json(workspace, message, with_metadata=True)
        return payload

    def view_action(self, user: User, view: View, action: Json) -> Json:
        """Return block_actions of a click in a modal or Home."""
        trigger = self._workspace.new_trigger(user.id, view.id)
        return self._common(user) | {
            "type": "block_actions",
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": trigger.id,
            "view": views.as_json(self._workspace, view),
            "state": forms.as_state(view.values),
            "actions": [action],
        }

    def suggestion(self, user: User, source: View | Message, key: ValueKey, query: str) -> Json:
        """Return block_suggestion for what is typed into an external select."""
        block_id, action_id = key
        payload = self._common(user, of_enterprise=True) | {
            "type": "block_suggestion",
            "action_id": action_id,
            "block_id": block_id,
            "value": query,
        }
        if isinstance(source, View):
            container: Json = {"type": "view", "view_id": source.id}
            shown = views.as_json(self._workspace, source)
            return payload | {"container": container, "view": shown}
        container = {
            "type": "message",
            "message_ts": source.ts,
            "channel_id": source.channel,
            "is_ephemeral": source.is_ephemeral,
        }
        shown = messages.as_json(self._workspace, source)
        place = self._workspace.channels[source.channel]
        channel = {"id": place.id, "name": _shown_name(place)}
        return payload | {"container": container, "message": shown, "channel": channel}

    def submission(self, user: User, view: View) -> Json:
        """Return view_submission."""
        trigger = self._workspace.new_trigger(user.id, view.id)
        return self._common(user) | {
            "type": "view_submission",
            "trigger_id": trigger.id,
            "view": views.as_json(self._workspace, view),
            "response_urls": [],
        }

    def closed(self, user: User, view: View, *, cleared: bool) -> Json:
        """Return view_closed."""
        return self._common(user) | {
            "type": "view_closed",
            "view": views.as_json(self._workspace, view),
            "is_cleared": cleared,
        }

    def event(self, event: Json, team_id: str) -> Json:
        """Return an Events API callback around `event`, which happened in that team."""
        workspace, grid = self._workspace, self._workspace.grid
        org_wide = grid is not None and grid.org_wide
        authorization = {
            "enterprise_id": grid.id if grid else None,
            "team_id": None if org_wide else workspace.team_id,
            "user_id": workspace.bot_user_id,
            "is_bot": True,
            "is_enterprise_install": org_wide,
        }
        return {
            **({"enterprise_id": grid.id} if grid else {}),
            "token": "legacy-verification-token",
            "team_id": team_id,
            "api_app_id": workspace.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": workspace.new_id("Ev"),
            "event_time": int(workspace.now.timestamp()),
            "authorizations": [authorization],
            "is_ext_shared_channel": False,
        }

    def home_opened(self, user: User, tab: str) -> Json:
        """Return app_home_opened; the view stands in it once Home has been published."""
        workspace = self._workspace
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": workspace.dm(user.id).id,
            "tab": tab,
            "event_ts": workspace.new_ts(),
        }
        home = workspace.homes.get(user.id)
        if home and tab == "home":
            event["view"] = views.as_json(workspace, workspace.views[home])
        ours = workspace.team_name(user.team_id) is not None
        return self.event(event, user.team_id if ours else workspace.team_id)


def _shown_name(channel: Channel) -> str:
    return "directmessage" if channel.kind == "im" else channel.name
