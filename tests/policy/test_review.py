"""The section `review:`: what it says, what is refused, and what each entry is about."""

from dataclasses import replace
from datetime import date, timedelta

import jsonschema
import pytest
import yaml

from grants.errors import PolicyInvalid
from grants.policy.load import load_policy, load_review
from grants.policy.model import Notify, ReviewPolicy, Who
from grants.policy.review_model import Annotations, Scope
from grants.policy.schema import json_schema
from grants.policy.source import PolicyFile
from tests.support.policies import VALID

REVIEW = """\
apiVersion: valetkey/v1
review:
  annotations:
    owner: example.com/owner
    purpose: example.com/purpose
    review_by: example.com/review-by
  window: 60d
  windows:
    - rules: [stale-account, unused-permission]
      namespaces: [billing]
      accounts: ["billing/year-end"]
      window: 400d
  exceptions:
    - rules: [secrets-read]
      accounts: ["ingress/*"]
      reason: Ingress controllers read TLS Secrets
      owner: net@example.com
      until: 2031-12-31
      premise:
        used_only_by: ["Deployment/ingress-*"]
        named_only: true
        namespace_labels: {pod-security.kubernetes.io/enforce: restricted}
  allow:
    - rules: [pods-exec]
      subjects: ["Group oidc:oncall"]
      roles: ["ClusterRole debug"]
      reason: On-call people look into pods
  reviewers: {groups: [security], people: [Ida@example.com]}
  digests:
    - channels: ["#platform"]
      owners: true
      at_least: high
      clusters: [prod]
  fail_on: critical
  fail_on_gain: low
"""


def loaded(text: str) -> ReviewPolicy:
    return load_review([PolicyFile("policy.yaml", text.encode())]).review


def problems(old: str, new: str) -> list[tuple[str, int]]:
    assert old in REVIEW
    with pytest.raises(PolicyInvalid) as refused:
        loaded(REVIEW.replace(old, new, 1))
    return [(problem.code, problem.line) for problem in refused.value.problems]


def test_a_file_that_says_nothing_but_review_is_enough_for_a_review() -> None:
    found = loaded(REVIEW)
    assert found.annotations.asked == (
        "example.com/owner",
        "example.com/purpose",
        "example.com/review-by",
    )
    assert found.reviewers == Who(frozenset({"security"}), frozenset({"ida@example.com"}))
    assert (found.fail_on, found.fail_on_gain) == ("critical", "low")
    assert found.allow[0].scope.subjects == ("Group oidc:oncall",)


def test_an_exception_says_why_whose_until_when_and_on_what_premise() -> None:
    (found,) = loaded(REVIEW).exceptions
    assert (found.reason, found.owner) == (
        "Ingress controllers read TLS Secrets",
        "net@example.com",
    )
    assert found.until == date(2031, 12, 31)
    assert found.premise.used_only_by == ("Deployment/ingress-*",)
    assert found.premise.named_only
    assert found.premise.namespace_labels == (("pod-security.kubernetes.io/enforce", "restricted"),)


def test_digests_name_channels_and_owners() -> None:
    (digest,) = loaded(REVIEW).digests
    assert digest.notify == Notify(channels=("#platform",))
    assert (digest.owners, digest.at_least, digest.scope.clusters) == (True, "high", ("prod",))


def test_the_bot_loads_it_with_all_the_rest() -> None:
    text = VALID + REVIEW.partition("\n")[2]
    found = load_policy([PolicyFile("policy.yaml", text.encode())])
    assert found.policy.review == loaded(REVIEW)
    assert "security" in found.groups
    assert load_policy([PolicyFile("policy.yaml", VALID.encode())]).policy.review == ReviewPolicy()


def test_the_bot_still_needs_the_whole_of_a_policy() -> None:
    with pytest.raises(PolicyInvalid):
        load_policy([PolicyFile("policy.yaml", REVIEW.encode())])


