"""Rights outside of RBAC: told by a file, or not seen."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.wording import error_sentence
from grants.authz.model import Question
from grants.authz.objects import Caller, account_caller
from grants.authz.outside import OutsideKind, Sight, not_seen
from grants.errors import BadInput
from grants.review.outside import LARGEST_BYTES, read_outside

PAGE = Path(__file__).parents[2] / "docs" / "usage.md"
DEPLOYER = Caller("ada", frozenset({"deployers"}))
ADMIN = Caller("arn:aws:iam::111122223333:role/admin")


def example() -> str:
    text = PAGE.read_text(encoding="utf-8").partition("## Rights outside of RBAC")[2]
    found = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1]


def a_file(*authorizers: dict) -> bytes:
    whole = {
        "apiVersion": "valetkey/outside/v1",
        "cluster": "prod",
        "authorizers": list(authorizers),
    }
    return json.dumps(whole).encode()


def an_authorizer(**changes) -> dict:
    return {"kind": "webhook", "seen": "all", "read_at": "2026-05-01T02:00:00+02:00"} | changes


def test_the_example_of_the_page_is_read():
    outside = read_outside(example().encode())
    (entries,) = outside.authorizers
    assert (outside.cluster, outside.sight) == ("production", Sight.ALL)
    assert entries.read_at == datetime(2026, 5, 1, tzinfo=UTC)
    secrets = Question("get", resource="secrets", namespace="shop")
    ((kind, right),) = outside.allowances(ADMIN, secrets)
    assert (kind, right.name) == (OutsideKind.EKS_ACCESS_ENTRIES, "AmazonEKSClusterAdminPolicy")
    assert outside.allowances(DEPLOYER, secrets) == ()


@pytest.mark.parametrize(
    ("namespace", "verb", "allowed"),
    [
        ("shop", "get", True),
        ("shop", "delete", False),
        ("other", "get", False),
        (None, "get", False),
    ],
)
def test_a_right_in_namespaces_stays_in_them(namespace, verb, allowed):
    question = Question(verb, "apps", "deployments", namespace=namespace)
    assert bool(read_outside(example().encode()).allowances(DEPLOYER, question)) is allowed


def test_a_service_account_is_found_by_its_name():
    subject = {"kind": "ServiceAccount", "name": "web", "namespace": "shop"}
    rules = [{"verbs": ["get"], "nonResourceURLs": ["/metrics"]}]
    outside = read_outside(
        a_file(an_authorizer(rights=[{"subject": subject, "rules": rules}])),
    )
    asked = Question("get", path="/metrics")
    assert outside.allowances(account_caller("shop", "web"), asked)
    assert not outside.allowances(account_caller("shop", "api"), asked)
    assert not outside.allowances(Caller("web"), asked)


@pytest.mark.parametrize(
    ("seen", "sight"),
    [(["all", "all"], Sight.ALL), (["all", "some"], Sight.SOME), ([], Sight.NOT_SEEN)],
)
def test_how_much_is_known_is_said(seen, sight):
    assert read_outside(a_file(*(an_authorizer(seen=each) for each in seen))).sight is sight


def test_where_nobody_told_it_is_not_seen():
    outside = not_seen("prod")
    assert outside.sight is Sight.NOT_SEEN
    assert outside.allowances(ADMIN, Question("get", resource="pods")) == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"7",
        b"\xff",
        b"a: &x [1]\nb: *x",
        b"apiVersion: valetkey/outside/v1\ncluster: a\ncluster: b\nauthorizers: []",
        a_file(an_authorizer(kind="magic")),
        a_file(an_authorizer(seen="none")),
        a_file(an_authorizer(read_at="yesterday")),
        a_file(an_authorizer(unknown=1)),
        a_file(an_authorizer(rights=[{"subject": {"kind": "Robot", "name": "x"}, "rules": []}])),
        a_file(an_authorizer(rights=[{"subject": {"kind": "User", "name": 7}, "rules": []}])),
        b" " * (LARGEST_BYTES + 1),
    ],
)
def test_what_is_wrong_is_said(data):
    with pytest.raises(BadInput) as refusal:
        read_outside(data, "outside.yaml")
    assert "The file of rights outside of RBAC, outside.yaml" in error_sentence(refusal.value)
