"""Each limit of Block Kit: what just fits is taken, one more is refused where it stands.

The numbers are Slack's, written here a second time from its pages and not taken from the tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bot.playground.slack.blockkit import check_blocks, check_options
from bot.playground.slack.blockkit_blocks import BLOCKS, VIEWS
from bot.playground.slack.blockkit_elements import ELEMENTS
from bot.playground.slack.blockkit_kinds import Field, Items, Shape, Str, Text
from tests.support.block_examples import example, get, option, plain, problems, put, said

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = "https://docs.slack.dev/reference"
BLOCK_PAGE = f"{REFERENCE}/block-kit/blocks"
ELEMENT_PAGE = f"{REFERENCE}/block-kit/block-elements"
OBJECT_PAGE = f"{REFERENCE}/block-kit/composition-objects"
VIEW_PAGE = f"{REFERENCE}/views"

OPTION = f"{OBJECT_PAGE}/option-object"
CONFIRM = f"{OBJECT_PAGE}/confirmation-dialog-object"
MODAL = f"{VIEW_PAGE}/modal-views"
HOME = f"{VIEW_PAGE}/home-tab-views"
SELECT = f"{ELEMENT_PAGE}/select-menu-element"
MULTI = f"{ELEMENT_PAGE}/multi-select-menu-element"
NUMBER = f"{ELEMENT_PAGE}/number-input-element"

LENGTHS: list[tuple[str, str, int, str]] = [
    ("section", "text/text", 3000, f"{BLOCK_PAGE}/section-block"),
    ("section", "fields/0/text", 2000, f"{BLOCK_PAGE}/section-block"),
    ("header", "text/text", 150, f"{BLOCK_PAGE}/header-block"),
    ("context", "elements/0/text", 3000, f"{OBJECT_PAGE}/text-object"),
    ("input", "label/text", 2000, f"{BLOCK_PAGE}/input-block"),
    ("input", "hint/text", 2000, f"{BLOCK_PAGE}/input-block"),
    ("button", "text/text", 75, f"{ELEMENT_PAGE}/button-element"),
    ("button", "value", 2000, f"{ELEMENT_PAGE}/button-element"),
    ("button", "url", 3000, f"{ELEMENT_PAGE}/button-element"),
    ("button", "accessibility_label", 75, f"{ELEMENT_PAGE}/button-element"),
    ("button", "confirm/title/text", 100, CONFIRM),
    ("button", "confirm/text/text", 300, CONFIRM),
    ("button", "confirm/confirm/text", 30, CONFIRM),
    ("button", "confirm/deny/text", 30, CONFIRM),
    ("overflow", "options/0/text/text", 75, OPTION),
    ("overflow", "options/0/value", 75, OPTION),
    ("overflow", "options/0/description/text", 75, OPTION),
    ("overflow", "options/0/url", 3000, OPTION),
    ("static_select", "options/0/text/text", 75, OPTION),
    ("static_select", "options/0/value", 75, OPTION),
    ("static_select", "options/0/description/text", 75, OPTION),
    ("external_select", "initial_option/value", 75, OPTION),
    ("multi_static_select", "option_groups/0/label/text", 75, f"{OBJECT_PAGE}/option-group-object"),
    ("multi_static_select", "option_groups/0/options/0/value", 75, OPTION),
    ("multi_external_select", "initial_options/0/value", 75, OPTION),
    ("checkboxes", "options/0/text/text", 75, OPTION),
    ("checkboxes", "options/0/value", 75, OPTION),
    ("radio_buttons", "options/0/text/text", 75, OPTION),
    ("radio_buttons", "options/0/value", 75, OPTION),
    ("timepicker", "timezone", 100, f"{ELEMENT_PAGE}/time-picker-element"),
    ("plain_text_input", "initial_value", 3000, f"{ELEMENT_PAGE}/plain-text-input-element"),
    ("number_input", "initial_value", 40, NUMBER),
    ("number_input", "min_value", 40, NUMBER),
    ("number_input", "max_value", 40, NUMBER),
    ("modal", "title/text", 24, MODAL),
    ("modal", "submit/text", 24, MODAL),
    ("modal", "close/text", 24, MODAL),
    ("modal", "private_metadata", 3000, MODAL),
    ("modal", "callback_id", 255, MODAL),
    ("modal", "external_id", 255, MODAL),
    ("home", "private_metadata", 3000, HOME),
    ("home", "callback_id", 255, HOME),
    ("home", "external_id", 255, HOME),
    *((name, "block_id", 255, f"{BLOCK_PAGE}/{name}-block") for name in BLOCKS),
    *((name, "action_id", 255, ELEMENTS[name].doc) for name in ELEMENTS),
    *(
        (name, "placeholder/text", 150, ELEMENTS[name].doc)
        for name in ELEMENTS
        if "placeholder" in ELEMENTS[name].fields
    ),
]

COUNTS: list[tuple[str, str, int, str]] = [
    ("modal", "blocks", 100, MODAL),
    ("home", "blocks", 100, HOME),
    ("section", "fields", 10, f"{BLOCK_PAGE}/section-block"),
    ("context", "elements", 10, f"{BLOCK_PAGE}/context-block"),
    ("actions", "elements", 25, f"{BLOCK_PAGE}/actions-block"),
    ("overflow", "options", 5, f"{ELEMENT_PAGE}/overflow-menu-element"),
    ("static_select", "options", 100, SELECT),
    ("multi_static_select", "option_groups", 100, MULTI),
    (
        "multi_static_select",
        "option_groups/0/options",
        100,
        f"{OBJECT_PAGE}/option-group-object",
    ),
    ("multi_external_select", "initial_options", 100, MULTI),
    ("checkboxes", "options", 10, f"{ELEMENT_PAGE}/checkboxes-element"),
    ("radio_buttons", "options", 10, f"{ELEMENT_PAGE}/radio-button-group-element"),
]


@pytest.mark.parametrize(("name", "path", "most", "doc"), LENGTHS)
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(
    name: str, path: str, most: int, doc: str
) -> None:
    view, at, shape = example(name)
    put(shape, path, "x" * most)
    assert said(view) == []
    put(shape, path, "x" * (most + 1))
    assert said(view) == [f"must be less than {most + 1} characters [json-pointer:{at}/{path}]"]
    assert doc.startswith(REFERENCE)


@pytest.mark.parametrize(("name", "path", "most", "doc"), COUNTS)
def test_a_list_may_be_as_long_as_its_limit_and_no_longer(
    name: str, path: str, most: int, doc: str
) -> None:
    view, at, shape = example(name)
    put(shape, path, many(get(shape, path), path, most))
    assert said(view) == []
    put(shape, path, many(get(shape, path), path, most + 1))
    assert said(view) == [f"no more than {most} items allowed [json-pointer:{at}/{path}]"]
    assert doc.startswith(REFERENCE)


def many(items: list[Any], path: str, count: int) -> list[Any]:
    """That many items like the first, each with ids of its own."""
    if path == "blocks":
        return [{"type": "divider"}] * count
    if path.endswith("option_groups"):
        return [{"label": plain(), "options": [option(str(n))]} for n in range(count)]
    if path.endswith("options"):
        return [{**items[0], "value": str(n)} for n in range(count)]
    return [{k: v for k, v in items[0].items() if k != "action_id"}] * count


def test_a_message_has_at_most_50_blocks() -> None:
    """https://docs.slack.dev/reference/block-kit/blocks"""
    assert check_blocks([{"type": "divider"}] * 50) == []
    (problem,) = check_blocks([{"type": "divider"}] * 51)
    assert str(problem) == "no more than 50 items allowed [json-pointer:/blocks]"