def test_editors_know_the_section() -> None:
    is_valid = jsonschema.Draft202012Validator(json_schema()).is_valid
    assert is_valid(yaml.load(REVIEW, yaml.BaseLoader) | {"review": {}})
    assert not is_valid({"apiVersion": "valetkey/v1", "review": {"windw": "3d"}})


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("window: 60d", "window: 4000d", [("bad-duration", 7)]),
        ("window: 60d", "window: soon", [("bad-duration", 7)]),
        ("window: 60d", "windw: 60d", [("unknown-key", 7)]),
        ("[secrets-read]", "[secret-reading]", [("unknown-rule", 14)]),
        ("rules: [secrets-read]", "rules: []", [("empty-list", 14)]),
        ('accounts: ["ingress/*"]', "accounts: [ingress]", [("bad-pattern", 15)]),
        ("until: 2031-12-31", "until: 2031-13-31", [("bad-day", 18)]),
        ("until: 2031-12-31", "until: [2031]", [("bad-day", 18)]),
        ("      reason: Ingress controllers read TLS Secrets\n", "", [("missing", 14)]),
        ("Deployment/ingress-*", "ingress", [("bad-pattern", 20)]),
        ("named_only: true", "same_rules: abc", [("bad-digest", 21)]),
        ('["Group oidc:oncall"]', "[oncall]", [("bad-pattern", 25)]),
        ('["ClusterRole debug"]', "[debug]", [("bad-pattern", 26)]),
        ("{groups: [security], people: [Ida@example.com]}", "{groups: []}", [("nobody", 28)]),
        ("fail_on: critical", "fail_on: dire", [("bad-value", 34)]),
        ("    owner: example.com/owner\n", "", [("no-owner-annotation", 30)]),
        ("owner: example.com/owner", "owner: -no-", [("bad-name", 4)]),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    old: str, new: str, found: list[tuple[str, int]]
) -> None:
    assert problems(old, new) == found


def test_a_digest_that_names_nobody_is_refused() -> None:
    text = REVIEW.replace('channels: ["#platform"]', "namespaces: [shop]")
    with pytest.raises(PolicyInvalid) as refused:
        loaded(text.replace("      owners: true\n", ""))
    assert [problem.code for problem in refused.value.problems] == ["nobody"]


def test_the_first_window_that_is_about_it_counts() -> None:
    found = loaded(REVIEW)
    yearly = found.window_for(
        "stale-account", "prod", namespace="billing", account="billing/year-end"
    )
    assert yearly == timedelta(days=400)
    for rule, namespace, account in [
        ("token-automount", "billing", "billing/year-end"),
        ("stale-account", "shop", "billing/year-end"),
        ("stale-account", "billing", "billing/other"),
        ("stale-account", None, ""),
    ]:
        usual = found.window_for(rule, "prod", namespace=namespace, account=account)
        assert usual == timedelta(days=60)


SCOPE = Scope(
    frozenset({"bind"}), ("prod-*",), ("shop",), ("shop/*",), ("Group oidc:*",), ("ClusterRole *",)
)


@pytest.mark.parametrize(
    ("changed", "covers"),
    [
        ({}, True),
        ({"account": "", "subject": "Group oidc:a"}, True),
        ({"account": "", "subject": "Group a"}, False),
        ({"account": "", "subject": ""}, False),
        ({"rule": "escalate"}, False),
        ({"cluster": "stage-1"}, False),
        ({"cluster": ""}, False),
        ({"namespace": None}, False),
        ({"role": "Role a"}, False),
        ({"role": ""}, False),
    ],
)
def test_all_that_a_scope_says_must_match(changed: dict[str, str | None], *, covers: bool) -> None:
    about: dict[str, str | None] = {
        "rule": "bind",
        "cluster": "prod-1",
        "namespace": "shop",
        "account": "shop/app",
        "subject": "",
        "role": "ClusterRole a",
    }
    assert SCOPE.covers(**{**about, **changed}) is covers  # type: ignore[arg-type]


def test_an_empty_scope_is_about_everything() -> None:
    assert Scope().covers("bind", "")
    assert replace(SCOPE, subjects=()).covers(
        "bind", "prod-1", namespace="shop", account="shop/a", role="ClusterRole a"
    )
    assert Annotations().asked == ()
