"""Small valid examples of every modelled block, element and view of Block Kit."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bot.playground.slack.blockkit import check_blocks, check_view

if TYPE_CHECKING:
    from bot.playground.slack.blockkit_kinds import Problem

Json = dict[str, Any]


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


def option(value: str = "v") -> Json:
    return {"text": plain(), "value": value, "description": plain()}


CONFIRM = {"title": plain(), "text": plain(), "confirm": plain(), "deny": plain()}
GROUP = {"label": plain(), "options": [option("grouped")]}

ELEMENTS: dict[str, Json] = {
    "button": {
        "text": plain(),
        "value": "v",
        "url": "https://x.test",
        "accessibility_label": "x",
        "confirm": CONFIRM,
    },
    "overflow": {"options": [{**option(), "url": "https://x.test"}]},
    "static_select": {"options": [option()], "placeholder": plain()},
    "external_select": {"placeholder": plain(), "initial_option": option()},
    "users_select": {"placeholder": plain()},
    "multi_static_select": {"option_groups": [GROUP], "placeholder": plain()},
    "multi_external_select": {
        "placeholder": plain(),
        "max_selected_items": 1,
        "initial_options": [option()],
    },
    "checkboxes": {"options": [option()]},
    "radio_buttons": {"options": [option()]},
    "datepicker": {"initial_date": "2026-11-22", "placeholder": plain()},
    "timepicker": {"initial_time": "09:30", "timezone": "Europe/Berlin", "placeholder": plain()},
    "datetimepicker": {"initial_date_time": 1_800_000_000},
    "plain_text_input": {
        "initial_value": "x",
        "min_length": 0,
        "max_length": 3000,
        "placeholder": plain(),
    },
    "number_input": {
        "is_decimal_allowed": False,
        "initial_value": "1",
        "min_value": "1",
        "max_value": "1",
        "placeholder": plain(),
    },
}

BLOCKS: dict[str, Json] = {
    "section": {"text": mrkdwn(), "fields": [mrkdwn()]},
    "header": {"text": plain()},
    "divider": {},
    "context": {"elements": [mrkdwn()]},
    "actions": {"elements": [{"type": "button", "action_id": "a", "text": plain()}]},
    "input": {
        "label": plain(),
        "hint": plain(),
        "element": {"type": "plain_text_input", "action_id": "a"},
    },
}

VIEWS: dict[str, Json] = {
    "modal": {
        "title": plain(),
        "submit": plain(),
        "close": plain(),
        "private_metadata": "x",
        "callback_id": "x",
        "external_id": "x",
        "blocks": [],
    },
    "home": {"private_metadata": "x", "callback_id": "x", "external_id": "x", "blocks": []},
}


def example(name: str) -> tuple[Json, str, Json]:
    """A view that holds the example, the pointer to it, and the example itself, all to change."""
    if name in VIEWS:
        view = {"type": name, **deepcopy(VIEWS[name])}
        return view, "/view", view
    view = {"type": "modal", **deepcopy(VIEWS["modal"])}
    if name in BLOCKS:
        block = {"type": name, "block_id": "b", **deepcopy(BLOCKS[name])}
        view["blocks"] = [block]
        return view, "/view/blocks/0", block
    one = {"type": name, "action_id": "a", **deepcopy(ELEMENTS[name])}
    if name in ("button", "overflow"):
        view["blocks"] = [{"type": "actions", "elements": [one]}]
        return view, "/view/blocks/0/elements/0", one
    view["blocks"] = [{"type": "input", "label": plain(), "element": one}]
    return view, "/view/blocks/0/element", one


def problems(view: Json) -> list[Problem]:
    """What is wrong with a view, of whichever surface it says."""
    return check_view(view, ("modal", "home"))


def said(view: Json) -> list[str]:
    """What is wrong with a view, as Slack would say it."""
    return [str(problem) for problem in problems(view)]


def said_of_message(blocks: list[Json]) -> list[str]:
    """What is wrong with a message's blocks, as Slack would say it."""
    return [str(problem) for problem in check_blocks(blocks)]


def put(into: Json, path: str, value: object) -> None:
    """Set what a pointer's rest, such as `fields/0/text`, names."""
    *way, last = path.split("/")
    at: Any = into
    for step in way:
        at = at[int(step)] if isinstance(at, list) else at[step]
    at[int(last) if isinstance(at, list) else last] = value


def get(out_of: Json, path: str) -> Any:
    """What a pointer's rest names."""
    at: Any = out_of
    for step in path.split("/"):
        at = at[int(step)] if isinstance(at, list) else at[step]
    return at


@dataclass(frozen=True)
class Case:
    """One rule. `refusal` is everything that Slack says of `fails`."""

    rule: str
    doc: str
    passes: Json
    fails: Json
    refusal: str


def modal(*blocks: Json, **changes: Any) -> Json:
    """A modal of these blocks; a change to None takes the field out."""
    view = {"type": "modal", **VIEWS["modal"], "blocks": list(blocks), **changes}
    return {name: value for name, value in view.items() if value is not None}


def home(*blocks: Json) -> Json:
    return {"type": "home", "blocks": list(blocks)}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def asked(element: Json, **more: Any) -> Json:
    """An input block around an element."""
    return {"type": "input", "label": plain(), "element": element, **more}


def button(action_id: str = "a", **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(), **more}


def section(**more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(), **more}


def select(**more: Any) -> Json:
    return {"type": "static_select", "action_id": "s", "options": [option()], **more}


TYPED = {"type": "plain_text_input", "action_id": "t"}
DIVIDER = {"type": "divider"}
