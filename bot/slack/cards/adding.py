"""What a request would give in plain words, and what of it the person holds already."""

from itertools import chain
from typing import Final

from bot.slack.blocks import Block, mrkdwn, section
from bot.slack.cards.parts import MOST_ITEMS, scope_words
from bot.slack.facts import RequestFacts
from bot.slack.text import date, label
from grants.access.adding import Added, what_it_adds
from grants.access.model import Terms
from grants.authz.rbac import effective
from grants.authz.words import in_few_words

_WORDS: Final = 380
_ROLES_A_BLOCK: Final = 3


def words_blocks(facts: RequestFacts) -> list[Block]:
    """Say the rights of every role of a request in words, each once for each place."""
    items = facts.request.items[:MOST_ITEMS]
    roles = {(i.terms.role_digest, i.terms.namespace, i.terms.subject): i.terms for i in items}
    several = len(roles) > 1
    told = [lines for terms in roles.values() if (lines := _lines(facts, terms, named=several))]
    pages = [told[at : at + _ROLES_A_BLOCK] for at in range(0, len(told), _ROLES_A_BLOCK)]
    return [section(mrkdwn("\n".join(chain.from_iterable(page)))) for page in pages]


def _lines(facts: RequestFacts, terms: Terms, *, named: bool) -> list[str]:
    role = facts.roles.get(terms.role_digest)
    if role is None:
        return []
    where = f", {label(scope_words(terms.cluster, terms.namespace))}" if named else ""
    words = in_few_words(effective(role.rules, terms.namespace)) or "nothing there"
    said = [f"*In words{where}:* {label(words, _WORDS)}"]
    added = what_it_adds(terms, facts.others, facts.roles)
    return said if added is None else [*said, _added_line(added)]


def _added_line(added: Added) -> str:
    ends = [grant.expires_at for grant in added.by if grant.expires_at]
    until = f" until {date(max(ends))}" if ends else ""
    if added.is_nothing:
        return f"*Adds nothing:* other access gives all of it{until}"
    if added.rules is None:
        return "*Adds:* too much to compare with other access that they have"
    new = label(in_few_words(added.rules), _WORDS)
    return f"*Adds:* {new}; other access gives the rest{until}"
