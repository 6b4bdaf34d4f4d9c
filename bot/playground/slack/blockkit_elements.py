"""The table of elements and composition objects: fields, limits, and Slack's page about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot.playground.slack.blockkit_kinds import (
    ANY_TEXT,
    Field,
    Flag,
    Items,
    Problem,
    Problems,
    Shape,
    Str,
    Text,
    Whole,
    exactly_one,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REFERENCE = "https://docs.slack.dev/reference/block-kit"
_OBJECTS = f"{REFERENCE}/composition-objects"
_ELEMENTS = f"{REFERENCE}/block-elements"

ID = Str(255)
DATE = Str(10, pattern=r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
CLOCK_TIME = Str(5, pattern=r"([01]\d|2[0-3]):[0-5]\d")

CONFIRM = Shape(
    "confirm",
    f"{_OBJECTS}/confirmation-dialog-object",
    {
        "title": Field(Text(100), required=True),
        "text": Field(Text(300), required=True),
        "confirm": Field(Text(30), required=True),
        "deny": Field(Text(30), required=True),
        "style": Field(Str(7, one_of=("primary", "danger"))),
    },
    typed=False,
)


def _option(*, types: tuple[str, ...] = ("plain_text",), url: bool = False) -> Shape:
    fields = {
        "text": Field(Text(75, types), required=True),
        # Slack's pages name 75 and 150; 75 is right by both.
        "value": Field(Str(75), required=True),
        "description": Field(Text(75, types)),
    }
    if url:
        fields["url"] = Field(Str(3000, pattern=r"\S+"))
    return Shape("option", f"{_OBJECTS}/option-object", fields, typed=False)


OPTION = _option()
RICH_OPTION = _option(types=ANY_TEXT)
MENU_OPTION = _option(url=True)
OPTION_GROUP = Shape(
    "option_group",
    f"{_OBJECTS}/option-group-object",
    {
        "label": Field(Text(75), required=True),
        "options": Field(Items(OPTION, 100), required=True),
    },
    typed=False,
)
DISPATCH_CONFIG = Shape(
    "dispatch_action_config",
    f"{_OBJECTS}/dispatch-action-configuration-object",
    {
        "trigger_actions_on": Field(
            Items(Str(40, one_of=("on_enter_pressed", "on_character_entered")), 2), required=True
        )
    },
    typed=False,
)


def all_options(element: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every option of an element, grouped or not."""
    yield from element.get("options") or ()
    for group in element.get("option_groups") or ():
        yield from group["options"]


def _initial_is_an_option(element: Mapping[str, Any], at: str) -> Problems:
    offered = list(all_options(element))
    if "initial_option" in element and element["initial_option"] not in offered:
        yield Problem("must be one of the provided options", f"{at}/initial_option")
    for index, option in enumerate(element.get("initial_options") or ()):
        if option not in offered:
            yield Problem("must be one of the provided options", f"{at}/initial_options/{index}")


def _values_differ(element: Mapping[str, Any], at: str) -> Problems:
    seen: set[str] = set()
    for option in all_options(element):
        if option["value"] in seen:
            yield Problem(f"option value `{option['value']}` is used twice", at)
        seen.add(option["value"])


def _lengths_agree(element: Mapping[str, Any], at: str) -> Problems:
    if element.get("min_length", 0) > element.get("max_length", 3000):
        yield Problem("min_length must be at most max_length", f"{at}/min_length")


_ACTION = {"action_id": Field(ID)}
_CONFIRM = {"confirm": Field(CONFIRM)}
_FOCUS = {"focus_on_load": Field(Flag())}
_PLACEHOLDER = {"placeholder": Field(Text(150))}
_SELECT = _ACTION | _CONFIRM | _FOCUS | _PLACEHOLDER
_OPTIONS = {"options": Field(Items(OPTION, 100)), "option_groups": Field(Items(OPTION_GROUP, 100))}
_MANY = {"max_selected_items": Field(Whole(1, 100))}
_QUERY = {"min_query_length": Field(Whole(0, 100))}
_STATIC_RULES = (exactly_one("options", "option_groups"), _values_differ, _initial_is_an_option)
_SELECT_DOC = f"{_ELEMENTS}/select-menu-element"
_MULTI_DOC = f"{_ELEMENTS}/multi-select-menu-element"
_CHOICE_RULES = (_values_differ, _initial_is_an_option)


