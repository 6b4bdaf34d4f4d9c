"""Pairs of calls of the Web API: one goes well, the other is refused with the error named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.slack_calls import Office

Args = dict[str, Any]


def posted(office: Office, **more: Any) -> str:
    return str(office.call("chat.postMessage", channel=office.ops.id, text="hi", **more)["ts"])


def posted_then(office: Office, **changes: Any) -> str:
    """Post, and change the channel afterwards."""
    ts = posted(office)
    office.workspace.change_channel(office.ops.id, **changes)
    return ts


def posted_and_deleted(office: Office) -> str:
    """Post, and have somebody delete it by hand."""
    ts = posted(office)
    office.double.control.delete_message((office.ops.id, ts))
    return ts


def without_messages_tab(office: Office) -> str:
    """Turn the app's messages tab off, and name somebody to write to."""
    office.workspace.messages_tab = False
    return str(office.erin.id)


def view(**more: Any) -> Args:
    title = {"type": "plain_text", "text": "T"}
    return {"type": "modal", "title": title, "blocks": [], **more}


HOME = {"type": "home", "blocks": []}
TEXT = {"text": "hello"}
BAD_BLOCKS = [{"type": "header"}]

# (method, what passes, what fails, the error). The pages are those of the methods.
TABLE: list[tuple[str, Callable[[Office], Args], Callable[[Office], Args], str]] = [
    (
        "chat.postMessage",
        lambda o: {"channel": o.ops.id, **TEXT},
        lambda o: {"channel": o.ops.id},
        "no_text",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.ops.id, "blocks": [{"type": "divider"}], **TEXT},
        lambda o: {"channel": o.ops.id, "blocks": [{"type": "divider"}]},
        "no_text",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.ops.id, "text": "x" * 40_000},
        lambda o: {"channel": o.ops.id, "text": "x" * 40_001},
        "msg_too_long",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.ops.id, **TEXT},
        lambda _: TEXT,
        "invalid_arguments",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.ops.id, **TEXT},
        lambda _: {"channel": "C404", **TEXT},
        "channel_not_found",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.inner.id, **TEXT},
        lambda o: {"channel": o.secret.id, **TEXT},
        "channel_not_found",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.ops.id, **TEXT},
        lambda o: {"channel": o.elsewhere.id, **TEXT},
        "not_in_channel",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.ops.id, **TEXT},
        lambda o: {"channel": o.old.id, **TEXT},
        "is_archived",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.erin.id, **TEXT},
        lambda o: {"channel": o.gone.id, **TEXT},
        "channel_not_found",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.guest.id, **TEXT},
        lambda o: {"channel": o.stranger.id, **TEXT},
        "channel_not_found",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.erin.id, **TEXT},
        lambda o: {"channel": o.bot.id, **TEXT},
        "cannot_dm_bot",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.ops.id, "blocks": "[]", **TEXT},
        lambda o: {"channel": o.ops.id, "blocks": "[{", **TEXT},
        "invalid_blocks_format",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.ops.id, "blocks": [{"type": "divider"}], **TEXT},
        lambda o: {"channel": o.ops.id, "blocks": BAD_BLOCKS, **TEXT},
        "invalid_blocks",
    ),
    (
        "chat.postMessage",
        lambda o: {
            "channel": o.ops.id,
            "metadata": {"event_type": "e", "event_payload": {}},
            **TEXT,
        },
        lambda o: {"channel": o.ops.id, "metadata": {"event_type": "e"}, **TEXT},
        "invalid_metadata_schema",
    ),
    (
        "chat.postEphemeral",
        lambda o: {"channel": o.ops.id, "user": o.erin.id, **TEXT},
        lambda o: {"channel": o.ops.id, "user": o.guest.id, **TEXT},
        "user_not_in_channel",
    ),
    (
        "chat.update",
        lambda o: {"channel": o.ops.id, "ts": posted(o), **TEXT},
        lambda o: {"channel": o.ops.id, "ts": "1.000001", **TEXT},
        "message_not_found",
    ),
    (
        "chat.update",
        lambda o: {"channel": o.ops.id, "ts": posted(o), "text": "x" * 4000},
        lambda o: {"channel": o.ops.id, "ts": posted(o), "text": "x" * 4001},
        "msg_too_long",
    ),
    (
        "chat.update",
        lambda o: {"channel": o.ops.id, "ts": posted(o), **TEXT},
        lambda o: {"channel": o.erin.id, "ts": posted(o), **TEXT},
        "channel_not_found",
    ),
    (
        "chat.update",
        lambda o: {"channel": o.ops.id, "ts": posted(o), **TEXT},
        lambda o: {
            "channel": o.ops.id,
            "ts": o.double.as_user(o.erin).say("mine", o.ops).ts,
            **TEXT,
        },
        "cant_update_message",
    ),
    (
        "chat.update",
        lambda o: {"channel": o.ops.id, "ts": posted(o), **TEXT},
        lambda o: {"channel": o.ops.id, "ts": posted_then(o, is_archived=True), **TEXT},
        "is_inactive",
    ),
    (
        "chat.update",
        lambda o: {"channel": o.ops.id, "ts": posted(o), **TEXT},
        lambda o: {"channel": o.ops.id, "ts": posted_then(o, bot_in=False), **TEXT},
        "cant_update_message",
    ),
    (
        "chat.update",
        lambda o: {"channel": o.ops.id, "ts": posted(o), **TEXT},
        lambda o: {"channel": o.ops.id, "ts": posted_and_deleted(o), **TEXT},
        "message_not_found",
    ),
    (
        "chat.delete",
        lambda o: {"channel": o.ops.id, "ts": posted(o)},
        lambda o: {"channel": o.ops.id, "ts": posted_then(o, bot_in=False)},
        "cant_delete_message",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.erin.id, **TEXT},
        lambda o: {"channel": o.shy.id, **TEXT},
        "channel_not_found",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.workspace.dm(o.erin.id).id, **TEXT},
        lambda o: {"channel": o.workspace.dm(o.gone.id).id, **TEXT},
        "channel_not_found",
    ),
    (
        "chat.postMessage",
        lambda o: {"channel": o.erin.id, **TEXT},
        lambda o: {"channel": without_messages_tab(o), **TEXT},
        "messages_tab_disabled",
    ),
    (
        "conversations.open",
        lambda o: {"users": o.erin.id},
        lambda o: {"users": o.shy.id},
        "user_not_visible",
    ),
    (
        "chat.delete",
        lambda o: {"channel": o.ops.id, "ts": posted(o)},
        lambda o: {"channel": o.ops.id, "ts": o.double.as_user(o.erin).say("mine", o.ops).ts},
        "cant_delete_message",
    ),
    (
        "conversations.open",
        lambda o: {"users": o.erin.id},
        lambda _: {"users": "U404"},
        "user_not_found",
    ),
    (
        "conversations.open",
        lambda o: {"users": o.erin.id, "return_im": True},
        lambda _: {"users": ""},
        "users_list_not_supplied",
    ),
    (
        "conversations.open",
        lambda o: {"users": o.erin.id},
        lambda o: {"users": o.bot.id},
        "cannot_dm_bot",
    ),
    (
        "conversations.open",
        lambda o: {"users": o.guest.id},
        lambda o: {"users": o.gone.id},
        "user_disabled",
    ),
    (
        "conversations.open",
        lambda o: {"users": o.guest.id},
        lambda o: {"users": o.stranger.id},
        "user_not_visible",
    ),
    (
        "conversations.info",
        lambda o: {"channel": o.elsewhere.id, "include_num_members": True},
        lambda o: {"channel": o.secret.id},
        "channel_not_found",
    ),
    (
        "conversations.history",
        lambda o: {"channel": o.ops.id},
        lambda o: {"channel": o.elsewhere.id},
        "not_in_channel",
    ),
    (
        "conversations.history",
        lambda o: {"channel": o.ops.id, "limit": 999},
        lambda o: {"channel": o.ops.id, "limit": 1000},
        "invalid_arguments",
    ),
    (
        "conversations.history",
        lambda o: {"channel": o.ops.id, "oldest": "1.5"},
        lambda o: {"channel": o.ops.id, "oldest": "yesterday"},
        "invalid_ts_oldest",
    ),
    (
        "conversations.history",
        lambda o: {"channel": o.ops.id, "latest": "1.5"},
        lambda o: {"channel": o.ops.id, "latest": "now"},
        "invalid_ts_latest",
    ),
    (
        "conversations.members",
        lambda o: {"channel": o.ops.id, "limit": 999},
        lambda o: {"channel": o.ops.id, "limit": 1000},
        "invalid_limit",
    ),
    (
        "conversations.list",
        lambda _: {"types": "public_channel,private_channel,im"},
        lambda _: {"types": "mpim"},
        "invalid_types",
    ),
    ("conversations.list", lambda _: {"limit": 999}, lambda _: {"limit": 1000}, "invalid_limit"),
    (
        "conversations.members",
        lambda o: {"channel": o.ops.id, "cursor": "1"},
        lambda o: {"channel": o.ops.id, "cursor": "next"},
        "invalid_cursor",
    ),
    ("users.info", lambda o: {"user": o.gone.id}, lambda _: {"user": "U404"}, "user_not_found"),
    (
        "usergroups.users.list",
        lambda o: {"usergroup": o.group.id},
        lambda _: {"usergroup": "S404"},
        "no_such_subteam",
    ),
    (
        "usergroups.users.list",
        lambda o: {"usergroup": o.sleeping.id, "include_disabled": True},
        lambda o: {"usergroup": o.sleeping.id},
        "no_such_subteam",
    ),
    (
        "views.publish",
        lambda o: {"user_id": o.erin.id, "view": HOME},
        lambda _: {"user_id": "U404", "view": HOME},
        "invalid_arguments",
    ),
    (
        "views.publish",
        lambda o: {"user_id": o.erin.id, "view": HOME},
        lambda o: {"user_id": o.erin.id, "view": view()},
        "invalid_arguments",
    ),
]
