"""Block Kit, as little as is used: each maker keeps Slack's limits by cutting, never by failing."""

from collections.abc import Sequence
from typing import Any, Final

from bot.slack.text import clean, fit, one_line

Block = dict[str, Any]

MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
_SECTION: Final = 3000
_FIELD: Final = 2000
_FIELDS: Final = 10
_HEADER: Final = 150
_BUTTON: Final = 75
_TITLE: Final = 24
_LABEL: Final = 2000
_OPTION: Final = 75
_CONFIRM_TITLE: Final = 100
_CONFIRM_TEXT: Final = 300
_NO_TEXT: Final = "—"


def plain(text: str, limit: int = _SECTION) -> Block:
    """Make text that Slack shows literally: for everything that people wrote."""
    said = fit(clean(text), limit)
    return {"type": "plain_text", "text": said if said.strip() else _NO_TEXT, "emoji": False}


def mrkdwn(text: str, limit: int = _SECTION) -> Block:
    """Make text with markup. Everything from outside in it must have gone through `label`.

    Verbatim, so that a name that looks like an address or a channel becomes no link.
    """
    return {"type": "mrkdwn", "text": fit(text, limit) or _NO_TEXT, "verbatim": True}


def header(text: str) -> Block:
    """Make a header."""
    return {"type": "header", "text": plain(one_line(text), _HEADER)}


def section(text: Block, *, block_id: str | None = None, accessory: Block | None = None) -> Block:
    """Make a section of one text, perhaps with a button beside it."""
    block: Block = {"type": "section", "text": text}
    if accessory:
        block["accessory"] = accessory
    return _with_id(block, block_id)


def rows(pairs: Sequence[tuple[str, Block]]) -> Block:
    """Make labelled rows, label left and value right; at most five fit."""
    fields: list[Block] = []
    for name, value in pairs[: _FIELDS // 2]:
        fields.append(mrkdwn(f"*{name}*", _FIELD))
        fields.append({**value, "text": fit(value["text"], _FIELD)})
    return {"type": "section", "fields": fields}


def context(*texts: Block, block_id: str | None = None) -> Block:
    """Make small print of at most ten texts."""
    return _with_id({"type": "context", "elements": list(texts[:10])}, block_id)


def actions(*buttons: Block, block_id: str | None = None) -> Block:
    """Make a row of buttons."""
    return _with_id({"type": "actions", "elements": list(buttons)}, block_id)


def divider() -> Block:
    """Make a line across."""
    return {"type": "divider"}


def button(
    text: str,
    action_id: str,
    value: str | None = None,
    *,
    style: str | None = None,
    url: str | None = None,
    confirm: Block | None = None,
) -> Block:
    """Make a button; its value is an opaque id and never who somebody is."""
    made: Block = {"type": "button", "text": plain(text, _BUTTON), "action_id": action_id}
    extra = {"value": value, "style": style, "url": url, "confirm": confirm}
    return made | {name: given for name, given in extra.items() if given is not None}


def confirm(title: str, text: str, yes: str, no: str, *, style: str | None = None) -> Block:
    """Make the question that stands before a click counts."""
    made = {
        "title": plain(title, _CONFIRM_TITLE),
        "text": plain(text, _CONFIRM_TEXT),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
    }
    return made | ({"style": style} if style else {})


def option(text: str, value: str) -> Block:
    """Make a choice of a select; `value` must be at most 75 characters."""
    return {"text": plain(text, _OPTION), "value": value}


def input_block(
    name: str,
    element: Block,
    block_id: str,
    *,
    optional: bool = False,
    dispatch: bool = False,
    hint: str | None = None,
) -> Block:
    """Make a form field; `dispatch` tells us at once when it changes."""
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(name, _LABEL),
        "element": element,
        "optional": optional,
        "dispatch_action": dispatch,
    }
    return block | ({"hint": plain(hint, _LABEL)} if hint else {})


def modal(
    title: str,
    blocks: Sequence[Block],
    *,
    callback_id: str,
    submit: str | None = None,
    close: str = "Close",
    metadata: str = "",
) -> Block:
    """Make a modal."""
    view: Block = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, _TITLE),
        "close": plain(close, _TITLE),
        "blocks": list(blocks[:VIEW_BLOCKS]),
        "private_metadata": metadata,
    }
    return view | ({"submit": plain(submit, _TITLE)} if submit else {})


def _with_id(block: Block, block_id: str | None) -> Block:
    return {**block, "block_id": block_id} if block_id else block
