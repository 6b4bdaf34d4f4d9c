"""Each rule of Block Kit: a view that passes, and one that is refused for this and nothing else."""

from __future__ import annotations

import pytest

from bot.playground.slack.blockkit import check_view
from bot.playground.slack.blockkit_blocks import (
    BLOCKS,
    BLOCKS_NOT_MODELLED,
    IN_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    VIEWS,
)
from bot.playground.slack.blockkit_elements import ELEMENTS, NOT_MODELLED
from tests.support import block_rules, element_rules
from tests.support.block_examples import (
    DIVIDER,
    Case,
    actions,
    asked,
    button,
    example,
    home,
    modal,
    plain,
    said,
    said_of_message,
)


@pytest.mark.parametrize(
    "case", [*block_rules.CASES, *element_rules.CASES], ids=lambda case: case.rule
)
def test_a_rule_lets_through_and_refuses(case: Case) -> None:
    assert said(case.passes) == []
    assert said(case.fails) == [case.refusal]
    assert case.doc.startswith("https://docs.slack.dev/reference/")


@pytest.mark.parametrize("name", [*BLOCKS, *ELEMENTS, "modal", "home"])
def test_the_examples_are_valid(name: str) -> None:
    view, _, _ = example(name)
    assert said(view) == []


def test_every_problem_is_named_at_once() -> None:
    broken = modal({"type": "header"}, {"type": "marquee"}, title=plain("x" * 25))
    assert len(said(broken)) == 3


def test_messages_take_the_same_blocks() -> None:
    """Slack has taken input blocks in messages since 2020."""
    text = {"type": "plain_text_input", "action_id": "t"}
    assert said_of_message([DIVIDER, actions(button()), asked(text)]) == []
    assert said_of_message([{"type": "marquee"}]) == [
        "unsupported type: marquee [json-pointer:/blocks/0/type]"
    ]


def test_a_view_stands_on_its_own_surface() -> None:
    """https://docs.slack.dev/reference/views"""
    assert check_view(modal(), ("modal",)) == []
    assert check_view(home(), ("home",)) == []
    for view, surface in ((modal(), "home"), (home(), "modal"), ({"type": "workflow"}, "modal")):
        (problem,) = check_view(view, (surface,))  # type: ignore[arg-type]  # a literal of the loop
        assert str(problem) == f"unsupported type: {view['type']} [json-pointer:/view/type]"


def test_inputs_may_stand_in_home_without_submit() -> None:
    """https://docs.slack.dev/reference/block-kit/blocks/input-block"""
    assert said(home(asked({"type": "plain_text_input", "action_id": "t"}))) == []


def test_an_element_stands_where_its_page_says() -> None:
    """Each element in each kind of block: allowed exactly where the lists say."""
    for name in ELEMENTS:
        _, _, element = example(name)
        hosts = {
            "section": ({"type": "section", "text": plain(), "accessory": element}, IN_SECTION),
            "actions": (actions(element), IN_ACTIONS),
            "input": (asked(element), IN_INPUT),
        }
        for block, allowed in hosts.values():
            assert (said(modal(block)) == []) == (name in allowed)


def test_what_is_not_modelled_is_not_also_modelled() -> None:
    assert not BLOCKS_NOT_MODELLED & BLOCKS.keys()
    assert not NOT_MODELLED & ELEMENTS.keys()


@pytest.mark.parametrize("name", [*BLOCKS, *ELEMENTS, "modal", "home"])
def test_what_is_required_is_missed(name: str) -> None:
    shape = {**BLOCKS, **ELEMENTS, **VIEWS}[name]
    for field in (one for one, rule in shape.fields.items() if rule.required):
        view, at, whole = example(name)
        del whole[field]
        assert f"missing required field: {field} [json-pointer:{at}]" in said(view)
