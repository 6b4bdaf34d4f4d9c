"""The rules of elements and small objects: what passes, what fails, and Slack's page."""

from __future__ import annotations

from tests.support.block_examples import (
    CONFIRM,
    DIVIDER,
    GROUP,
    TYPED,
    Case,
    actions,
    asked,
    button,
    modal,
    mrkdwn,
    option,
    plain,
    section,
    select,
)

_BLOCK = "https://docs.slack.dev/reference/block-kit/blocks"
_ELEMENT = "https://docs.slack.dev/reference/block-kit/block-elements"
_OBJECT = "https://docs.slack.dev/reference/block-kit/composition-objects"
AT = "[json-pointer:/view/blocks/0"

CASES = [
    Case(
        "a button is default, primary or danger",
        f"{_ELEMENT}/button-element",
        modal(actions(button(style="danger"))),
        modal(actions(button(style="warning"))),
        f"must be a valid enum value {AT}/elements/0/style]",
    ),
    Case(
        "a button's text is plain",
        f"{_ELEMENT}/button-element",
        modal(actions(button())),
        modal(actions(button(text=mrkdwn()))),
        f"unsupported type: mrkdwn {AT}/elements/0/text/type]",
    ),
    *(
        Case(
            f"a confirm dialog needs {name}",
            f"{_OBJECT}/confirmation-dialog-object",
            modal(actions(button(confirm=CONFIRM))),
            modal(actions(button(confirm={k: v for k, v in CONFIRM.items() if k != name}))),
            f"missing required field: {name} {AT}/elements/0/confirm]",
        )
        for name in CONFIRM
    ),
    *(
        Case(
            f"an option needs {name}",
            f"{_OBJECT}/option-object",
            modal(asked(select())),
            modal(asked(select(options=[{k: v for k, v in option().items() if k != name}]))),
            f"missing required field: {name} {AT}/element/options/0]",
        )
        for name in ("text", "value")
    ),
    *(
        Case(
            f"a group of options needs {name}",
            f"{_OBJECT}/option-group-object",
            modal(asked({"type": "static_select", "option_groups": [GROUP]})),
            modal(
                asked(
                    {
                        "type": "static_select",
                        "option_groups": [{k: v for k, v in GROUP.items() if k != name}],
                    }
                )
            ),
            f"missing required field: {name} {AT}/element/option_groups/0]",
        )
        for name in GROUP
    ),
    Case(
        "a confirm dialog's text is plain",
        f"{_OBJECT}/confirmation-dialog-object",
        modal(actions(button(confirm=CONFIRM))),
        modal(actions(button(confirm={**CONFIRM, "text": mrkdwn()}))),
        f"unsupported type: mrkdwn {AT}/elements/0/confirm/text/type]",
    ),
    Case(
        "a select offers something",
        f"{_ELEMENT}/select-menu-element",
        modal(asked(select())),
        modal(asked(select(options=[]))),
        f"no fewer than 1 items allowed {AT}/element/options]",
    ),
    Case(
        "a select has options or groups",
        f"{_ELEMENT}/select-menu-element",
        modal(asked({"type": "static_select", "option_groups": [GROUP]})),
        modal(asked({"type": "static_select"})),
        f"must define either `options` or `option_groups` {AT}/element]",
    ),
    Case(
        "a select has not both",
        f"{_ELEMENT}/select-menu-element",
        modal(asked(select())),
        modal(asked(select(option_groups=[GROUP]))),
        f"must define only one of `options` or `option_groups` {AT}/element]",
    ),
    Case(
        "the initial option is one of them",
        f"{_ELEMENT}/select-menu-element",
        modal(asked(select(initial_option=option()))),
        modal(asked(select(initial_option=option("other")))),
        f"must be one of the provided options {AT}/element/initial_option]",
    ),
    Case(
        "the initial choices are among them",
        f"{_ELEMENT}/checkboxes-element",
        modal(asked({"type": "checkboxes", "options": [option()], "initial_options": [option()]})),
        modal(
            asked({"type": "checkboxes", "options": [option()], "initial_options": [option("o")]})
        ),
        f"must be one of the provided options {AT}/element/initial_options/0]",
    ),
    Case(
        "values differ",
        f"{_OBJECT}/option-object",
        modal(asked(select(options=[option("1"), option("2")]))),
        modal(asked(select(options=[option("1"), option("1")]))),
        f"option value `1` is used twice {AT}/element]",
    ),
    Case(
        "an option of a menu is plain text; of radio buttons it may be mrkdwn",
        f"{_OBJECT}/option-object",
        modal(asked({"type": "radio_buttons", "options": [{**option(), "text": mrkdwn()}]})),
        modal(asked(select(options=[{**option(), "text": mrkdwn()}]))),
        f"unsupported type: mrkdwn {AT}/element/options/0/text/type]",
    ),
    Case(
        "only an overflow menu's option has a url",
        f"{_OBJECT}/option-object",
        modal(actions({"type": "overflow", "options": [{**option(), "url": "https://x.test"}]})),
        modal(asked(select(options=[{**option(), "url": "https://x.test"}]))),
        f"invalid additional property: url {AT}/element/options/0]",
    ),
    Case(
        "a date is a date",
        f"{_ELEMENT}/date-picker-element",
        modal(asked({"type": "datepicker", "initial_date": "2026-02-28"})),
        modal(asked({"type": "datepicker", "initial_date": "2026-13-01"})),
        f"must match the required pattern {AT}/element/initial_date]",
    ),
    Case(
        "a time is a time",
        f"{_ELEMENT}/time-picker-element",
        modal(asked({"type": "timepicker", "initial_time": "23:59"})),
        modal(asked({"type": "timepicker", "initial_time": "24:00"})),
        f"must match the required pattern {AT}/element/initial_time]",
    ),
    Case(
        "a number input says whether decimals are allowed",
        f"{_ELEMENT}/number-input-element",
        modal(asked({"type": "number_input", "is_decimal_allowed": False})),
        modal(asked({"type": "number_input"})),
        f"missing required field: is_decimal_allowed {AT}/element]",
    ),
    Case(
        "the least length is not above the most",
        f"{_ELEMENT}/plain-text-input-element",
        modal(asked({**TYPED, "min_length": 2, "max_length": 2})),
        modal(asked({**TYPED, "min_length": 3, "max_length": 2})),
        f"min_length must be at most max_length {AT}/element/min_length]",
    ),
    Case(
        "when to dispatch needs dispatch_action",
        f"{_OBJECT}/dispatch-action-configuration-object",
        modal(
            asked(
                {
                    **TYPED,
                    "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
                },
                dispatch_action=True,
            )
        ),
        modal(
            asked({**TYPED, "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]}})
        ),
        f"`dispatch_action_config` needs `dispatch_action` {AT}/element]",
    ),
    Case(
        "when to dispatch is one of two",
        f"{_OBJECT}/dispatch-action-configuration-object",
        modal(
            asked(
                {
                    **TYPED,
                    "dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]},
                },
                dispatch_action=True,
            )
        ),
        modal(
            asked(
                {**TYPED, "dispatch_action_config": {"trigger_actions_on": ["on_blur"]}},
                dispatch_action=True,
            )
        ),
        f"must be a valid enum value {AT}/element/dispatch_action_config/trigger_actions_on/0]",
    ),
    Case(
        "a flag is true or false",
        f"{_BLOCK}/input-block",
        modal(asked(TYPED, optional=True)),
        modal(asked(TYPED, optional="true")),
        f"must be a boolean {AT}/optional]",
    ),
    Case(
        "an id is a string",
        _BLOCK,
        modal({**DIVIDER, "block_id": "7"}),
        modal({**DIVIDER, "block_id": 7}),
        f"must provide a string {AT}/block_id]",
    ),
    Case(
        "a list is a list",
        f"{_BLOCK}/section-block",
        modal(section(fields=[plain()])),
        modal(section(fields=plain())),
        f"must provide an array {AT}/fields]",
    ),
]
