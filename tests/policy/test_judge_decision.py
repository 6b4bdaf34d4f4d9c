"""A click on a card, judged by every rule at that moment."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.authz.model import RoleRef, Rule
from grants.errors import Reason
from grants.policy import deciding
from grants.policy.judge import (
    REASON_CODES,
    Agreed,
    Click,
    RoleGap,
    Verdict,
    judge_decision,
    quorum_of,
)
from grants.policy.model import Policy, Stage, Who
from tests.support.policies import (
    MAX_AGE,
    NOW,
    VIEW,
    an_ask,
    policy,
    snapshot,
    someone,
)

LEAD = someone("ada", "leads")


def agreed(**changes: Any) -> Agreed:
    item = Agreed(an_ask(), VIEW, snapshot().digest, "oidc:erin@example.com")
    return replace(item, **changes)


def a_click(**changes: Any) -> Click:
    """A click that the valid policy allows: Ada approves what Erin asks for."""
    click = Click(
        approver=LEAD,
        approves=True,
        requester="per-erin",
        recipient="per-erin",
        pending=True,
        pending_until=NOW + timedelta(hours=1),
        stage=0,
        shown_hash="h" * 64,
        terms_hash="h" * 64,
        items=(agreed(),),
    )
    return replace(click, **changes)


def judge(click: Click, of: Policy | None = None) -> Verdict:
    return judge_decision(of or policy(), click, NOW, signin_max_age=MAX_AGE)


def failed_codes(click: Click, of: Policy | None = None) -> list[str]:
    verdict = judge(click, of)
    assert not verdict.allowed
    return [reason.code for reason in verdict.failed]


def test_an_eligible_approver_may_approve_and_is_told_why() -> None:
    verdict = judge(a_click())
    assert verdict.allowed
    assert verdict.find("approver-eligible") == Reason(
        "approver-eligible",
        holds=True,
        facts=(("entitlement", "view-shop"), ("stage", "0"), ("by", "group"), ("name", "leads")),
    )
    boss = judge(a_click(approver=someone("boss"))).find("approver-eligible")
    assert boss is not None
    assert boss.facts[2:] == (("by", "person"), ("name", "boss@example.com"))


STALE = someone("ada", "leads", signed_in=NOW - MAX_AGE - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"approver": None}, ["approver-linked"]),
        ({"approver": STALE}, ["approver-sign-in-fresh"]),
        ({"approver": someone("bob", "engineers")}, ["approver-eligible"]),
        ({"approver": someone("bob", unknown_groups=True)}, ["groups-unknown"]),
        ({"approver": someone("erin", "leads")}, ["not-own"]),
        ({"recipient": "per-ada"}, ["not-own"]),
        ({"requester": "per-ada"}, ["not-own"]),
        ({"decided": frozenset({"per-ada"})}, ["not-twice"]),
        ({"shown_hash": "g" * 64}, ["terms-same"]),
        ({"shown_hash": ""}, ["terms-same"]),
        ({"shown_hash": "", "terms_hash": ""}, ["terms-same"]),
        ({"pending": False}, ["stage-open"]),
        ({"pending_until": NOW}, ["stage-open"]),
    ],
)
@pytest.mark.parametrize("approves", [True, False])
@pytest.mark.security("P7")
def test_who_may_not_decide_may_neither_approve_nor_deny(
    changes: dict[str, Any], codes: list[str], *, approves: bool
) -> None:
    assert failed_codes(a_click(approves=approves, **changes)) == codes


@pytest.mark.parametrize("stage", [1, -1, 99])
def test_a_stage_that_policy_does_not_have_is_nobodys_to_decide(stage: int) -> None:
    assert failed_codes(a_click(stage=stage)) == ["not-judged"]


def test_without_items_there_is_nothing_to_decide() -> None:
    assert failed_codes(a_click(items=())) == ["not-judged"]


def ask_changed(**changes: Any) -> Click:
    return a_click(items=(agreed(ask=an_ask(**changes)),))


@pytest.mark.security("P6")
@pytest.mark.parametrize(
    ("click", "codes"),
    [
        (ask_changed(role=snapshot(Rule(("get",), ("",), ("nodes",)))), ["role-same"]),
        (ask_changed(role=RoleGap.UNREAD), ["role-unread"]),
        (ask_changed(role=RoleGap.MISSING), ["role-missing"]),
        (ask_changed(asker=someone("erin", "others")), ["may-ask"]),
        (ask_changed(namespace_exists=False), ["namespace-exists"]),
        (ask_changed(asker=someone("erin", "engineers", signed_in=STALE.sign_in.at)),
         ["sign-in-fresh"]),
        (a_click(items=(agreed(role=RoleRef("Role", "view")),)), ["role-same"]),
        (a_click(items=(agreed(subject="oidc:erin.e@example.com"),)), ["subject-same"]),
    ],
)  # fmt: skip
def test_what_changed_since_the_card_was_shown_can_not_be_approved_but_denied(
    click: Click, codes: list[str]
) -> None:
    assert failed_codes(click) == codes
    assert judge(replace(click, approves=False)).allowed


@pytest.mark.security("P6")
@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("{groups: [engineers]}", "{groups: [others]}", "may-ask"),
        ("maximum: 8h", "maximum: 1h", "duration-within"),
        ('[shop, "shop-*"]', "[bank]", "namespace-covered"),
        ("name: view}", "name: edit}", "role-other"),
        ("oidc:{email}", "other:{email}", "subject-same"),
    ],
)
def test_a_policy_that_no_longer_allows_the_terms_is_no_yes(old: str, new: str, code: str) -> None:
    assert failed_codes(a_click(), policy((old, new))) == [code]


def test_an_entitlement_taken_out_can_not_be_decided_any_more() -> None:
    gone = policy(("name: view-shop", "name: view-other"))
    assert failed_codes(a_click(), gone) == ["entitlement-known"]
    assert not judge(a_click(approves=False), gone).allowed


def test_a_cluster_taken_out_can_not_be_approved_any_more() -> None:
    gone = policy(("name: prod", "name: live"), ("clusters: [prod]", "clusters: [live]"))
    assert failed_codes(a_click(), gone) == ["cluster-known"]


def test_a_policy_edit_that_leaves_the_terms_allowed_voids_nothing() -> None:
    edited = policy(("maximum: 8h", "maximum: 4h"), ("Look at the shop", "See the shop"))
    assert judge(a_click(), edited).allowed


def test_every_item_of_a_request_is_judged() -> None:
    bad = agreed(ask=an_ask(namespace="bank"))
    assert failed_codes(a_click(items=(agreed(), bad))) == ["namespace-covered"]


def test_everyone_is_never_eligible_to_decide() -> None:
    found = policy()
    stage = Stage(Who(everyone=True))
    open_to_all = replace(found, entitlements=(replace(found.entitlements[0], stages=(stage,)),))
    assert failed_codes(a_click(), open_to_all) == ["approver-eligible"]


def test_the_quorum_is_the_policys_in_force() -> None:
    two = policy(("people: [boss@example.com]}", "quorum: 2}"))
    assert quorum_of(two, "view-shop", 0) == 2
    assert quorum_of(two, "view-shop", 1) is None
    assert quorum_of(two, "view-shop", -1) is None
    assert quorum_of(two, "nope", 0) is None


CLICK_RULES = [name for name, _ in deciding.CLICK_RULES]


@given(st.sampled_from(CLICK_RULES), st.booleans())
def test_a_rule_that_raises_refuses(broken: str, approves: bool) -> None:  # noqa: FBT001
    def breaks(_: object) -> Reason:
        raise KeyError

    rules = tuple((n, breaks if n == broken else r) for n, r in deciding.CLICK_RULES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deciding, "CLICK_RULES", rules)
        verdict = judge(a_click(approves=approves))
    assert [reason.code for reason in verdict.failed] == ["rule-failed"]
    assert not verdict.allowed


@given(
    st.dictionaries(
        st.sampled_from(["approver", "stage", "shown_hash", "decided"]),
        st.one_of(st.none(), st.text(max_size=3), st.integers()),
        min_size=1,
    )
)
def test_nonsense_is_refused_never_raised(changes: dict[str, Any]) -> None:
    click = a_click(**changes)
    verdict = judge(click)
    assert {reason.code for reason in verdict.reasons} <= set(REASON_CODES)
    if verdict.allowed:
        assert set(changes) <= {"stage", "decided"}
        assert click.stage == 0