def _shape(
    name: str, page: str, fields: Mapping[str, Field], rules: tuple[Any, ...] = ()
) -> tuple[str, Shape]:
    doc = page if page.startswith("https://") else f"{_ELEMENTS}/{page}"
    return name, Shape(name, doc, dict(fields), rules)


ELEMENTS: dict[str, Shape] = dict(
    (
        _shape(
            "button",
            "button-element",
            _ACTION
            | _CONFIRM
            | {
                "text": Field(Text(75), required=True),
                "value": Field(Str(2000)),
                "url": Field(Str(3000)),
                "style": Field(Str(7, one_of=("primary", "danger"))),
                "accessibility_label": Field(Str(75)),
            },
        ),
        _shape(
            "overflow",
            "overflow-menu-element",
            _ACTION | _CONFIRM | {"options": Field(Items(MENU_OPTION, 5), required=True)},
            (_values_differ,),
        ),
        _shape(
            "static_select",
            _SELECT_DOC,
            _SELECT | _OPTIONS | {"initial_option": Field(OPTION)},
            _STATIC_RULES,
        ),
        _shape(
            "external_select", _SELECT_DOC, _SELECT | _QUERY | {"initial_option": Field(OPTION)}
        ),
        _shape(
            "users_select", _SELECT_DOC, _SELECT | {"initial_user": Field(Str(20, pattern=r"U\w+"))}
        ),
        _shape(
            "multi_static_select",
            _MULTI_DOC,
            _SELECT | _OPTIONS | _MANY | {"initial_options": Field(Items(OPTION, 100))},
            _STATIC_RULES,
        ),
        _shape(
            "multi_external_select",
            _MULTI_DOC,
            _SELECT | _QUERY | _MANY | {"initial_options": Field(Items(OPTION, 100))},
        ),
        _shape(
            "checkboxes",
            "checkboxes-element",
            _ACTION
            | _CONFIRM
            | _FOCUS
            | {
                "options": Field(Items(RICH_OPTION, 10), required=True),
                "initial_options": Field(Items(RICH_OPTION, 10)),
            },
            _CHOICE_RULES,
        ),
        _shape(
            "radio_buttons",
            "radio-button-group-element",
            _ACTION
            | _CONFIRM
            | _FOCUS
            | {
                "options": Field(Items(RICH_OPTION, 10), required=True),
                "initial_option": Field(RICH_OPTION),
            },
            _CHOICE_RULES,
        ),
        _shape("datepicker", "date-picker-element", _SELECT | {"initial_date": Field(DATE)}),
        _shape(
            "timepicker",
            "time-picker-element",
            _SELECT | {"initial_time": Field(CLOCK_TIME), "timezone": Field(Str(100))},
        ),
        _shape(
            "datetimepicker",
            "datetime-picker-element",
            _ACTION
            | _CONFIRM
            | _FOCUS
            | {"initial_date_time": Field(Whole(1_000_000_000, 9_999_999_999))},
        ),
        _shape(
            "plain_text_input",
            "plain-text-input-element",
            _ACTION
            | _FOCUS
            | _PLACEHOLDER
            | {
                "initial_value": Field(Str(3000, least=0)),
                "multiline": Field(Flag()),
                "min_length": Field(Whole(0, 3000)),
                "max_length": Field(Whole(1, 3000)),
                "dispatch_action_config": Field(DISPATCH_CONFIG),
            },
            (_lengths_agree,),
        ),
        _shape(
            "number_input",
            "number-input-element",
            _ACTION
            | _FOCUS
            | _PLACEHOLDER
            | {
                "is_decimal_allowed": Field(Flag(), required=True),
                "initial_value": Field(Str(40)),
                "min_value": Field(Str(40)),
                "max_value": Field(Str(40)),
                "dispatch_action_config": Field(DISPATCH_CONFIG),
            },
        ),
    )
)

NOT_MODELLED = frozenset(
    {
        "image",
        "rich_text_input",
        "file_input",
        "email_text_input",
        "url_text_input",
        "channels_select",
        "conversations_select",
        "multi_users_select",
        "multi_channels_select",
        "multi_conversations_select",
        "workflow_button",
        "feedback_buttons",
        "icon_button",
    }
)
