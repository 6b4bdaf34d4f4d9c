"""What a card says of a role that is another than the one that was agreed on."""

from bot.slack.blocks import Block, plain, section
from bot.slack.facts import RequestFacts
from bot.slack.text import clean
from bot.wording.role_changes import role_change_words
from grants.access.model import ROLE_GONE, Grant
from grants.authz.difference import Difference, difference
from grants.authz.words import in_few_words

_MOST = 1500


def role_change_block(facts: RequestFacts, grant: Grant) -> Block | None:
    """Say what a grant's role gained and lost since it was approved; None: nothing that counts."""
    if not grant.role_now:
        return None
    change = _change(facts, grant)
    if change.is_none:
        return None
    said = role_change_words(
        in_few_words(change.gained),
        in_few_words(change.lost),
        gone=grant.role_now == ROLE_GONE,
        compared=change.known,
    )
    title = f"The rules of {grant.role} were changed after this was approved."
    if grant.role_now == ROLE_GONE:
        title = f"{grant.role}:"
    return section(plain(clean(f"{title} {said}"), _MOST))


def _change(facts: RequestFacts, grant: Grant) -> Difference:
    agreed, now = facts.roles.get(grant.role_digest), facts.roles.get(grant.role_now)
    if grant.role_now == ROLE_GONE and agreed is not None:
        return difference(agreed.rules, (), grant.namespace)
    if agreed is None or now is None:
        return Difference(known=False)
    return difference(agreed.rules, now.rules, grant.namespace)
