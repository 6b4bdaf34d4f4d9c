"""What the app says back to one interaction: an ack's message, or a call of response_url."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.playground.slack import messages
from bot.playground.slack.webapi import ApiError, invalid_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.playground.slack.records import Json, Message, ResponseUrl
    from bot.playground.slack.workspace import Workspace

MODELLED = frozenset({"text", "blocks", "response_type", "replace_original", "delete_original"})


def use_url(workspace: Workspace, url_id: str, body: Any) -> Json:
    """Answer by response_url: 5 times in 30 minutes. Raises ApiError."""
    with workspace.lock:
        url = workspace.response_urls.get(url_id)
        if url is None:
            raise ApiError("invalid_url")
        if workspace.now > url.expires:
            raise ApiError("expired_url")
        if url.uses_left < 1:
            raise ApiError("used_url")
        url.uses_left -= 1
        say(workspace, url, body)
    return {"ok": True}


def say(workspace: Workspace, url: ResponseUrl, body: Any) -> Message | None:
    """Post, replace or delete as `body` says. Raises ApiError."""
    if not isinstance(body, dict):
        raise ApiError("invalid_payload")
    strange = sorted(body.keys() - MODELLED)
    if strange:
        raise invalid_arguments(f"not modelled: {', '.join(strange)}")
    if body.get("response_type", "ephemeral") not in ("ephemeral", "in_channel"):
        raise invalid_arguments("response_type must be ephemeral or in_channel")
    original = workspace.messages[url.channel].get(url.message_ts or "")
    if body.get("delete_original"):
        if original is not None:
            messages.delete(workspace, original)
        return None
    said = messages.content(workspace, body)
    if original is not None and body.get("replace_original"):
        return messages.change(workspace, original, said)
    public = body.get("response_type") == "in_channel"
    return messages.post(workspace, url.channel, said, visible_to=None if public else url.user)


def says_something(answer: Mapping[str, Any] | None) -> bool:
    """Whether an ack carries a message."""
    return bool(answer) and any(answer.get(name) for name in ("text", "blocks"))  # type: ignore[union-attr]  # bool() has ruled None out
