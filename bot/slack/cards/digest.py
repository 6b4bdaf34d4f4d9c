"""The digest of a review: what came, worst first, what came back, and what is resolved."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from bot.slack.blocks import Block, actions, button, context, mrkdwn, plain, section
from bot.slack.cards.findings import FINDINGS
from bot.slack.cards.notice import notice_card
from bot.slack.cards.parts import Message, message
from bot.slack.text import label
from bot.wording import notice_sentence
from grants.outbox.model import Delivery
from grants.review.news import News

_LINES_A_BLOCK: Final = 5
_FIELDS: Final = 5
_WHO: Final = 150
_TITLE: Final = 250
_WHERE: Final = 300


def digest_card(row: Delivery) -> Message:
    """Draw a digest from what was noted when it was wanted; it is told once and never redrawn."""
    facts = row.facts
    head = notice_card(row)
    worst, resolved = read_lines(facts.get("worst", "")), read_lines(facts.get("resolved", ""))
    there = count(facts, News.NEW) + count(facts, News.BACK)
    blocks: list[Block | None] = [
        *head.blocks,
        *_pages([_line(one) for one in worst]),
        _more(there - len(worst)),
        section(mrkdwn("*Resolved since*")) if resolved else None,
        *_pages([_resolved(one) for one in resolved]),
        _more(count(facts, News.GONE) - len(resolved)),
        actions(button("Look at findings", FINDINGS), block_id=f"digest:{row.id}"),
    ]
    first = f" Worst: {worst[0][1]}, {worst[0][2]} {worst[0][3]}" if worst else ""
    return message(f"{notice_sentence(row.code, facts)}{first}", blocks)


def read_lines(text: str) -> list[list[str]]:
    """Read noted lines; what is not of their form shows nothing."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    lines = found if isinstance(found, list) else []
    return [
        [str(part) for part in line]
        for line in lines
        if isinstance(line, list) and len(line) == _FIELDS
    ]


def count(facts: Mapping[str, str], kind: News) -> int:
    """Read a count; none where there is no number."""
    text = facts.get(str(kind), "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _line(one: Sequence[str]) -> str:
    news, severity, who, title, where = one
    place = f" ({label(where, _WHERE)})" if where else ""
    back = " _(back)_" if news == News.BACK else ""
    bold = f"*{label(who, _WHO)}* " if who else ""
    return f"• {label(severity)}: {bold}{label(title, _TITLE)}{place}{back}"


def _resolved(one: Sequence[str]) -> str:
    where = f" ({label(one[4], _WHERE)})" if one[4] else ""
    return f"• {label(one[2], _WHO)} {label(one[3], _TITLE)}{where}"


def _pages(lines: Sequence[str]) -> list[Block]:
    pages = [lines[at : at + _LINES_A_BLOCK] for at in range(0, len(lines), _LINES_A_BLOCK)]
    return [section(mrkdwn("\n".join(page))) for page in pages]


def _more(many: int) -> Block | None:
    return context(plain(f"… and {many} more")) if many > 0 else None
