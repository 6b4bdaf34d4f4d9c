"""Who may keep a finding of a review: a reviewer whose right it is not, by name and freshly."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from grants.people.model import Known
from grants.policy.answering import Answering, judge_keep, judge_not_mine, last_day
from grants.policy.benefit import Right
from grants.policy.model import Policy, Who
from grants.policy.reasons import REASON_CODES
from grants.policy.review_model import ReviewPolicy
from grants.policy.verdict import Verdict
from tests.support.policies import MAX_AGE, NOW, policy, someone

SAM = someone("sam", "security")
SHOP = Right("prod", account="shop/app", owner="team-shop")
SOON = date(2026, 12, 31)
REVIEW = ReviewPolicy(reviewers=Who(frozenset({"security"})), keep_at_most=timedelta(days=90))


def here(**changes: Any) -> Policy:
    return replace(policy(), review=REVIEW, **changes)


def an_answer(**changes: Any) -> Answering:
    """An answer that is allowed: Sam of security, to what is the shop team's."""
    return replace(Answering(SAM, SHOP, "a" * 64, "a" * 64), **changes)


def judged(until: date = SOON, policy: Policy | None = None, **changes: Any) -> Verdict:
    answering = an_answer(**changes)
    return judge_keep(policy or here(), answering, until, NOW, signin_max_age=MAX_AGE)


def failed(verdict: Verdict) -> list[str]:
    assert {reason.code for reason in verdict.reasons} <= set(REASON_CODES)
    return [reason.code for reason in verdict.failed]


def whose(right: Right, known: Known = SAM, policy: Policy | None = None) -> str:
    """Give how the benefit is judged: "" allowed, else the code and why."""
    verdict = judged(reviewer=known, right=right, policy=policy)
    return " ".join(
        f"{one.code}:{dict(one.facts).get('why', '')}".rstrip(":")
        for one in verdict.failed
        if one.code in {"not-beneficiary", "beneficiary-unknown"}
    )


def test_a_reviewer_keeps_what_is_others() -> None:
    verdict = judged()
    assert verdict.allowed
    assert failed(verdict) == []
    assert ("by", "group") in (verdict.find("reviewer-named") or verdict.reasons[0]).facts


@pytest.mark.security("P7")
@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("reviewer-linked", {"reviewer": None}),
        ("reviewer-named", {"reviewer": someone("erin", "engineers")}),
        ("groups-unknown", {"reviewer": someone("sam", unknown_groups=True)}),
        ("finding-same", {"shown_hash": "b" * 64}),
        ("finding-same", {"own_hash": "", "shown_hash": ""}),
        ("no-access-there", {"has_access": True}),
    ],
)
def test_each_of_these_alone_is_a_refusal(code: str, changes: dict[str, Any]) -> None:
    assert code in failed(judged(**changes))
    kept_by_nobody = judged(**changes)
    assert not kept_by_nobody.allowed


def test_an_old_sign_in_is_refused() -> None:
    old = replace(SAM, sign_in=replace(SAM.sign_in, auth_time=NOW - MAX_AGE - timedelta(seconds=1)))
    assert failed(judged(reviewer=old)) == ["reviewer-sign-in-fresh"]
    of_tomorrow = replace(SAM.sign_in, auth_time=NOW + timedelta(seconds=1))
    assert not judged(reviewer=replace(SAM, sign_in=of_tomorrow)).allowed


def test_everyone_is_no_reviewer() -> None:
    open_to_all = replace(here(), review=replace(REVIEW, reviewers=Who(everyone=True)))
    assert failed(judged(policy=open_to_all)) == ["reviewer-named"]


@pytest.mark.parametrize(
    ("until", "allowed"),
    [
        (NOW.date() - timedelta(days=1), False),
        (NOW.date(), True),
        (NOW.date() + timedelta(days=90), True),
        (NOW.date() + timedelta(days=91), False),
        (date.max, False),
    ],
)
def test_the_last_day_is_within_what_policy_allows(until: date, allowed: bool) -> None:  # noqa: FBT001 - a table
    verdict = judged(until)
    assert verdict.allowed is allowed
    assert last_day(here(), NOW) == NOW.date() + timedelta(days=90)
    if not allowed:
        assert failed(verdict) == ["until-within"]
        assert dict(verdict.failed[0].facts)["last"] == last_day(here(), NOW).isoformat()


