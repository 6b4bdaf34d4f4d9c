"""The rules of blocks and views other than limits: what passes, what fails, and Slack's page."""

from __future__ import annotations

from tests.support.block_examples import (
    DIVIDER,
    TYPED,
    Case,
    actions,
    asked,
    button,
    home,
    modal,
    mrkdwn,
    plain,
    section,
    select,
)

_BLOCK = "https://docs.slack.dev/reference/block-kit/blocks"
_ELEMENT = "https://docs.slack.dev/reference/block-kit/block-elements"
_OBJECT = "https://docs.slack.dev/reference/block-kit/composition-objects"
_MODAL = "https://docs.slack.dev/reference/views/modal-views"
_HOME = "https://docs.slack.dev/reference/views/home-tab-views"
AT = "[json-pointer:/view/blocks/0"

CASES = [
    Case(
        "a block's type must exist",
        _BLOCK,
        modal(DIVIDER),
        modal({"type": "marquee"}),
        f"unsupported type: marquee {AT}/type]",
    ),
    Case(
        "a type that Slack has and the double has not is said to be so",
        _BLOCK,
        modal(DIVIDER),
        modal({"type": "rich_text", "elements": []}),
        f"not modelled: rich_text {AT}/type]",
    ),
    Case(
        "a block is an object",
        _BLOCK,
        modal(DIVIDER),
        modal("divider"),  # type: ignore[arg-type]  # the mistake to be refused
        f"must provide an object {AT}]",
    ),
    Case(
        "a field must exist",
        f"{_BLOCK}/divider-block",
        modal(DIVIDER),
        modal({**DIVIDER, "colour": "red"}),
        f"invalid additional property: colour {AT}]",
    ),
    Case(
        "a section has text or fields",
        f"{_BLOCK}/section-block",
        modal({"type": "section", "fields": [plain()]}),
        modal({"type": "section"}),
        f"must define either `text` or `fields` {AT}]",
    ),
    Case(
        "a header needs text",
        f"{_BLOCK}/header-block",
        modal({"type": "header", "text": plain()}),
        modal({"type": "header"}),
        f"missing required field: text {AT}]",
    ),
    Case(
        "a header is plain text",
        f"{_BLOCK}/header-block",
        modal({"type": "header", "text": plain()}),
        modal({"type": "header", "text": mrkdwn()}),
        f"unsupported type: mrkdwn {AT}/text/type]",
    ),
    Case(
        "text is never empty",
        f"{_OBJECT}/text-object",
        modal(section(text=mrkdwn("x"))),
        modal(section(text=mrkdwn(""))),
        f"must be more than 0 characters {AT}/text/text]",
    ),
    Case(
        "text is an object",
        f"{_OBJECT}/text-object",
        modal(section(text=plain())),
        modal(section(text="x")),
        f"must provide an object {AT}/text]",
    ),
    Case(
        "only plain text has emoji",
        f"{_OBJECT}/text-object",
        modal(section(text={**plain(), "emoji": True})),
        modal(section(text={**mrkdwn(), "emoji": True})),
        f"invalid additional property: emoji {AT}/text]",
    ),
    Case(
        "a context holds something",
        f"{_BLOCK}/context-block",
        modal({"type": "context", "elements": [plain()]}),
        modal({"type": "context", "elements": []}),
        f"no fewer than 1 items allowed {AT}/elements]",
    ),
    Case(
        "an actions block holds something",
        f"{_BLOCK}/actions-block",
        modal(actions(button())),
        modal(actions()),
        f"no fewer than 1 items allowed {AT}/elements]",
    ),
    Case(
        "an input needs a label",
        f"{_BLOCK}/input-block",
        modal(asked(TYPED)),
        modal({"type": "input", "element": TYPED}),
        f"missing required field: label {AT}]",
    ),
    Case(
        "a label is plain text",
        f"{_BLOCK}/input-block",
        modal(asked(TYPED)),
        modal(asked(TYPED, label=mrkdwn())),
        f"unsupported type: mrkdwn {AT}/label/type]",
    ),
    Case(
        "no button in an input",
        f"{_BLOCK}/input-block",
        modal(actions(button())),
        modal(asked(button())),
        f"unsupported type: button {AT}/element/type]",
    ),
    Case(
        "no text input among actions",
        f"{_BLOCK}/actions-block",
        modal(asked(TYPED)),
        modal(actions(TYPED)),
        f"unsupported type: plain_text_input {AT}/elements/0/type]",
    ),
    Case(
        "no text input beside a section",
        f"{_BLOCK}/section-block",
        modal(section(accessory=button())),
        modal(section(accessory=TYPED)),
        f"unsupported type: plain_text_input {AT}/accessory/type]",
    ),
    Case(
        "no multi-select among actions",
        f"{_ELEMENT}/multi-select-menu-element",
        modal(section(accessory={**select(), "type": "multi_static_select"})),
        modal(actions({**select(), "type": "multi_static_select"})),
        f"unsupported type: multi_static_select {AT}/elements/0/type]",
    ),
    Case(
        "an input in a modal needs submit",
        _MODAL,
        modal(asked(TYPED)),
        modal(asked(TYPED), submit=None),
        f"must define `submit` to use an `input` block in modals {AT}/input]",
    ),
    Case(
        "a modal needs a title",
        _MODAL,
        modal(DIVIDER),
        modal(DIVIDER, title=None),
        "missing required field: title [json-pointer:/view]",
    ),
    Case(
        "a modal needs blocks",
        _MODAL,
        modal(),
        modal(blocks=None),
        "missing required field: blocks [json-pointer:/view]",
    ),
    Case(
        "Home has no title",
        _HOME,
        home(DIVIDER),
        {**home(DIVIDER), "title": plain()},
        "invalid additional property: title [json-pointer:/view]",
    ),
    Case(
        "a block_id is used once",
        _BLOCK,
        modal({**DIVIDER, "block_id": "one"}, {**DIVIDER, "block_id": "two"}),
        modal({**DIVIDER, "block_id": "one"}, {**DIVIDER, "block_id": "one"}),
        '`block_id` "one" already exists [json-pointer:/view/blocks/1/block_id]',
    ),
    Case(
        "an action_id is used once in a block, and again in another",
        f"{_ELEMENT}/button-element",
        modal(actions(button("go"), button("stop")), actions(button("go"))),
        modal(actions(button("go"), button("go"))),
        f'`action_id` "go" already exists {AT}/elements/1/action_id]',
    ),
    Case(
        "at most one element has the focus",
        _MODAL,
        modal(asked({**TYPED, "focus_on_load": True}), asked(TYPED)),
        modal(asked({**TYPED, "focus_on_load": True}), asked({**TYPED, "focus_on_load": True})),
        "only one element may set `focus_on_load` [json-pointer:/view/blocks]",
    ),
]
