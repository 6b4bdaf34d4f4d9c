"""What `history show` says of a role that is another now than the one that was agreed on."""

from dataclasses import replace
from typing import Any

import pytest

from bot.cli.history_json import view_json
from grants.access.model import ROLE_GONE
from grants.authz.model import RoleSnapshot, Rule
from grants.history.model import GrantView, PersonLabel, PersonView, RequestView
from tests.support import card_facts as c

ERIN = PersonView(PersonLabel("per-erin", "https://idp", "erin"))
NOW = RoleSnapshot(c.DEBUG, (*c.RULES[:-2], Rule(("get",), ("",), ("secrets",))), c.NOON)


def said(role_now: str, *roles: RoleSnapshot) -> Any:
    grant = replace(c.ACTIVE, role_now=role_now)
    view = RequestView(c.REQUEST, ERIN, ERIN, grants=(GrantView(grant),), roles=roles)
    (shown,) = view_json(view, ())["grants"]
    assert shown["role_digest"] == c.SNAPSHOT.digest
    return shown["role_change"]


def test_a_role_as_agreed_on_has_no_change() -> None:
    assert said("", c.SNAPSHOT) is None


def test_what_was_gained_and_lost_is_listed() -> None:
    assert said(NOW.digest, c.SNAPSHOT, NOW) == {
        "digest": NOW.digest,
        "gone": False,
        "compared": True,
        "gained": ["read secrets"],
        "lost": ["read deployments (checkout)"],
    }


def test_a_deleted_role_has_lost_all() -> None:
    change = said(ROLE_GONE, c.SNAPSHOT)
    assert (change["digest"], change["gone"], change["compared"]) == (None, True, True)
    assert change["gained"] == []
    assert "open a shell in pods" in change["lost"]


@pytest.mark.parametrize("roles", [(), (c.SNAPSHOT,), (NOW,)], ids=["none", "agreed", "now"])
def test_rules_that_are_not_on_record_are_not_compared(roles: tuple[RoleSnapshot, ...]) -> None:
    assert said(NOW.digest, *roles)["compared"] is False
