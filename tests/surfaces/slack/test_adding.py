"""The approver's card says rights in words, and what of them the person holds already."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.playground.slack.blockkit import check_blocks
from bot.slack.cards.approval import approval_card
from bot.slack.facts import RequestFacts
from grants.access.model import Grant, GrantState
from grants.authz.model import RoleRef, RoleSnapshot, Rule
from tests.support import card_facts as c

SHELL = RoleSnapshot(
    RoleRef("ClusterRole", "shell"), (Rule(("create",), ("",), ("pods/exec",)),), c.NOON
)


def card(facts: RequestFacts) -> str:
    made = approval_card(facts)
    assert check_blocks(list(made.blocks)) == []
    return json.dumps(made.blocks, ensure_ascii=False)


def with_others(*held: RoleSnapshot) -> RequestFacts:
    facts = c.facts()
    others: tuple[Grant, ...] = tuple(
        replace(
            c.GRANT,
            state=GrantState.ACTIVE,
            role_digest=one.digest,
            expires_at=c.NOON + timedelta(hours=1),
        )
        for one in held
    )
    known = {one.digest: one for one in held}
    return replace(facts, others=others, roles={**facts.roles, **known})


def test_rights_are_said_in_words() -> None:
    shown = card(c.facts())
    assert "*In words:* open a shell in pods; read logs of pods; read deployments" in shown
    # A path is given by no RoleBinding.
    assert "the path" not in shown
    assert "*Adds" not in shown


def test_what_is_new_is_said_where_other_access_gives_the_rest() -> None:
    shown = card(with_others(SHELL))
    assert "*Adds:* read logs of pods; read deployments (checkout), pods; other access" in shown


def test_access_that_adds_nothing_is_said_to() -> None:
    facts = c.facts()
    own = facts.roles[facts.request.items[0].terms.role_digest]
    shown = card(with_others(own))
    assert "*Adds nothing:* other access gives all of it until" in shown


def test_a_role_that_gives_nothing_there_is_said_to() -> None:
    facts = c.facts()
    digest = facts.request.items[0].terms.role_digest
    paths = RoleSnapshot(c.DEBUG, (Rule(("get",), non_resource_urls=("/metrics",)),), c.NOON)
    assert "*In words:* nothing there" in card(replace(facts, roles={digest: paths}))
    assert "*In words" not in card(replace(facts, roles={}))


def test_too_much_to_compare_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grants.authz.covers.COMPARISONS_MOST", 1)
    assert "too much to compare" in card(with_others(SHELL))
