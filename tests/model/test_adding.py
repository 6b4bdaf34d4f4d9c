"""What access adds to what its recipient holds already by other access."""

from dataclasses import replace

import pytest

from grants.access.adding import what_it_adds
from grants.access.model import Grant, GrantState
from grants.authz.model import RoleRef, RoleSnapshot, Rule
from tests.support.card_facts import GRANT, NOON, TERMS

READ = Rule(("get", "list"), ("",), ("pods",))
SHELL = Rule(("create",), ("",), ("pods/exec",))


def snapshot(*rules: Rule) -> RoleSnapshot:
    return RoleSnapshot(RoleRef("ClusterRole", "r"), rules, NOON)


ASKED = snapshot(READ, SHELL)
TERMS_ = replace(TERMS, role_digest=ASKED.digest)


def holding(role: RoleSnapshot, **changes: object) -> Grant:
    active = replace(GRANT, state=GrantState.ACTIVE, role_digest=role.digest)
    return replace(active, **changes)  # type: ignore[arg-type]


def roles(*held: RoleSnapshot) -> dict[str, RoleSnapshot]:
    return {one.digest: one for one in (ASKED, *held)}


def test_what_other_access_gives_is_left_out() -> None:
    held = snapshot(READ)
    added = what_it_adds(TERMS_, [holding(held)], roles(held))
    assert added is not None
    assert added.rules == (SHELL,)
    assert added.by == (holding(held),)
    assert not added.is_nothing


def test_all_of_it_may_be_held_by_several_together() -> None:
    held = snapshot(READ), snapshot(SHELL)
    added = what_it_adds(TERMS_, [holding(one) for one in held], roles(*held))
    assert added is not None
    assert added.is_nothing


@pytest.mark.parametrize(
    "changes",
    [
        {"state": GrantState.ACTIVATING},
        {"state": GrantState.REVOKING},
        {"cluster_uid": "uid-other"},
        {"subject": "oidc:somebody@example.com"},
        {"namespace": "payments-prod"},
        {"role_now": "gone"},
    ],
)
def test_access_that_does_not_act_there_counts_for_nothing(changes: dict[str, object]) -> None:
    assert what_it_adds(TERMS_, [holding(ASKED, **changes)], roles()) is None


def test_cluster_wide_access_acts_there_too_but_not_the_other_way_round() -> None:
    wide = holding(ASKED, namespace=None)
    assert what_it_adds(TERMS_, [wide], roles()) is not None
    assert what_it_adds(replace(TERMS_, namespace=None), [holding(ASKED)], roles()) is None


def test_a_role_counts_as_it_was_last_seen() -> None:
    now = snapshot(READ)
    added = what_it_adds(TERMS_, [holding(ASKED, role_now=now.digest)], roles(now))
    assert added is not None
    assert added.rules == (SHELL,)


def test_too_much_to_compare_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grants.authz.covers.COMPARISONS_MOST", 1)
    held = snapshot(READ)
    added = what_it_adds(TERMS_, [holding(held)], roles(held))
    assert added is not None
    assert added.rules is None
    assert not added.is_nothing


def test_without_its_rules_nothing_is_said() -> None:
    assert what_it_adds(TERMS_, [holding(ASKED)], {}) is None