def test_a_suggestion_has_at_most_100_options_and_may_have_none() -> None:
    """https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload"""
    assert check_options({"options": []}) == []
    assert check_options({"options": [option(str(n)) for n in range(100)]}) == []
    (problem,) = check_options({"options": [option(str(n)) for n in range(101)]})
    assert str(problem) == "no more than 100 items allowed [json-pointer:/options]"
    assert check_options({})
    assert check_options({"options": [], "option_groups": []})


NUMBERS = [
    ("external_select", "min_query_length", 0, 100, SELECT),
    ("multi_external_select", "max_selected_items", 1, 100, MULTI),
    ("plain_text_input", "min_length", 0, 3000, f"{ELEMENT_PAGE}/plain-text-input-element"),
    ("plain_text_input", "max_length", 1, 3000, f"{ELEMENT_PAGE}/plain-text-input-element"),
    (
        "datetimepicker",
        "initial_date_time",
        1_000_000_000,
        9_999_999_999,
        f"{ELEMENT_PAGE}/datetime-picker-element",
    ),
]


@pytest.mark.parametrize(("name", "path", "least", "most", "doc"), NUMBERS)
def test_a_number_stays_within_its_limits(
    name: str, path: str, least: int, most: int, doc: str
) -> None:
    view, at, shape = example(name)
    for fits in (least, most):
        put(shape, path, fits)
        assert said(view) == []
    for beyond in (least - 1, most + 1, "7", True, 1.5):
        put(shape, path, beyond)
        (problem,) = problems(view)
        assert problem.pointer == f"{at}/{path}"
    assert doc.startswith(REFERENCE)


def paths(field: Field | Any, path: str) -> Iterator[tuple[str, bool]]:
    """Every limit under a field: (path, whether it is a list's)."""
    kind = field.kind if isinstance(field, Field) else field
    if isinstance(kind, Items):
        yield path, True
        yield from paths(kind.of, f"{path}/0")
    elif isinstance(kind, Text):
        yield f"{path}/text", False
    elif isinstance(kind, Str) and not kind.one_of and (not kind.pattern or kind.most > 255):
        yield path, False
    elif isinstance(kind, Shape):
        for name, inner in kind.fields.items():
            yield from paths(inner, f"{path}/{name}")


def test_every_limit_of_the_tables_has_a_row_here() -> None:
    """An option or confirm dialog has the same limits wherever it stands: one place is enough."""
    tried = {(name, path) for name, path, *_ in [*LENGTHS, *COUNTS]}
    tails = {path.rsplit("options/0/", 1)[-1] for _, path in tried}
    missing = [
        (shape.name, path)
        for shape in [*BLOCKS.values(), *ELEMENTS.values(), *VIEWS.values()]
        for name, field in shape.fields.items()
        for path, _ in paths(field, name)
        if (shape.name, path) not in tried
        and path.rsplit("options/0/", 1)[-1] not in tails
        and not path.startswith(("confirm/", "initial_option", "dispatch_action_config/"))
        and path not in ("options", "option_groups", "option_groups/0/options")
    ]
    assert missing == []


def test_every_shape_names_its_page() -> None:
    for shape in [*BLOCKS.values(), *ELEMENTS.values(), *VIEWS.values()]:
        assert shape.doc.startswith(f"{REFERENCE}/")
