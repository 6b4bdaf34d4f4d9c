"""Every step and every precondition has its words."""

import pytest

from grants.authz.objects import Binding, Meta, Role, Subject
from grants.authz.paths.model import (
    CLUSTER_ADMIN,
    EVERY_SECRET,
    NODE,
    Need,
    NeedKind,
    Party,
    PartyKind,
    Step,
    account,
    pods_of,
)
from grants.authz.paths.words import (
    because_words,
    need_words,
    party_words,
    path_lines,
    step_words,
)
from grants.authz.rbac import Allowance
from tests.support.escalations import APP, BOSS, with_strong_boss
from tests.support.rbac_objects import bind, group, role, rule


def test_a_path_is_said_step_by_step_with_what_allows_it() -> None:
    path = with_strong_boss(rule("create", "pods/exec")).path(APP, PartyKind.CLUSTER_ADMIN)
    assert path is not None
    assert path_lines(path) == (
        (
            "1. team/app opens a shell in a pod of team/boss (RoleBinding team/weak gives "
            "ClusterRole held: create pods/exec in core; Pod boss-0 in team runs as it)"
        ),
        (
            "2. team/boss may do anything already (ClusterRoleBinding strong gives ClusterRole "
            "cluster-admin: * * in *)"
        ),
    )


def test_a_step_without_a_reason_needs_no_brackets() -> None:
    path = with_strong_boss(rule("*", "*", "*"), namespace="").path(APP, PartyKind.NODE)
    assert path is not None
    assert "(" in path_lines(path)[0]
    step = Step("masters-bound", Party(PartyKind.GROUP, "system:masters"), CLUSTER_ADMIN, (), ())
    lines = path_lines(type(path)(APP, CLUSTER_ADMIN, (step,)))
    assert lines == ("1. group system:masters is asked nothing, as a member of system:masters",)


@pytest.mark.parametrize(
    ("party", "words"),
    [
        (BOSS, "team/boss"),
        (pods_of("team"), "any pod of namespace team"),
        (Party(PartyKind.USER, "ada"), "user ada"),
        (Party(PartyKind.ROLE, "edit"), "ClusterRole edit everywhere"),
        (Party(PartyKind.ROLE, "edit", scope="*"), "ClusterRole edit in every namespace"),
        (Party(PartyKind.ROLE, "own", "team", "team"), "Role own in team"),
        (NODE, "a node"),
        (Party(PartyKind.ACCOUNTS, scope="team"), "accounts  in team"),
    ],
)
def test_parties_are_named(party: Party, words: str) -> None:
    assert party_words(party) == words


def test_goals_have_words_of_their_own() -> None:
    said = {
        step_words(Step("workload-create", APP, gains, (), ()))
        for gains in (account("a", "b"), NODE, EVERY_SECRET)
    }
    assert len(said) == 3


@pytest.mark.parametrize("kind", list(NeedKind))
def test_every_precondition_is_said_one_way_or_the_other(kind: NeedKind) -> None:
    said = {need_words(Need(kind, "ns", "thing", seen=seen)) for seen in (True, False)}
    assert said - {"", "supposed: "}


def test_what_a_group_gives_and_what_is_bound_on_the_way_are_said() -> None:
    held = role("held", rule("get", "secrets"))
    one = Allowance(bind("b", held, group("g")), held, held.rules[0], group("g"))
    assert because_words(one).startswith("ClusterRoleBinding b by Group g gives ClusterRole held")
    made = Role("Role", Meta("own", "n"), held.rules)
    unbound = Binding("RoleBinding", Meta("", "n"), made.ref)
    supposed = Allowance(unbound, made, made.rules[0], Subject("User", ""))
    assert because_words(supposed) == "Role own has: get secrets in core"
