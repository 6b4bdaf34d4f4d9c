"""Checks messages and views as Slack would, and fills in the ids that Slack fills in.

`check_blocks` and `check_view` give every problem at once, in Slack's words; an empty list means
that Slack would take it. What Slack has and this double has not is a problem too: "not modelled".
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from bot.playground.slack.blockkit_blocks import BLOCK, MAX_BLOCKS, VIEWS, Surface
from bot.playground.slack.blockkit_elements import OPTION, OPTION_GROUP
from bot.playground.slack.blockkit_kinds import Items, Problem, Problems, exactly_one
from bot.playground.slack.records import MAX_VIEW_BYTES, Json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Surface", "check_blocks", "check_options", "check_view", "elements_of", "fill_ids"]


def check_blocks(blocks: Any) -> list[Problem]:
    """Everything wrong with the blocks of a message."""
    found = list(Items(BLOCK, MAX_BLOCKS["message"], least=0).check(blocks, "/blocks"))
    return found or list(_across(blocks, "/blocks"))


def check_view(view: Any, surfaces: tuple[Surface, ...]) -> list[Problem]:
    """Everything wrong with a view that must be of one of `surfaces` (modal or home)."""
    if not isinstance(view, dict):
        return [Problem("must provide an object", "/view")]
    if view.get("type") not in surfaces:
        return [Problem(f"unsupported type: {view.get('type')}", "/view/type")]
    found = list(VIEWS[view["type"]].check(view, "/view"))
    if found:
        return found
    found = list(_across(view["blocks"], "/view/blocks"))
    if view["type"] == "modal":
        found += _inputs_need_submit(view)
        found += _one_focus(view["blocks"])
    return found


def view_is_too_large(view: Json) -> bool:
    """Whether the view is over 250 kB, which has its own error."""
    return len(json.dumps(view, ensure_ascii=False).encode()) > MAX_VIEW_BYTES


def check_options(answer: Any) -> list[Problem]:
    """Everything wrong with the answer to a suggestion: options or groups of them."""
    if not isinstance(answer, dict):
        return [Problem("must provide an object", "")]
    found = list(exactly_one("options", "option_groups")(answer, ""))
    strange = sorted(answer.keys() - {"options", "option_groups"})
    found += [Problem(f"invalid additional property: {extra}", "") for extra in strange]
    if "options" in answer:
        found += Items(OPTION, 100, least=0).check(answer["options"], "/options")
    if "option_groups" in answer:
        found += Items(OPTION_GROUP, 100, least=0).check(answer["option_groups"], "/option_groups")
    return found


def elements_of(block: Json) -> Iterator[Json]:
    """Yield the interactive elements of a block."""
    if block["type"] == "actions":
        yield from block["elements"]
    for name in ("element", "accessory"):
        if name in block:
            yield block[name]


def fill_ids(blocks: list[Json], new_id: Callable[[], str]) -> list[Json]:
    """Return a copy with each missing block_id and action_id made up, as Slack does."""
    filled = deepcopy(blocks)
    for block in filled:
        if not block.get("block_id"):
            block["block_id"] = new_id()
        for element in elements_of(block):
            if not element.get("action_id"):
                element["action_id"] = new_id()
    return filled


def _across(blocks: list[Json], at: str) -> Problems:
    """Find what only shows between blocks: ids used twice."""
    block_ids: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id in block_ids:
            yield Problem(f'`block_id` "{block_id}" already exists', f"{at}/{index}/block_id")
        if block_id:
            block_ids.add(block_id)
        yield from _actions_differ(block, f"{at}/{index}")


def _actions_differ(block: Json, at: str) -> Problems:
    seen: set[str] = set()
    for index, element in enumerate(elements_of(block)):
        action_id = element.get("action_id")
        if action_id in seen:
            where = f"{at}/elements/{index}/action_id"
            yield Problem(f'`action_id` "{action_id}" already exists', where)
        if action_id:
            seen.add(action_id)


def _inputs_need_submit(view: Json) -> Problems:
    if "submit" in view:
        return
    for index, block in enumerate(view["blocks"]):
        if block["type"] == "input":
            message = "must define `submit` to use an `input` block in modals"
            yield Problem(message, f"/view/blocks/{index}/input")


def _one_focus(blocks: list[Json]) -> Problems:
    focused = [e for block in blocks for e in elements_of(block) if e.get("focus_on_load")]
    if len(focused) > 1:
        yield Problem("only one element may set `focus_on_load`", "/view/blocks")
