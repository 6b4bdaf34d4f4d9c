"""Notices: a sentence told once. A notice is not drawn again, so its button must stay right."""

from datetime import UTC, datetime
from typing import Final

from bot.slack.blocks import Block, actions, button, mrkdwn, section
from bot.slack.cards.findings import FINDING
from bot.slack.cards.parts import Message, message
from bot.slack.text import clean, date, label, mention
from bot.wording import moment_words, notice_sentence
from grants.outbox.model import Delivery
from grants.review.keep_scan import KEEP_ENDED
from grants.review.not_mine import NOT_MINE

_OF_FINDINGS: Final = frozenset({NOT_MINE, KEEP_ENDED})
_GREETED: Final = frozenset({"linked", "signed-in"})


def notice_card(row: Delivery) -> Message:
    """Render a notice."""
    said = notice_sentence(row.code, {name: _markup(name, v) for name, v in row.facts.items()})
    spoken = notice_sentence(row.code, {name: _spoken(name, v) for name, v in row.facts.items()})
    return message(spoken, [section(mrkdwn(said)), _next_step(row)])


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _markup(name: str, value: str) -> str:
    if name.endswith("_at") and (at := _moment(value)):
        return date(at)
    if name == "account":
        return mention(value.rpartition("/")[2])
    return label(value, 500) if name != "why" else value


def _spoken(name: str, value: str) -> str:
    if name.endswith("_at") and (at := _moment(value)):
        return moment_words(at)
    return clean(value)


def _next_step(row: Delivery) -> Block | None:
    facts = row.facts
    block_id = f"next:{row.id}"
    if row.code in _GREETED and not facts.get("draft"):
        return actions(button("Ask for access", "ask", style="primary"), block_id=block_id)
    if row.code in _OF_FINDINGS:
        return actions(button("Look at it", FINDING, row.about), block_id=block_id)
    return None
