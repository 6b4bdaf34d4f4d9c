"""What people fill in: the values of a view or message, kept apart from its blocks."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from bot.playground.slack.blockkit import elements_of
from bot.playground.slack.blockkit_elements import all_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bot.playground.slack.records import Json, ValueKey

VALUE_FIELD = {
    "plain_text_input": "value",
    "number_input": "value",
    "static_select": "selected_option",
    "external_select": "selected_option",
    "radio_buttons": "selected_option",
    "multi_static_select": "selected_options",
    "multi_external_select": "selected_options",
    "checkboxes": "selected_options",
    "users_select": "selected_user",
    "datepicker": "selected_date",
    "timepicker": "selected_time",
    "datetimepicker": "selected_date_time",
}
_INITIAL_FIELD = {
    "value": "initial_value",
    "selected_option": "initial_option",
    "selected_options": "initial_options",
    "selected_user": "initial_user",
    "selected_date": "initial_date",
    "selected_time": "initial_time",
    "selected_date_time": "initial_date_time",
}


class FormError(AssertionError):
    """A person tried what the page would not let them do."""


def stateful(blocks: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    """Yield (block, element) for each element that holds a value."""
    for block in blocks:
        for element in elements_of(block):
            if element["type"] in VALUE_FIELD:
                yield block, element


def find(blocks: Sequence[Json], action_id: str, block_id: str | None = None) -> tuple[Json, Json]:
    """Return (block, element). Raises FormError when there is none, or more than one."""
    found = [
        (block, element)
        for block in blocks
        for element in elements_of(block)
        if element["action_id"] == action_id and block_id in (None, block["block_id"])
    ]
    if len(found) != 1:
        there = [e["action_id"] for b in blocks for e in elements_of(b)]
        raise FormError(f"{len(found)} elements have action_id {action_id!r}; there are {there}")
    return found[0]


def fresh(element: Json) -> Json:
    """Return the value that an element starts with."""
    name = VALUE_FIELD[element["type"]]
    empty: object = [] if name == "selected_options" else None
    return {"type": element["type"], name: element.get(_INITIAL_FIELD[name], empty)}


def content(element: Json, value: object, option: Callable[[object], Json]) -> object:
    """Return what goes into the value's field; `option` finds an offered option.

    Raises FormError for what the element cannot hold.
    """
    field = VALUE_FIELD[element["type"]]
    if value is None:
        return fresh({"type": element["type"]})[field]
    if field == "selected_options":
        if not isinstance(value, list | tuple):
            raise FormError(f"{element['action_id']} takes a list")
        return [option(one) for one in value]
    return option(value) if field == "selected_option" else value


def carry_over(old: Mapping[ValueKey, Json], blocks: Sequence[Json]) -> dict[ValueKey, Json]:
    """Return the values after an update: what was filled in stays where ids and type stay.

    A choice that is no longer offered is dropped. That is why an app changes the block_id of
    an input that it wants emptied.
    """
    values: dict[ValueKey, Json] = {}
    for block, element in stateful(blocks):
        key = (block["block_id"], element["action_id"])
        kept = old.get(key)
        same = kept is not None and kept["type"] == element["type"]
        if kept is not None and same and _still_offered(element, kept):
            values[key] = kept
        else:
            values[key] = fresh(element)
    return values


def _still_offered(element: Json, value: Json) -> bool:
    offered = list(all_options(element))
    if not offered:
        return True
    chosen = value.get("selected_options") or [value.get("selected_option")]
    return all(option is None or option in offered for option in chosen)


def as_state(values: Mapping[ValueKey, Json]) -> Json:
    """Return `state` as payloads carry it."""
    state: dict[str, Json] = {}
    for (block_id, action_id), value in values.items():
        state.setdefault(block_id, {})[action_id] = value
    return {"values": state}


def is_empty(value: Json) -> bool:
    """Whether nothing is filled in."""
    return value[VALUE_FIELD[value["type"]]] in (None, "", [])


def mistakes(blocks: Sequence[Json], values: Mapping[ValueKey, Json]) -> dict[str, str]:
    """Return {block_id: sentence} for what Slack's own dialog would not let through."""
    wrong: dict[str, str] = {}
    for block, element in stateful(blocks):
        if block["type"] != "input":
            continue
        value = values[block["block_id"], element["action_id"]]
        if is_empty(value):
            if not block.get("optional"):
                wrong[block["block_id"]] = "Please complete this required field."
            continue
        said = _mistake(element, value)
        if said:
            wrong[block["block_id"]] = said
    return wrong


def _mistake(element: Json, value: Json) -> str:
    text = value.get("value")
    if element["type"] == "plain_text_input":
        if len(text or "") < element.get("min_length", 0):
            return f"Please enter at least {element['min_length']} characters."
        most = element.get("max_length", 3000)
        if len(text or "") > most:
            return f"Please enter at most {most} characters."
    if element["type"] == "number_input":
        return _number_mistake(element, str(text))
    most = element.get("max_selected_items")
    if most and len(value.get("selected_options") or ()) > most:
        return f"Please choose at most {most}."
    return ""


def _number_mistake(element: Json, text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return "Please enter a valid number."
    if not element["is_decimal_allowed"] and number != number.to_integral_value():
        return "Please enter a whole number."
    if "min_value" in element and number < Decimal(element["min_value"]):
        return f"Please enter a number of at least {element['min_value']}."
    if "max_value" in element and number > Decimal(element["max_value"]):
        return f"Please enter a number of at most {element['max_value']}."
    return ""
