"""Reading a message or view as a person would: its words and its buttons, for assertions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.playground.slack.blockkit import elements_of
from bot.playground.slack.records import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bot.playground.slack.records import Json, View


def _texts(block: Json) -> Iterator[str]:
    for name in ("text", "label", "hint"):
        if name in block:
            yield block[name]["text"]
    for one in block.get("fields") or ():
        yield one["text"]
    if block["type"] == "context":
        for one in block["elements"]:
            yield one["text"]


def words(shown: Message | View) -> str:
    """Return every line of text in the blocks; of a message without blocks, its text."""
    lines = [line for block in shown.blocks for line in _texts(block)]
    if not lines and isinstance(shown, Message):
        return shown.text
    return "\n".join(lines)


def buttons(shown: Message | View) -> dict[str, str]:
    """Return {action_id: label} of the buttons."""
    return {
        element["action_id"]: element["text"]["text"]
        for block in shown.blocks
        for element in elements_of(block)
        if element["type"] == "button"
    }


def inputs(shown: Message | View) -> dict[str, str]:
    """Return {action_id: block_id} of everything that can be filled in."""
    return {
        element["action_id"]: block["block_id"]
        for block in shown.blocks
        for element in elements_of(block)
        if element["type"] not in ("button", "overflow")
    }
