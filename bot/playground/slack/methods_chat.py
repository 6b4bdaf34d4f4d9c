"""chat.* of the Web API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.playground.slack import messages, places
from bot.playground.slack.webapi import ApiError, Call, Method

if TYPE_CHECKING:
    from bot.playground.slack.records import Channel, Json


def _post(call: Call) -> Json:
    said = messages.content(call.workspace, call.args)
    channel = places.postable(call.workspace, call.args["channel"])
    message = messages.post(call.workspace, channel.id, said)
    shown = messages.as_json(call.workspace, message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def _post_ephemeral(call: Call) -> Json:
    said = messages.content(call.workspace, call.args)
    channel = places.postable(call.workspace, call.args["channel"])
    user = call.args["user"]
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    message = messages.post(call.workspace, channel.id, said, visible_to=user)
    return {"message_ts": message.ts}


def _place_of(call: Call, outside: str, archived: str) -> Channel:
    """Return the conversation of a message to change: a person's id does not name one."""
    return places.changeable(call.workspace, call.args["channel"], outside, archived)


def _update(call: Call) -> Json:
    said = messages.content(call.workspace, call.args, messages.MAX_UPDATE_TEXT)
    channel = _place_of(call, "cant_update_message", "is_inactive")
    message = messages.own(call.workspace, channel.id, call.args["ts"], "cant_update_message")
    changed = messages.change(call.workspace, message, said)
    shown = messages.as_json(call.workspace, changed, with_metadata=True)
    return {"channel": channel.id, "ts": changed.ts, "text": changed.text, "message": shown}


def _delete(call: Call) -> Json:
    channel = _place_of(call, "cant_delete_message", "cant_delete_message")
    message = messages.own(call.workspace, channel.id, call.args["ts"], "cant_delete_message")
    messages.delete(call.workspace, message)
    return {"channel": channel.id, "ts": message.ts}


METHODS = {
    "chat.postMessage": Method(
        _post,
        {
            "channel": "str",
            "text": "str",
            "blocks": "json",
            "metadata": "json",
            "unfurl_links": "flag",
            "unfurl_media": "flag",
        },
        ("channel",),
        "chat:write",
    ),
    "chat.postEphemeral": Method(
        _post_ephemeral,
        {"channel": "str", "user": "str", "text": "str", "blocks": "json"},
        ("channel", "user"),
        "chat:write",
    ),
    "chat.update": Method(
        _update,
        {"channel": "str", "ts": "str", "text": "str", "blocks": "json", "metadata": "json"},
        ("channel", "ts"),
        "chat:write",
    ),
    "chat.delete": Method(
        _delete, {"channel": "str", "ts": "str"}, ("channel", "ts"), "chat:write"
    ),
}
