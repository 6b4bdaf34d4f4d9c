"""Where a message may go and what may be read: conversations as the app sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.playground.slack.webapi import ApiError, Call

if TYPE_CHECKING:
    from bot.playground.slack.records import Channel, Json, User
    from bot.playground.slack.workspace import Workspace

READ_SCOPES = {"public": "channels:read", "private": "groups:read", "im": "im:read"}
HISTORY_SCOPES = {"public": "channels:history", "private": "groups:history", "im": "im:history"}


def person(workspace: Workspace, user_id: str) -> User:
    """Return the user, or refuse with `user_not_found`."""
    user = workspace.users.get(user_id)
    if user is None:
        raise ApiError("user_not_found")
    return user


def visible(workspace: Workspace, channel_id: str) -> Channel:
    """Return a conversation that the app may know of, or refuse with `channel_not_found`.

    A private channel without the app in it does not exist for the app, as in Slack.
    """
    channel = workspace.channels.get(channel_id)
    if channel is None:
        raise ApiError("channel_not_found")
    if channel.kind != "public" and workspace.bot_user_id not in channel.members:
        raise ApiError("channel_not_found")
    return channel


def joined(workspace: Workspace, channel_id: str) -> Channel:
    """Return a conversation that the app is in, or refuse."""
    channel = visible(workspace, channel_id)
    if workspace.bot_user_id not in channel.members:
        raise ApiError("not_in_channel")
    if channel.is_archived:
        raise ApiError("is_archived")
    return channel


def postable(workspace: Workspace, channel_id: str) -> Channel:
    """Return where to post: a channel's id, or a person's id, which means their DM."""
    user = workspace.users.get(channel_id)
    if user is None:
        channel = joined(workspace, channel_id)
        return _open_dm(workspace, channel) if channel.kind == "im" else channel
    if user.is_bot:
        raise ApiError("cannot_dm_bot")
    if user.deleted or user.is_stranger or user.refuses_dms:
        # Slack gives no conversation with a closed account, nor with another team's person.
        raise ApiError("channel_not_found")
    return _open_dm(workspace, workspace.dm(user.id))


def _open_dm(workspace: Workspace, channel: Channel) -> Channel:
    """Return a direct message that may be written to, or refuse."""
    if not workspace.messages_tab:
        raise ApiError("messages_tab_disabled")
    user = workspace.users[channel.dm_user or ""]
    if user.deleted or user.refuses_dms:
        raise ApiError("channel_not_found")
    return channel


def changeable(workspace: Workspace, channel_id: str, outside: str, archived: str) -> Channel:
    """Return where a message may be changed, or refuse: `outside` where the app is no member,
    `archived` in an archived channel. Slack's words differ from those for posting.
    """
    channel = visible(workspace, channel_id)
    if workspace.bot_user_id not in channel.members:
        raise ApiError(outside)
    if channel.is_archived:
        raise ApiError(archived)
    return channel


def may_read(call: Call, channel: Channel, scopes: dict[str, str]) -> None:
    """Refuse unless the app has the scope for this kind of conversation."""
    call.needs(scopes[channel.kind])


def as_json(workspace: Workspace, channel: Channel) -> Json:
    """Return a conversation as conversations.info shows it."""
    shown: Json = {
        "id": channel.id,
        "is_channel": channel.kind == "public",
        "is_group": channel.kind == "private",
        "is_private": channel.kind != "public",
        "is_im": channel.kind == "im",
        "is_mpim": False,
        "is_archived": channel.is_archived,
        "is_member": workspace.bot_user_id in channel.members,
        "context_team_id": workspace.team_id,
    }
    if channel.kind == "im":
        return shown | {"user": channel.dm_user}
    strangers = any(workspace.users[m].is_stranger for m in channel.members)
    shared = channel.is_ext_shared or strangers
    return shown | {
        "name": channel.name,
        "name_normalized": channel.name,
        "previous_names": list(channel.previous_names),
        "is_shared": shared,
        "is_ext_shared": shared,
        "is_org_shared": False,
    }
