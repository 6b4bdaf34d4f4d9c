"""auth, apps, users, usergroups and conversations of the Web API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.playground.slack import messages, places
from bot.playground.slack.webapi import ApiError, Call, Method, invalid_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.playground.slack.records import Json, Message, User, UserGroup

MAX_PAGE = 999
TYPES = {"public_channel": "public", "private_channel": "private", "im": "im"}


def _auth_test(call: Call) -> Json:
    workspace, grid = call.workspace, call.workspace.grid
    bot = workspace.users[workspace.bot_user_id]
    who = {"user": bot.name, "user_id": bot.id, "bot_id": workspace.bot_id}
    if grid and grid.org_wide:
        # An organisation-wide token belongs to no workspace: the organisation stands in its place.
        return who | {
            "url": f"https://{grid.name.lower()}.enterprise.slack.test/",
            "team": grid.name,
            "team_id": grid.id,
            "enterprise_id": grid.id,
            "is_enterprise_install": True,
        }
    return who | {
        "url": f"https://{workspace.domain}.slack.test/",
        "team": workspace.name,
        "team_id": workspace.team_id,
        "is_enterprise_install": False,
        **({"enterprise_id": grid.id} if grid else {}),
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
    grid = call.workspace.grid
    if grid and call.workspace.team_name(user.team_id):
        shown["enterprise_user"] = {
            "id": user.id,
            "enterprise_id": grid.id,
            "enterprise_name": grid.name,
            "is_admin": False,
            "is_owner": False,
            "teams": [user.team_id],
        }
    # Slack leaves the field out for most people: its absence proves nothing.
    return shown | ({"is_stranger": True} if user.is_stranger else {})


def _users_info(call: Call) -> Json:
    return {"user": user_json(call, places.person(call.workspace, call.args["user"]))}


def _page(call: Call, items: Sequence[Any], wrong_limit: str = "") -> tuple[list[Any], Json]:
    """Return a page of `items`; Slack has a name for a wrong limit with some methods only."""
    limit = call.args.get("limit", 100)
    if not 1 <= limit <= MAX_PAGE:
        raise ApiError(wrong_limit) if wrong_limit else invalid_arguments("invalid limit")
    cursor = call.args.get("cursor") or "0"
    if not cursor.isdecimal() or int(cursor) > len(items):
        raise ApiError("invalid_cursor")
    start = int(cursor)
    rest = start + limit < len(items)
    following = {"next_cursor": str(start + limit) if rest else ""}
    return list(items[start : start + limit]), {"response_metadata": following}


def _users_list(call: Call) -> Json:
    everybody = list(call.workspace.users.values())
    grid = call.workspace.grid
    if grid and grid.org_wide:
        everybody = [user for user in everybody if user.team_id == call.team_id]
    people, more = _page(call, everybody)
    return {"members": [user_json(call, user) for user in people], **more}


def _group_json(call: Call, group: UserGroup) -> Json:
    shown: Json = {
        "id": group.id,
        "team_id": group.team_id or call.workspace.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "date_delete": 1 if group.disabled else 0,
    }
    if call.args.get("include_count"):
        shown["user_count"] = len(group.users)
    return shown | ({"users": list(group.users)} if call.args.get("include_users") else {})


def _group_is_seen(call: Call, group: UserGroup) -> bool:
    of_team = (group.team_id or call.workspace.team_id) == call.team_id
    return of_team and (not group.disabled or call.args.get("include_disabled", False))


def _groups_list(call: Call) -> Json:
    groups = [g for g in call.workspace.usergroups.values() if _group_is_seen(call, g)]
    return {"usergroups": [_group_json(call, group) for group in groups]}


def _group_users(call: Call) -> Json:
    group = call.workspace.usergroups.get(call.args["usergroup"])
    if group is None or not _group_is_seen(call, group):
        raise ApiError("no_such_subteam")
    return {"users": list(group.users)}


def _open(call: Call) -> Json:
    wanted = [part for part in call.args.get("users", "").split(",") if part]
    if not wanted:
        raise ApiError("users_list_not_supplied")
    if len(wanted) != 1:
        call.workspace.refuse("conversations.open", "invalid_arguments", "not modelled: many users")
        raise invalid_arguments("not modelled: several users")
    user = places.person(call.workspace, wanted[0])
    if user.is_bot:
        raise ApiError("cannot_dm_bot")
    if user.deleted:
        raise ApiError("user_disabled")
    if user.is_stranger or user.refuses_dms:
        raise ApiError("user_not_visible")
    channel = call.workspace.dm(user.id)
    full = {"id": channel.id, "user": user.id, "is_im": True, "is_org_shared": False}
    return {"channel": full if call.args.get("return_im") else {"id": channel.id}}


def _info(call: Call) -> Json:
    channel = places.visible(call.workspace, call.args["channel"])
    places.may_read(call, channel, places.READ_SCOPES)
    shown = places.as_json(call.workspace, channel)
    if call.args.get("include_num_members"):
        shown["num_members"] = len(channel.members)
    return {"channel": shown}


def _members(call: Call) -> Json:
    channel = places.visible(call.workspace, call.args["channel"])
    places.may_read(call, channel, places.READ_SCOPES)
    members, more = _page(call, sorted(channel.members), "invalid_limit")
    return {"members": members, **more}


def _conversations(call: Call) -> Json:
    wanted = [part for part in call.args.get("types", "public_channel").split(",") if part]
    if not wanted or not set(wanted) <= TYPES.keys():
        raise ApiError("invalid_types")
    for kind in wanted:
        call.needs(places.READ_SCOPES[TYPES[kind]])
    kinds = {TYPES[kind] for kind in wanted}
    seen = [
        channel
        for channel in call.workspace.channels.values()
        if channel.kind in kinds
        and (channel.kind == "public" or call.workspace.bot_user_id in channel.members)
        and not (channel.is_archived and call.args.get("exclude_archived"))
    ]
    page, more = _page(call, seen, "invalid_limit")
    shown = [
        places.as_json(call.workspace, one) | {"num_members": len(one.members)} for one in page
    ]
    return {"channels": shown, **more}


def _history(call: Call) -> Json:
    channel = places.visible(call.workspace, call.args["channel"])
    if call.workspace.bot_user_id not in channel.members:
        raise ApiError("not_in_channel")
    places.may_read(call, channel, places.HISTORY_SCOPES)
    oldest = _seconds(call.args.get("oldest", "0"), "invalid_ts_oldest")
    latest = _seconds(call.args.get("latest", "9" * 10), "invalid_ts_latest")
    edges = call.args.get("inclusive", False)
    # Kept in the order of their times: nothing older follows what is too old.
    newest_first: list[Message] = []
    for message in reversed(call.workspace.messages[channel.id].values()):
        at = float(message.ts)
        if at < oldest:
            break
        if not message.is_ephemeral and (
            oldest < at < latest or (edges and at in (oldest, latest))
        ):
            newest_first.append(message)
    page, more = _page(call, newest_first)
    metadata = call.args.get("include_all_metadata", False)
    shown = [messages.as_json(call.workspace, m, with_metadata=metadata) for m in page]
    has_more = bool(more["response_metadata"]["next_cursor"])
    return {"messages": shown, "has_more": has_more, **(more if has_more else {})}


def _seconds(ts: str, refusal: str) -> float:
    try:
        return float(ts)
    except ValueError as problem:
        raise ApiError(refusal) from problem


METHODS = {
    "auth.test": Method(_auth_test, {}),
    "apps.connections.open": Method(_connections_open, {}, caller="app"),
    "users.info": Method(_users_info, {"user": "str"}, ("user",), "users:read"),
    "users.list": Method(
        _users_list, {"limit": "whole", "cursor": "str"}, (), "users:read", of_a_team=True
    ),
    "usergroups.list": Method(
        _groups_list,
        {"include_users": "flag", "include_disabled": "flag", "include_count": "flag"},
        (),
        "usergroups:read",
        of_a_team=True,
    ),
    "usergroups.users.list": Method(
        _group_users,
        {"usergroup": "str", "include_disabled": "flag"},
        ("usergroup",),
        "usergroups:read",
        of_a_team=True,
    ),
    "conversations.list": Method(
        _conversations,
        {"types": "str", "exclude_archived": "flag", "limit": "whole", "cursor": "str"},
        of_a_team=True,
    ),
    "conversations.open": Method(_open, {"users": "str", "return_im": "flag"}, (), "im:write"),
    "conversations.info": Method(
        _info, {"channel": "str", "include_num_members": "flag"}, ("channel",)
    ),
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
