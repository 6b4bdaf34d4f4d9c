"""Posting, changing and deleting messages: what the Web API and response_url share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.playground.slack.blockkit import check_blocks, fill_ids
from bot.playground.slack.records import Json, Message
from bot.playground.slack.webapi import ApiError, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bot.playground.slack.workspace import Workspace

MAX_TEXT = 40_000
MAX_UPDATE_TEXT = 4_000


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says."""

    text: str
    blocks: tuple[Json, ...]
    metadata: Json | None


def content(workspace: Workspace, args: Mapping[str, Any], limit: int = MAX_TEXT) -> Content:
    """Return the content of a message to be sent, or refuse it.

    Text is demanded beside blocks: notifications and screen readers have nothing else. (Slack
    itself only warns.)
    """
    text = args.get("text") or ""
    blocks = args.get("blocks") or []
    if not isinstance(text, str) or not text.strip():
        raise ApiError("no_text")
    if len(text) > limit:
        raise ApiError("msg_too_long")
    problems = check_blocks(blocks)
    if problems:
        raise invalid("invalid_blocks", problems)
    metadata = args.get("metadata")
    if metadata is not None:
        _check_metadata(metadata)
    filled = fill_ids(blocks, lambda: workspace.new_id("b"))
    return Content(text, tuple(filled), metadata)


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict):
        raise ApiError("invalid_metadata_format")
    if metadata and set(metadata) != {"event_type", "event_payload"}:
        raise ApiError("invalid_metadata_schema")
    if metadata and not isinstance(metadata["event_payload"], dict):
        raise ApiError("invalid_metadata_schema")


def post(
    workspace: Workspace, channel: str, said: Content, visible_to: str | None = None
) -> Message:
    """Store a message of the app's; `visible_to` makes it ephemeral."""
    with workspace.lock:
        message = Message(
            channel=channel,
            ts=workspace.new_ts(),
            user=workspace.bot_user_id,
            bot_id=workspace.bot_id,
            text=said.text,
            blocks=said.blocks,
            metadata=said.metadata,
            visible_to=visible_to,
        )
        workspace.place(message)
    return message


def say(workspace: Workspace, channel: str, user: str, text: str) -> Message:
    """Store what a person typed; a person's text is never markup."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    with workspace.lock:
        message = Message(channel=channel, ts=workspace.new_ts(), user=user, text=escaped)
        workspace.place(message)
    return message


def own(workspace: Workspace, channel: str, ts: str, refusal: str) -> Message:
    """Return a message of the app's own, or refuse: `refusal` for anybody else's."""
    message = workspace.messages[channel].get(ts)
    if message is None or message.is_ephemeral:
        raise ApiError("message_not_found")
    if message.user != workspace.bot_user_id:
        raise ApiError(refusal)
    return message


def change(workspace: Workspace, message: Message, said: Content) -> Message:
    """Replace what a message says. Blocks that are not sent again are gone; metadata stays."""
    with workspace.lock:
        changed = replace(
            message,
            text=said.text,
            blocks=said.blocks,
            metadata=message.metadata if said.metadata is None else said.metadata or None,
            edited_ts=workspace.new_ts(),
        )
        workspace.place(changed)
    return changed


def delete(workspace: Workspace, message: Message) -> None:
    """Take a message away."""
    with workspace.lock:
        workspace.messages[message.channel].pop(message.ts, None)
    workspace.touch()


def as_json(workspace: Workspace, message: Message, *, with_metadata: bool = False) -> Json:
    """Return a message as Slack shows it."""
    shown: Json = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": workspace.team_id,
    }
    if message.bot_id:
        shown |= {"bot_id": message.bot_id, "app_id": workspace.app_id}
    if message.blocks:
        shown["blocks"] = list(message.blocks)
    if message.edited_ts:
        shown["edited"] = {"user": message.user, "ts": message.edited_ts}
    if with_metadata and message.metadata:
        shown["metadata"] = message.metadata
    return shown
