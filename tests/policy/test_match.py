"""Who is meant by a policy."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.policy.match import (
    Match,
    is_admin,
    is_auditor,
    is_reviewer,
    match,
    match_decider,
    may_see_findings,
)
from grants.policy.model import Who
from grants.policy.review_model import ReviewPolicy
from tests.support.policies import load, policy, someone


def who(*groups: str, people: tuple[str, ...] = (), everyone: bool = False) -> Who:
    return Who(frozenset(groups), frozenset(people), everyone)


def test_a_group_is_matched_exactly() -> None:
    known = someone("erin", "sre", "dev")
    assert match(who("sre"), known) == Match("group", "sre")
    assert match(who("sre", "dev"), known) == Match("group", "dev"), "the first by name"
    assert match(who("SRE"), known) is None
    assert match(who("sr"), known) is None


def test_people_are_matched_by_their_pinned_addresses() -> None:
    known = someone("erin", emails=("Erin@Example.com",))
    found = Match("person", "erin@example.com")
    assert match(who(people=("erin@example.com",)), known) == found
    assert match(who(people=("ERIN@example.com",)), known) == found


@pytest.mark.security("P2")
def test_an_address_that_is_not_pinned_to_the_person_gives_nothing() -> None:
    known = someone("erin", emails=())
    assert known.sign_in.profile.email == "erin@example.com"
    assert match(who(people=("erin@example.com",)), known) is None


def test_letters_that_only_look_alike_are_others() -> None:
    known = someone("kim", emails=("\u212aim@example.com",))
    assert match(who(people=("kim@example.com",)), known) is None


@pytest.mark.security("P4")
def test_unknown_groups_match_nothing() -> None:
    known = someone("erin", unknown_groups=True)
    assert match(who("sre"), known) is None
    assert match(who("sre", people=("erin@example.com",)), known) is not None


def test_everyone_is_whoever_signed_in_but_nobody_decides_by_it() -> None:
    known = someone("erin", unknown_groups=True)
    assert match(who(everyone=True), known) == Match("everyone")
    assert match_decider(who(everyone=True), known) is None
    assert match_decider(who("sre", everyone=True), someone("erin", "sre")) is not None


def test_admins_and_auditors_are_those_whom_policy_names() -> None:
    policy = load().policy
    assert is_admin(policy, someone("alex", "admins"))
    assert not is_admin(policy, someone("erin", "engineers"))
    assert not is_admin(policy, someone("alex", unknown_groups=True))
    assert is_auditor(policy, someone("ida"))
    assert not is_auditor(policy, someone("alex", "admins"))


NAMES = st.frozensets(st.sampled_from("abc"))


@given(NAMES, NAMES, NAMES, st.booleans())
def test_another_group_never_takes_a_right_away(
    named: frozenset[str],
    held: frozenset[str],
    more: frozenset[str],
    everyone: bool,  # noqa: FBT001
) -> None:
    asked = Who(named, frozenset(), everyone)
    if match(asked, someone("erin", *held)):
        assert match(asked, someone("erin", *(held | more)))


def test_who_may_see_findings_is_named_as_reviewer_admin_or_auditor() -> None:
    named = replace(policy(), review=ReviewPolicy(reviewers=Who(groups=frozenset({"security"}))))
    assert is_reviewer(named, someone("sam", "security"))
    assert may_see_findings(named, someone("sam", "security"))
    assert not is_reviewer(policy(), someone("sam", "security"))
    assert not may_see_findings(policy(), someone("sam", "security"))
