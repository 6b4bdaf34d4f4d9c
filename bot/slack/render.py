"""A row of the outbox as a message, from the state of this moment."""

from dataclasses import dataclass

from bot.slack.cards.approval import approval_card
from bot.slack.cards.digest import digest_card
from bot.slack.cards.notice import notice_card
from bot.slack.cards.parts import Message
from bot.slack.cards.request import request_card
from bot.slack.cards.stuck import stuck_card
from bot.slack.facts import RequestFacts
from bot.slack.ports import SlackPorts
from bot.slack.reading import grant_of, request_facts
from grants.access.model import GrantState, RequestState
from grants.outbox.model import CardKind, Delivery
from grants.review.tell_findings import DIGEST

_OPEN = frozenset({RequestState.DRAFT, RequestState.PENDING})


@dataclass(frozen=True)
class Drawn:
    """A message, and whether somebody can still do something about what it shows.

    One that matters is posted again when somebody deleted it.
    """

    message: Message
    matters: bool


def render(ports: SlackPorts, row: Delivery) -> Drawn | None:
    """Render a row; None when what it is about is not there."""
    if row.kind is CardKind.NOTICE and row.code == DIGEST:
        return Drawn(digest_card(row), matters=False)
    if row.kind is CardKind.NOTICE:
        return Drawn(notice_card(row), matters=False)
    if row.kind is CardKind.STUCK:
        return _stuck(ports, row.about)
    facts = request_facts(ports, row.about)
    if facts is None:
        return None
    is_open = facts.request.state in _OPEN
    if row.kind is CardKind.APPROVAL:
        return Drawn(approval_card(facts), matters=is_open)
    return Drawn(request_card(facts), matters=is_open or _is_live(facts))


def _is_live(facts: RequestFacts) -> bool:
    return any(grant.state is not GrantState.ENDED for grant in facts.grants)


def _stuck(ports: SlackPorts, about: str) -> Drawn | None:
    grant = grant_of(ports, about)
    facts = request_facts(ports, grant.request) if grant else None
    if facts is None or grant is None:
        return None
    return Drawn(stuck_card(facts, grant), matters=grant.state is not GrantState.ENDED)
