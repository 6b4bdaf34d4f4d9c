"""auth, apps, users, usergroups and conversations of the Web API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.playground.slack import messages, places
from bot.playground.slack.webapi import ApiError, Call, Method, invalid_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.playground.slack.records import Json, User, UserGroup

MAX_PAGE = 1000


def _auth_test(call: Call) -> Json:
    workspace = call.workspace
    bot = workspace.users[workspace.bot_user_id]
    return {
        "url": f"https://{workspace.domain}.slack.test/",
        "team": workspace.name,
        "team_id": workspace.team_id,
        "user": bot.name,
        "user_id": bot.id,
        "bot_id": workspace.bot_id,
        "is_enterprise_install": False,
    }


def _connections_open(call: Call) -> Json:
    return {"url": call.socket_url()}


def user_json(call: Call, user: User) -> Json:
    """Return a person as users.info shows them; the email only with its scope."""
    now = call.workspace.now
    profile: Json = {"real_name": user.real_name, "display_name": user.name, "team": user.team_id}
    if "users:read.email" in call.app.scopes and not user.is_bot:
        profile["email"] = user.email
    shown: Json = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "deleted": user.deleted,
        "real_name": user.real_name,
        "tz": user.tz,
        "tz_label": user.tz.rsplit("/", 1)[-1].replace("_", " "),
        "tz_offset": user.tz_offset_seconds(now),
        "profile": profile,
        "is_admin": user.is_admin,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "updated": int(now.timestamp()),
    }
    # Slack leaves the field out for most people: its absence proves nothing.
    return shown | ({"is_stranger": True} if user.is_stranger else {})


def _users_info(call: Call) -> Json:
    return {"user": user_json(call, places.person(call.workspace, call.args["user"]))}


def _page(call: Call, items: Sequence[Any], default: int = 100) -> tuple[list[Any], Json]:
    limit = call.args.get("limit", default)
    if not 1 <= limit <= MAX_PAGE:
        raise ApiError("invalid_limit")
    cursor = call.args.get("cursor") or "0"
    if not cursor.isdecimal() or int(cursor) > len(items):
        raise ApiError("invalid_cursor")
    start = int(cursor)
    rest = start + limit < len(items)
    following = {"next_cursor": str(start + limit) if rest else ""}
    return list(items[start : start + limit]), {"response_metadata": following}


def _users_list(call: Call) -> Json:
    people, more = _page(call, list(call.workspace.users.values()))
    return {"members": [user_json(call, user) for user in people], **more}


def _group_json(call: Call, group: UserGroup) -> Json:
    shown: Json = {
        "id": group.id,
        "team_id": call.workspace.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "date_delete": 1 if group.disabled else 0,
        "user_count": len(group.users),
    }
    return shown | ({"users": list(group.users)} if call.args.get("include_users") else {})


def _groups_list(call: Call) -> Json:
    disabled_too = call.args.get("include_disabled", False)
    groups = [g for g in call.workspace.usergroups.values() if disabled_too or not g.disabled]
    return {"usergroups": [_group_json(call, group) for group in groups]}


def _group_users(call: Call) -> Json:
    group = call.workspace.usergroups.get(call.args["usergroup"])
    if group is None:
        raise ApiError("no_such_subteam")
    return {"users": list(group.users)}


def _open(call: Call) -> Json:
    wanted = [part for part in call.args["users"].split(",") if part]
    if len(wanted) != 1:
        call.workspace.refuse("conversations.open", "invalid_arguments", "not modelled: many users")
        raise invalid_arguments("not modelled: several users")
    user = places.person(call.workspace, wanted[0])
    if user.is_bot:
        raise ApiError("cannot_dm_bot")
    if user.deleted:
        raise ApiError("user_disabled")
    if user.is_stranger:
        raise ApiError("user_not_visible")
    channel = call.workspace.dm(user.id)
    full = places.as_json(call.workspace, channel)
    return {"channel": full if call.args.get("return_im") else {"id": channel.id}}


def _info(call: Call) -> Json:
    channel = places.visible(call.workspace, call.args["channel"])
    places.may_read(call, channel, places.READ_SCOPES)
    return {"channel": places.as_json(call.workspace, channel)}


def _members(call: Call) -> Json:
    channel = places.visible(call.workspace, call.args["channel"])
    places.may_read(call, channel, places.READ_SCOPES)
    members, more = _page(call, sorted(channel.members))
    return {"members": members, **more}


def _history(call: Call) -> Json:
    channel = places.visible(call.workspace, call.args["channel"])
    if call.workspace.bot_user_id not in channel.members:
        raise ApiError("not_in_channel")
    places.may_read(call, channel, places.HISTORY_SCOPES)
    oldest, latest = call.args.get("oldest", "0"), call.args.get("latest", "9" * 10)
    edges = call.args.get("inclusive", False)
    found = [
        m
        for ts, m in call.workspace.messages[channel.id].items()
        if not m.is_ephemeral
        and (float(oldest) < float(ts) < float(latest) or (edges and ts in (oldest, latest)))
    ]
    newest_first = sorted(found, key=lambda m: float(m.ts), reverse=True)
    page, more = _page(call, newest_first)
    metadata = call.args.get("include_all_metadata", False)
    shown = [messages.as_json(call.workspace, m, with_metadata=metadata) for m in page]
    has_more = bool(more["response_metadata"]["next_cursor"])
    return {"messages": shown, "has_more": has_more, **(more if has_more else {})}


METHODS = {
    "auth.test": Method(_auth_test, {}),
    "apps.connections.open": Method(_connections_open, {}, caller="app"),
    "users.info": Method(_users_info, {"user": "str"}, ("user",), "users:read"),
    "users.list": Method(_users_list, {"limit": "whole", "cursor": "str"}, (), "users:read"),
    "usergroups.list": Method(
        _groups_list,
        {"include_users": "flag", "include_disabled": "flag"},
        (),
        "usergroups:read",
    ),
    "usergroups.users.list": Method(
        _group_users, {"usergroup": "str"}, ("usergroup",), "usergroups:read"
    ),
    "conversations.open": Method(
        _open, {"users": "str", "return_im": "flag"}, ("users",), "im:write"
    ),
    "conversations.info": Method(_info, {"channel": "str"}, ("channel",)),
    "conversations.members": Method(
        _members, {"channel": "str", "limit": "whole", "cursor": "str"}, ("channel",)
    ),
    "conversations.history": Method(
        _history,
        {
            "channel": "str",
            "latest": "str",
            "oldest": "str",
            "inclusive": "flag",
            "limit": "whole",
            "cursor": "str",
            "include_all_metadata": "flag",
        },
        ("channel",),
    ),
}
