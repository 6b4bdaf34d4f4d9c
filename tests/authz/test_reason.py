"""The reason for what is allowed, word for word as an API server gives it."""

import pytest

from grants.authz.model import Question
from grants.authz.objects import Caller, Subject, account_caller
from grants.authz.rbac import Rbac
from grants.authz.reason import reason_of
from tests.support.rbac_objects import account, bind, group, role, rule, user

PODS = rule("get", "pods")
GET = Question("get", resource="pods", namespace="team")
ADA = Caller("ada", frozenset({"devs"}))


@pytest.mark.parametrize(
    ("subject", "caller", "namespace", "said"),
    [
        (user("ada"), ADA, "", 'ClusterRoleBinding "b" of ClusterRole "r" to User "ada"'),
        (group("devs"), ADA, "team", 'RoleBinding "b/team" of Role "r" to Group "devs"'),
        (account("x"), account_caller("team", "x"), "team",
         'RoleBinding "b/team" of Role "r" to ServiceAccount "x/team"'),
        (account("x", "far"), account_caller("far", "x"), "",
         'ClusterRoleBinding "b" of ClusterRole "r" to ServiceAccount "x/far"'),
    ],
)  # fmt: skip
def test_binding_role_and_subject_are_named(
    subject: Subject, caller: Caller, namespace: str, said: str
) -> None:
    made = role("r", PODS, namespace=namespace)
    rbac = Rbac([made], [bind("b", made, subject, namespace=namespace)])
    assert [reason_of(one) for one in rbac.allowances(caller, GET)] == [f"RBAC: allowed by {said}"]


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ('a "b"', r'"a \"b\""'),
        ("a\\b", r'"a\\b"'),
        ("Ünï", '"Ünï"'),
        ("a\tb\x7f", r'"a\tb\x7f"'),
        ("a\u200b", r'"a\u200b"'),
        ("a\U000e0001", r'"a\U000e0001"'),
    ],
)
def test_names_are_quoted_as_go_does(name: str, quoted: str) -> None:
    made = role(name, PODS)
    (found,) = Rbac([made], [bind("b", made, user("ada"))]).allowances(ADA, GET)
    assert f"of ClusterRole {quoted} to" in reason_of(found)
