"""A request judged by every rule of policy."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.authz.model import RoleRef, Rule
from grants.errors import Reason
from grants.policy import requesting
from grants.policy.judge import (
    REASON_CODES,
    REASON_MAX_CHARS,
    SNAPSHOT_MAX_AGE,
    Ask,
    RoleGap,
    Verdict,
    judge_admin,
    judge_request,
)
from grants.policy.model import AcceptedRisk, Policy
from tests.support.policies import MAX_AGE, NOW, an_ask, policy, snapshot, someone

SECRETS = Rule(("get",), ("",), ("secrets",))
READ = Rule(("get",), ("",), ("pods",))
ENTITLEMENT = ("entitlement", "view-shop")


def judge(ask: Ask, of: Policy | None = None) -> Verdict:
    return judge_request(of or policy(), ask, NOW, signin_max_age=MAX_AGE)


def entitled(**changes: Any) -> Policy:
    """The valid policy with its one entitlement changed."""
    found = policy()
    return replace(found, entitlements=(replace(found.entitlements[0], **changes),))


def test_what_policy_allows_is_allowed_with_every_rule_told() -> None:
    verdict = judge(an_ask())
    assert verdict.allowed
    assert [reason.code for reason in verdict.reasons] == [
        name for name, _ in requesting.REQUEST_RULES
    ]
    assert verdict.failed == ()
    assert verdict.find("may-ask") == Reason(
        "may-ask", holds=True, facts=(ENTITLEMENT, ("by", "group"), ("name", "engineers"))
    )
    assert verdict.find("subject-rendered") == Reason(
        "subject-rendered", holds=True, facts=(("subject", "oidc:erin@example.com"),)
    )


@pytest.mark.parametrize(
    ("changes", "code", "facts"),
    [
        ({"entitlement": "nope"}, "entitlement-known", {"entitlement": "nope"}),
        ({"cluster": "nope"}, "cluster-known", {"cluster": "nope"}),
        ({"namespace": "bank"}, "namespace-covered", {"namespace": "bank"}),
        ({"namespace": "shops"}, "namespace-covered", {"namespace": "shops"}),
        ({"namespace": ""}, "namespace-covered", {"namespace": ""}),
        ({"namespace": None}, "namespace-covered", {"namespace": ""}),
        ({"namespace_exists": False}, "namespace-exists", {"namespace": "shop-web"}),
        ({"namespace_exists": None}, "namespace-unread", {"namespace": "shop-web"}),
        ({"asker": someone("erin", "others")}, "may-ask", {"entitlement": "view-shop"}),
        ({"open_requests": 100}, "open-requests-within", {"open": "100", "maximum": "100"}),
        ({"duration": timedelta(0)}, "duration-whole", {"duration": "0s"}),
        ({"duration": timedelta(hours=-1)}, "duration-whole", {"duration": "-1h"}),
        ({"duration": timedelta(seconds=1.5)}, "duration-whole", {"duration": "1s"}),
        ({"duration": timedelta(hours=8, seconds=1)}, "duration-within",
         {"duration": "8h1s", "maximum": "8h"}),
        ({"duration": timedelta(days=999_999_999)}, "duration-within", {"maximum": "8h"}),
        ({"reason": ""}, "reason-given", {}),
        ({"reason": " \n\u00a0\u200b\u202e"}, "reason-given", {}),
        ({"reason": "x" * (REASON_MAX_CHARS + 1)}, "reason-length",
         {"length": "501", "maximum": "500"}),
        ({"role": RoleGap.MISSING}, "role-missing", {"role": "ClusterRole/view"}),
        ({"role": RoleGap.UNREAD}, "role-unread", {"role": "ClusterRole/view"}),
        ({"role": snapshot(ref=RoleRef("Role", "view"))}, "role-other", {"found": "Role/view"}),
        ({"role": snapshot(at=NOW - SNAPSHOT_MAX_AGE - timedelta(seconds=1))}, "role-stale", {}),
        ({"role": snapshot(at=NOW + timedelta(minutes=1))}, "role-stale", {}),
        ({"role": snapshot(SECRETS)}, "risks-accepted",
         {"risks": "secrets-read", "missing": "secrets-read"}),
        ({"asker": someone("erin", "engineers", verified=False)}, "email-unverified", {}),
    ],
)  # fmt: skip
def test_each_rule_refuses_what_breaks_it_and_says_why(
    changes: dict[str, Any], code: str, facts: dict[str, str]
) -> None:
    verdict = judge(an_ask(**changes))
    assert not verdict.allowed
    (failed,) = verdict.failed
    assert failed.code == code
    assert facts.items() <= dict(failed.facts).items()


@pytest.mark.parametrize(
    "changes",
    [
        {"reason": "x" * REASON_MAX_CHARS},
        {"duration": timedelta(hours=8)},
        {"duration": timedelta(seconds=1)},
        {"namespace": "shop"},
        {"role": snapshot(at=NOW - SNAPSHOT_MAX_AGE)},
        {"role": snapshot(at=NOW + timedelta(seconds=5))},
        {"asker": someone("erin", "engineers", signed_in=NOW - MAX_AGE)},
        {"asker": someone("erin", "engineers", signed_in=NOW)},
    ],
)
def test_what_just_fits_is_allowed(changes: dict[str, Any]) -> None:
    assert judge(an_ask(**changes)).allowed


def test_a_cluster_that_policy_has_but_the_entitlement_does_not_is_refused() -> None:
    two = policy(("entitlements:", '  - name: lab\n    username: "{sub}"\nentitlements:'))
    (failed,) = judge(an_ask(cluster="lab"), two).failed
    assert failed == Reason("cluster-covered", holds=False, facts=(ENTITLEMENT, ("cluster", "lab")))


@pytest.mark.parametrize(
    "signed_in", [NOW - MAX_AGE - timedelta(microseconds=1), NOW + timedelta(microseconds=1)]
)
def test_a_sign_in_too_old_or_from_the_future_is_refused(signed_in: Any) -> None:
    asker = someone("erin", "engineers", signed_in=signed_in)
    (failed,) = judge(an_ask(asker=asker)).failed
    assert failed.code == "sign-in-fresh"
    assert dict(failed.facts) == {"signed_in_at": signed_in.isoformat(), "maximum": "12h"}


@pytest.mark.security("P4")
def test_unknown_groups_are_refused_as_such() -> None:
    asker = someone("erin", unknown_groups=True)
    codes = {reason.code for reason in judge(an_ask(asker=asker)).failed}
    assert codes == {"groups-unknown"}
    people_only = entitled(ask=policy().auditors)
    assert judge(an_ask(asker=asker), people_only).find("may-ask") is not None


def test_a_reason_is_needed_only_where_policy_says_so() -> None:
    optional = policy(("    role:", "    reason: optional\n    role:"))
    assert judge(an_ask(reason=""), optional).allowed


def test_several_rules_broken_are_all_told() -> None:
    verdict = judge(an_ask(duration=timedelta(0), reason="", namespace="bank"))
    assert [reason.code for reason in verdict.failed] == [
        "namespace-covered",
        "duration-whole",
        "reason-given",
    ]


def test_rules_that_hang_on_another_are_not_judged_and_not_told() -> None:
    verdict = judge(an_ask(entitlement="nope"))
    skipped = [r for r in verdict.reasons if r.code == "not-judged"]
    assert Reason("not-judged", holds=False, facts=(("rule", "may-ask"),)) in skipped
    assert [reason.code for reason in verdict.failed] == ["entitlement-known"]


def test_a_verdict_without_reasons_allows_nothing() -> None:
    assert not Verdict(()).allowed
    alone = Verdict((Reason("not-judged", holds=False),))
    assert alone.failed == alone.reasons


@pytest.mark.security("G5")
def test_accepted_risks_are_allowed_and_no_others() -> None:
    accepting = entitled(accept_risk=AcceptedRisk(frozenset({"secrets-read"}), "On call"))
    assert judge(an_ask(role=snapshot(SECRETS)), accepting).allowed
    more = snapshot(SECRETS, Rule(("bind",), ("rbac.authorization.k8s.io",), ("roles",)))
    (failed,) = judge(an_ask(role=more), accepting).failed
    assert dict(failed.facts) == {"risks": "bind, secrets-read", "missing": "bind"}


@pytest.mark.security("G5")
@pytest.mark.parametrize(
    ("namespace", "own", "missing"),
    [
        ("kube-system", None, "system-namespace"),
        ("valetkey", None, "own-namespace"),
        ("vk-here", "vk-here", "own-namespace"),
        ("shop", "vk-here", None),
    ],
)
def test_risky_namespaces_need_accepting(
    namespace: str, own: str | None, missing: str | None
) -> None:
    anywhere = entitled(namespaces=("*",))
    verdict = judge(an_ask(namespace=namespace, own_namespace=own), anywhere)
    assert verdict.allowed is (missing is None)
    if missing:
        assert dict(verdict.failed[0].facts)["missing"] == missing


def test_cluster_wide_access_needs_no_namespace() -> None:
    wide = entitled(cluster_wide=True, namespaces=())
    assert judge(an_ask(namespace=None, namespace_exists=None), wide).allowed
    assert not judge(an_ask(namespace="shop"), wide).allowed


def test_names_are_those_of_who_receives() -> None:
    verdict = judge(an_ask(recipient=someone("omar", "a", "b")))
    subject, groups = verdict.find("subject-rendered"), verdict.find("groups-rendered")
    assert subject is not None
    assert groups is not None
    assert dict(subject.facts)["subject"] == "oidc:omar@example.com"
    assert dict(groups.facts)["count"] == "2"


def test_an_admin_is_judged_by_name_and_sign_in() -> None:
    admin = someone("alex", "admins")
    assert judge_admin(policy(), admin, NOW, signin_max_age=MAX_AGE).allowed
    for known, code in (
        (someone("erin", "engineers"), "is-admin"),
        (someone("alex", unknown_groups=True), "groups-unknown"),
        (someone("alex", "admins", signed_in=NOW - timedelta(days=1)), "sign-in-fresh"),
    ):
        verdict = judge_admin(policy(), known, NOW, signin_max_age=MAX_AGE)
        assert [reason.code for reason in verdict.failed] == [code]


RULE_NAMES = [name for name, _ in requesting.REQUEST_RULES]


@given(st.sets(st.sampled_from(RULE_NAMES), min_size=1))
def test_a_rule_that_raises_refuses_and_the_others_are_judged_still(broken: set[str]) -> None:
    def breaks(_: object) -> Reason:
        raise ZeroDivisionError

    rules = tuple((n, breaks if n in broken else r) for n, r in requesting.REQUEST_RULES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requesting, "REQUEST_RULES", rules)
        verdict = judge(an_ask())
    assert not verdict.allowed
    assert len(verdict.reasons) == len(RULE_NAMES)
    assert {dict(reason.facts)["rule"] for reason in verdict.failed} == broken
    assert {dict(reason.facts)["error"] for reason in verdict.failed} == {"ZeroDivisionError"}
    assert sum(reason.holds for reason in verdict.reasons) == len(RULE_NAMES) - len(broken)


STRANGE = st.one_of(st.none(), st.text(max_size=10), st.integers(), st.binary(max_size=3))


@given(
    st.dictionaries(
        st.sampled_from(
            ["asker", "entitlement", "cluster", "namespace", "duration", "reason", "role"]
        ),
        STRANGE,
        min_size=1,
    )
)
def test_whatever_nonsense_comes_in_a_verdict_comes_out(changes: dict[str, Any]) -> None:
    verdict = judge(an_ask(**changes))
    assert len(verdict.reasons) == len(RULE_NAMES)
    assert {reason.code for reason in verdict.reasons} <= set(REASON_CODES)
    # Only a reason may be any text; all else is refused unless it is what the policy names.
    assert not verdict.allowed or set(changes) == {"reason"}


@given(
    st.frozensets(st.sampled_from(["engineers", "x", "y"])),
    st.frozensets(st.sampled_from(["engineers", "x", "y"])),
)
def test_another_group_never_turns_yes_into_no(held: frozenset[str], more: frozenset[str]) -> None:
    before = judge(an_ask(asker=someone("erin", *held)))
    after = judge(an_ask(asker=someone("erin", *(held | more))))
    assert after.allowed >= before.allowed


@given(st.timedeltas(timedelta(0), timedelta(days=2)), st.timedeltas(timedelta(0)))
def test_asking_for_less_time_never_turns_yes_into_no(asked: timedelta, less: timedelta) -> None:
    if judge(an_ask(duration=asked)).allowed and timedelta(0) < less <= asked:
        whole = timedelta(seconds=max(1, int(less.total_seconds())))
        assert judge(an_ask(duration=whole)).allowed
