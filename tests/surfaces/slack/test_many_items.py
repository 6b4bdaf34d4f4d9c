"""A request of several items: its cards show the terms of each, and nobody agrees to more."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.playground.slack.blockkit import check_blocks
from bot.slack.cards.approval import approval_card
from bot.slack.cards.parts import MOST_ITEMS, Message
from bot.slack.cards.request import request_card
from bot.slack.facts import RequestFacts
from grants.access.model import AccessRequest, Item, RequestState
from grants.authz.model import RoleRef, RoleSnapshot, Rule
from grants.policy.model import AcceptedRisk
from tests.support import card_facts as c


def many(count: int, state: RequestState = RequestState.PENDING) -> RequestFacts:
    """A request of so many items, each its own namespace, role, length and reason."""
    facts = c.facts()
    items, roles = [], {}
    for number in range(count):
        role = RoleRef("ClusterRole", f"role-{number}")
        rule = Rule(("get",), ("",), (f"things-{number}",))
        digest = f"digest-{number}"
        roles[digest] = RoleSnapshot(role, (rule,), c.NOON)
        terms = replace(
            facts.request.items[0].terms,
            namespace=f"space-{number}",
            role=role,
            role_digest=digest,
            duration=timedelta(minutes=10 + number),
            reason=f"because of {number}",
        )
        items.append(Item(f"itm-{number}", terms))
    request: AccessRequest = replace(facts.request, items=tuple(items), state=state)
    return replace(facts, request=request, roles=roles)


def said(card: Message) -> str:
    return json.dumps(card.blocks, ensure_ascii=False)


@pytest.mark.parametrize("count", [1, 2, 7, MOST_ITEMS])
def test_the_approvers_card_shows_every_items_terms_and_rules(count: int) -> None:
    card = approval_card(many(count))
    assert check_blocks(list(card.blocks)) == []
    shown = said(card)
    for number in range(count):
        assert f"*space-{number}*" in shown
        assert f"{10 + number} minutes" in shown
        assert f"things-{number}" in shown
        assert f"because of {number}" in shown
    assert '"approve"' in shown


def test_what_can_not_be_shown_can_be_denied_and_not_approved() -> None:
    card = approval_card(many(MOST_ITEMS + 1))
    shown = said(card)
    assert '"approve"' not in shown
    assert '"deny"' in shown
    assert "more than can be shown" in shown


def test_headlines_say_how_many_more_there_are() -> None:
    assert "and 2 more" in approval_card(many(3)).text
    assert "more" not in approval_card(many(1)).text
    assert "and 2 more" in request_card(many(3)).text


@pytest.mark.parametrize(
    "state",
    [
        RequestState.DRAFT,
        RequestState.PENDING,
        RequestState.DENIED,
        RequestState.CANCELLED,
        RequestState.EXPIRED,
    ],
)
def test_the_requesters_card_shows_every_items_terms(state: RequestState) -> None:
    card = request_card(many(4, state))
    for number in range(4):
        assert f"*space-{number}*" in said(card)


def test_the_risks_of_every_entitlement_are_shown() -> None:
    facts = many(2)
    assert facts.entitlement is not None
    risky = replace(
        facts.entitlement,
        name="other",
        description="Other things",
        accept_risk=AcceptedRisk(frozenset({"secrets-read"}), "They have to."),
    )
    both = replace(facts, entitlements=(facts.entitlement, risky))
    shown = said(approval_card(both))
    assert "They have to." in shown
    assert "Other things" in shown


def test_one_role_of_many_items_is_shown_once() -> None:
    facts = many(3)
    first = facts.request.items[0].terms
    same = tuple(
        replace(item, terms=replace(item.terms, role=first.role, role_digest=first.role_digest))
        for item in facts.request.items
    )
    card = approval_card(replace(facts, request=replace(facts.request, items=same)))
    assert said(card).count("*Exactly:*") == 1