OWNERS = [
    ("team-shop", ""),
    ("security", "not-beneficiary"),
    ("Security", "not-beneficiary"),
    ("team-shop, security", "not-beneficiary"),
    ("ops@example.com; SAM@Example.com", "not-beneficiary"),
    ("sam@example.com", "not-beneficiary"),
    ("sam", "not-beneficiary"),
    ("ops@example.com", ""),
    ("", "beneficiary-unknown:no-owner"),
    ("   ", "beneficiary-unknown:no-owner"),
]


@pytest.mark.security("P7")
@pytest.mark.parametrize(("owner", "found"), OWNERS)
def test_nobody_keeps_what_their_team_or_they_own_nor_what_nobody_owns(
    owner: str, found: str
) -> None:
    assert whose(replace(SHOP, owner=owner)) == found


@pytest.mark.security("P7")
def test_an_owner_that_is_written_there_makes_nobody_a_reviewer() -> None:
    """The annotation can be written by whoever may change the account: it only shuts out."""
    erin = someone("erin", "engineers")
    verdict = judged(reviewer=erin, right=replace(SHOP, owner="erin@example.com"))
    assert set(failed(verdict)) == {"reviewer-named", "not-beneficiary"}


def test_without_groups_only_an_owner_by_address_can_be_told_from_them() -> None:
    blind = someone("sam", unknown_groups=True)
    assert whose(SHOP, blind) == "beneficiary-unknown:groups-unknown"
    assert whose(replace(SHOP, owner="ops@example.com"), blind) == ""


SUBJECTS = [
    ("User oidc:erin@example.com", ""),
    ("User oidc:sam@example.com", "not-beneficiary"),
    ("User sam@example.com", "not-beneficiary"),
    ("User system:anonymous", "beneficiary-unknown:members"),
    ("Group oidc:engineers", ""),
    ("Group oidc:security", "not-beneficiary"),
    ("Group security", "not-beneficiary"),
    ("Group system:authenticated", "not-beneficiary"),
    ("Group system:unauthenticated", "not-beneficiary"),
    ("Group system:serviceaccounts", ""),
    ("Group system:serviceaccounts:shop", ""),
    ("Group system:masters", "beneficiary-unknown:members"),
    ("", "beneficiary-unknown:nobody"),
]


@pytest.mark.security("P7")
@pytest.mark.parametrize(("subject", "found"), SUBJECTS)
def test_people_and_groups_are_known_by_what_they_are_called_in_the_cluster(
    subject: str, found: str
) -> None:
    assert whose(Right("prod", subject=subject)) == found


def test_what_the_policy_does_not_say_of_names_is_a_refusal() -> None:
    user, group = (Right("prod", subject=f"{kind} x") for kind in ("User", "Group"))
    elsewhere = replace(user, cluster="stage")
    assert whose(elsewhere) == "beneficiary-unknown:no-cluster"
    assert whose(replace(group, cluster="stage")) == "beneficiary-unknown:no-cluster"
    cluster = here().clusters[0]
    without = here(clusters=(replace(cluster, groups=""),))
    assert whose(group, policy=without) == "beneficiary-unknown:no-groups"
    claims = here(clusters=(replace(cluster, username="{login}", groups="{x}"),))
    assert whose(user, policy=claims) == "beneficiary-unknown:no-name"
    assert whose(group, policy=claims) == "beneficiary-unknown:no-name"
    blind = someone("sam", unknown_groups=True)
    assert whose(group, blind) == "beneficiary-unknown:groups-unknown"


def test_not_mine_may_be_said_by_the_owner_too_but_by_no_other_than_reviewers() -> None:
    mine = an_answer(right=replace(SHOP, owner="sam@example.com"), has_access=True)
    assert judge_not_mine(here(), mine, NOW, signin_max_age=MAX_AGE).allowed
    for changes in ({"reviewer": None}, {"shown_hash": ""}, {"reviewer": someone("erin")}):
        answering = replace(mine, **changes)
        assert not judge_not_mine(here(), answering, NOW, signin_max_age=MAX_AGE).allowed
