"""What several cards share: a message, the line that says what for where, people, rules."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from bot.slack.blocks import Block, mrkdwn, plain, section
from bot.slack.cards.rules import rule_lines
from bot.slack.facts import Face, RequestFacts
from bot.slack.text import clean, code, fit, label, mention, one_line
from bot.wording import duration_words
from grants.access.model import AccessRequest, Grant, Terms

ALL_OF_CLUSTER: Final = "all of the cluster"
_RULES: Final = 2300
_ALL_RULES: Final = 6000
_LEAST_RULES: Final = 200
MOST_ITEMS: Final = 20
"""Items of one request that a card shows."""
_ITEMS_A_BLOCK: Final = 5
_SHOWN_GROUPS: Final = 20
_REASON: Final = 1500
_MAIN_TEXT: Final = 500


@dataclass(frozen=True)
class Message:
    """A message: blocks, and the text that notifications and screen readers have instead."""

    text: str
    blocks: tuple[Block, ...]


def message(text: str, blocks: Iterable[Block | None]) -> Message:
    """Put a message together; the text is escaped here, and blocks that are None are left out."""
    return Message(label(text, _MAIN_TEXT), tuple(block for block in blocks if block))


def scope_words(cluster: str, namespace: str | None) -> str:
    """Say where, as plain text."""
    return f"{namespace or ALL_OF_CLUSTER} on {cluster}"


def what_words(terms: Terms) -> str:
    """Say what for where and how long, as plain text."""
    scope = scope_words(terms.cluster, terms.namespace)
    return f"{terms.entitlement} in {scope} for {duration_words(terms.duration)}"


def what_line(terms: Terms) -> str:
    """Say what for where and how long, as mrkdwn."""
    scope = f"*{label(terms.namespace or ALL_OF_CLUSTER)}* on *{label(terms.cluster)}*"
    return f"*{label(terms.entitlement)}* in {scope} for *{duration_words(terms.duration)}*"


def what_of_grant(grant: Grant) -> str:
    """Say what a grant gives and where, as mrkdwn."""
    scope = f"*{label(grant.namespace or ALL_OF_CLUSTER)}* on *{label(grant.cluster)}*"
    return f"*{label(grant.entitlement)}* in {scope}"


def first_terms(request: AccessRequest) -> Terms:
    """Give the terms that a card's first line tells of."""
    return request.items[0].terms


def asked_words(request: AccessRequest) -> str:
    """Say what a request is about in one line, as plain text."""
    return what_words(first_terms(request)) + _and_more(request)


def asked_line(request: AccessRequest) -> str:
    """Say what a request is about in one line, as mrkdwn."""
    return what_line(first_terms(request)) + _and_more(request)


def _and_more(request: AccessRequest) -> str:
    more = len(request.items) - 1
    return f" and {more} more" if more else ""


def other_items(request: AccessRequest) -> list[Block]:
    """Show the terms of every item but the first, which the card's first line tells of."""
    lines = [f"• {what_line(item.terms)}" for item in request.items[1:MOST_ITEMS]]
    pages = [lines[at : at + _ITEMS_A_BLOCK] for at in range(0, len(lines), _ITEMS_A_BLOCK)]
    return [section(mrkdwn("\n".join(page))) for page in pages]


def is_shown_whole(request: AccessRequest) -> bool:
    """Tell whether a card shows all of a request: nobody agrees to what is not shown."""
    return len(request.items) <= MOST_ITEMS


def reason_block(request: AccessRequest) -> Block | None:
    """Quote the reason literally: whatever stands in it, it is only text."""
    reasons = dict.fromkeys(clean(item.terms.reason).strip() for item in request.items)
    reason = "\n".join(one for one in reasons if one)
    return section(plain(f"“{fit(reason, _REASON)}”")) if reason else None


def face_words(face: Face) -> Block:
    """Show who somebody is: name and address, literally."""
    email = one_line(face.email)
    return plain(f"{one_line(face.name)}\n{email}" if email else one_line(face.name))


def who(face: Face) -> str:
    """Mention somebody, or name them where no account is linked; mrkdwn."""
    return mention(face.account.user) if face.account else label(face.name)


def who_all(faces: Iterable[Face]) -> str:
    """Mention several people; mrkdwn."""
    return ", ".join(who(face) for face in faces)


def groups_words(face: Face) -> Block:
    """Show the groups of the last sign-in, literally."""
    groups = face.known.sign_in.groups if face.known else None
    if groups is None:
        return plain("unknown: the login did not say")
    named = [one_line(group) for group in sorted(groups)]
    more = len(named) - _SHOWN_GROUPS
    return plain(", ".join(named[:_SHOWN_GROUPS]) + (f" and {more} more" if more > 0 else ""))


def rules_blocks(facts: RequestFacts) -> list[Block]:
    """Show the exact rules of every role of a request, each once, as many as fit together."""
    items = facts.request.items[:MOST_ITEMS]
    roles = {(i.terms.role, i.terms.role_digest, i.terms.subject): i.terms for i in items}
    room = min(_RULES, max(_LEAST_RULES, _ALL_RULES // len(roles)))
    return [rules_block(facts, terms, room) for terms in roles.values()]


def rules_block(facts: RequestFacts, terms: Terms, room: int = _RULES) -> Block:
    """Show a role's exact rules, as many as fit into so many characters."""
    snapshot = facts.roles.get(terms.role_digest)
    title = f"*Exactly:* {label(str(terms.role))} as {label(terms.subject)}"
    if snapshot is None:
        return section(mrkdwn(f"{title}\nIts rules are not on record."))
    lines = rule_lines(snapshot.rules)
    shown = [
        line
        for line, length in zip(lines, accumulate(len(line) + 1 for line in lines), strict=True)
        if length <= room
    ]
    more = len(lines) - len(shown)
    shown += [f"… and {more} more lines"] if more else []
    return section(mrkdwn(f"{title}\n{code(chr(10).join(shown) or 'no rules at all', 2500)}"))


def names(people: Iterable[str]) -> str:
    """List names from policy, escaped; mrkdwn."""
    return ", ".join(label(name) for name in people)
