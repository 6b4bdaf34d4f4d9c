"""The table of blocks and views: fields, limits, where each may stand, and Slack's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from bot.playground.slack.blockkit_elements import ELEMENTS, ID, NOT_MODELLED, REFERENCE
from bot.playground.slack.blockkit_kinds import (
    ANY_TEXT,
    Field,
    Flag,
    Items,
    OneOf,
    Problem,
    Problems,
    Shape,
    Str,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Surface = Literal["message", "modal", "home"]
_BLOCKS = f"{REFERENCE}/blocks"
_VIEWS = "https://docs.slack.dev/reference/views"

MAX_BLOCKS: Mapping[Surface, int] = {"message": 50, "modal": 100, "home": 100}

_SELECTS = ("static_select", "external_select", "users_select")
_MULTI_SELECTS = ("multi_static_select", "multi_external_select")
_PICKERS = ("checkboxes", "radio_buttons", "datepicker", "timepicker")
IN_SECTION = ("button", "overflow", *_SELECTS, *_MULTI_SELECTS, *_PICKERS)
IN_ACTIONS = ("button", "overflow", *_SELECTS, *_PICKERS, "datetimepicker")
IN_INPUT = (
    *_SELECTS,
    *_MULTI_SELECTS,
    *_PICKERS,
    "datetimepicker",
    "plain_text_input",
    "number_input",
)


def _elements(names: tuple[str, ...]) -> OneOf:
    return OneOf({name: ELEMENTS[name] for name in names}, NOT_MODELLED)


def _text_or_fields(block: Mapping[str, Any], at: str) -> Problems:
    if "text" not in block and "fields" not in block:
        yield Problem("must define either `text` or `fields`", at)


def _dispatch_needs_it(block: Mapping[str, Any], at: str) -> Problems:
    config = "dispatch_action_config" in block["element"]
    if config and not block.get("dispatch_action"):
        yield Problem("`dispatch_action_config` needs `dispatch_action`", f"{at}/element")


_ID = {"block_id": Field(ID)}

BLOCKS: dict[str, Shape] = {
    "section": Shape(
        "section",
        f"{_BLOCKS}/section-block",
        _ID
        | {
            "text": Field(Text(3000, ANY_TEXT)),
            "fields": Field(Items(Text(2000, ANY_TEXT), 10)),
            "accessory": Field(_elements(IN_SECTION)),
            "expand": Field(Flag()),
        },
        (_text_or_fields,),
    ),
    "header": Shape(
        "header", f"{_BLOCKS}/header-block", _ID | {"text": Field(Text(150), required=True)}
    ),
    "divider": Shape("divider", f"{_BLOCKS}/divider-block", _ID),
    "context": Shape(
        "context",
        f"{_BLOCKS}/context-block",
        _ID | {"elements": Field(Items(Text(3000, ANY_TEXT), 10), required=True)},
    ),
    "actions": Shape(
        "actions",
        f"{_BLOCKS}/actions-block",
        _ID | {"elements": Field(Items(_elements(IN_ACTIONS), 25), required=True)},
    ),
    "input": Shape(
        "input",
        f"{_BLOCKS}/input-block",
        _ID
        | {
            "label": Field(Text(2000), required=True),
            "element": Field(_elements(IN_INPUT), required=True),
            "hint": Field(Text(2000)),
            "optional": Field(Flag()),
            "dispatch_action": Field(Flag()),
        },
        (_dispatch_needs_it,),
    ),
}

BLOCKS_NOT_MODELLED = frozenset(
    {
        "image",
        "rich_text",
        "video",
        "file",
        "markdown",
        "table",
        "alert",
        "card",
        "carousel",
        "context_actions",
        "plan",
        "task_card",
        "call",
        "share_shortcut",
    }
)

BLOCK = OneOf(BLOCKS, BLOCKS_NOT_MODELLED)

_VIEW = {
    "private_metadata": Field(Str(3000, least=0)),
    "callback_id": Field(Str(255, least=0)),
    "external_id": Field(Str(255, least=0)),
}

VIEWS: dict[str, Shape] = {
    "modal": Shape(
        "modal",
        f"{_VIEWS}/modal-views",
        _VIEW
        | {
            "title": Field(Text(24), required=True),
            "blocks": Field(Items(BLOCK, MAX_BLOCKS["modal"], least=0), required=True),
            "submit": Field(Text(24)),
            "close": Field(Text(24)),
            "clear_on_close": Field(Flag()),
            "notify_on_close": Field(Flag()),
            "submit_disabled": Field(Flag()),
        },
    ),
    "home": Shape(
        "home",
        f"{_VIEWS}/home-tab-views",
        _VIEW | {"blocks": Field(Items(BLOCK, MAX_BLOCKS["home"], least=0), required=True)},
    ),
}
