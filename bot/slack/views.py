"""The other modals: deny, revoke, look, help, and the one that only says something."""

from collections.abc import Sequence
from typing import Any, Final

from bot.slack.blocks import Block, actions, button, context, input_block, modal, plain, section
from bot.slack.cards.parts import Message
from bot.slack.text import clean

DENY: Final = "deny"
REVOKE: Final = "revoke"
LOOK: Final = "look"
SAID: Final = "said"

HELP: Final = (
    ("/access", "ask for access: what, where, for how long, and why"),
    ("/access status", "what waits for you, what you asked for, and the access you have"),
    ("/access history", "what you had; admins and auditors see everybody's"),
    ("/access review", "for reviewers: what service accounts may do that is risky"),
    ("/access help", "this"),
)


def _reason_view(title: str, question: str, callback_id: str, submit: str, value: str) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": "reason",
        "multiline": True,
        "max_length": 1000,
        "focus_on_load": True,
    }
    field = input_block("Reason", element, "reason", hint="This is shown, and kept on record.")
    blocks = [section(plain(question)), field]
    return modal(title, blocks, callback_id=callback_id, submit=submit, metadata=value)


def deny_view(what: str, value: str) -> dict[str, Any]:
    """Ask why a request is denied; `value` is the button's, and is checked again."""
    return _reason_view("Deny", f"You deny {what}.", DENY, "Deny", value)


def revoke_view(what: str, grant: str) -> dict[str, Any]:
    """Ask why a grant is revoked."""
    question = f"You revoke {what}. It ends at once."
    return _reason_view("Revoke access", question, REVOKE, "Revoke", grant)


def look_view(card: Message) -> dict[str, Any]:
    """Show a request's card in a modal, to decide on it from Home."""
    return modal("Request", card.blocks, callback_id=LOOK)


def said_view(sentence: str, extra: Sequence[Block] = ()) -> dict[str, Any]:
    """Say one thing, perhaps with a next step."""
    blocks = [section(plain(clean(sentence))), *extra]
    return modal("Valetkey", blocks, callback_id=SAID)


def sign_in_blocks(url: str, *, minutes: int = 10) -> list[Block]:
    """Make the link that leads to the company's login."""
    link = button("Sign in", "sign-in", url=url, style="primary")
    said = f"The link is for you alone, works once, and for {minutes} minutes."
    return [actions(link, block_id="sign-in"), context(plain(said))]


def help_blocks() -> list[Block]:
    """Say what the command can do."""
    lines = "\n".join(f"{command}: {what}" for command, what in HELP)
    ask = actions(button("Ask for access", "ask", style="primary"), block_id="help:ask")
    return [section(plain(lines)), ask]
