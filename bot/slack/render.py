"""A row of the outbox as a message, from the state of this moment."""

from bot.slack.cards.approval import approval_card
from bot.slack.cards.notice import notice_card
from bot.slack.cards.parts import Message
from bot.slack.cards.request import request_card
from bot.slack.cards.stuck import stuck_card
from bot.slack.ports import SlackPorts
from bot.slack.reading import grant_of, request_facts
from grants.outbox.model import CardKind, Delivery


def render(ports: SlackPorts, row: Delivery) -> Message | None:
    """Render a row; None when what it is about is not there."""
    if row.kind is CardKind.NOTICE:
        return notice_card(row)
    if row.kind is CardKind.STUCK:
        return _stuck(ports, row.about)
    facts = request_facts(ports, row.about)
    if facts is None:
        return None
    return approval_card(facts) if row.kind is CardKind.APPROVAL else request_card(facts)


def _stuck(ports: SlackPorts, about: str) -> Message | None:
    grant = grant_of(ports, about)
    facts = request_facts(ports, grant.request) if grant else None
    return stuck_card(facts, grant) if facts and grant else None
