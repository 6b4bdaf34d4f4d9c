"""Acting as somebody else in the constrained way: whom, and for what, are two rights."""

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.manifests import (
    ACCOUNTS,
    BINDINGS,
    CLUSTER_BINDINGS,
    CLUSTER_ROLES,
    PODS,
    ROLES,
    WHO_AM_I,
    Json,
    binding,
    cluster_binding,
    cluster_role,
    role,
    rule,
    user,
)
from tests.contracts.api.stage import Stage

AUTHENTICATION = "authentication.k8s.io"
GRACE = "grace-{word}"
ROBOT = "system:serviceaccount:{ns}:robot"


@pytest.fixture
def actor(stage: Stage) -> Stage:
    """ada may act as grace and as robot, for listing pods in this namespace alone."""
    whom = rule("impersonate:user-info", "users", AUTHENTICATION, GRACE)
    stage.do("POST", CLUSTER_ROLES, cluster_role("whom-{word}", whom))
    made = cluster_binding("whom-{word}", "whom-{word}", user("ada"))
    stage.do("POST", CLUSTER_BINDINGS, made)
    account = rule("impersonate:serviceaccount", "serviceaccounts", AUTHENTICATION, "robot")
    what = rule("impersonate-on:user-info:list impersonate-on:serviceaccount:list", "pods")
    stage.do("POST", ROLES, role("what", account, what))
    stage.do("POST", BINDINGS, binding("what", "Role/what", user("ada")))
    grace = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": GRACE}
    robot = {"kind": "ServiceAccount", "name": "robot", "namespace": "{ns}"}
    stage.do("POST", BINDINGS, binding("readers", "ClusterRole/view", grace, robot))
    name = stage.fill(GRACE)
    stage.until_may("ada", "impersonate:user-info", "users", group=AUTHENTICATION, name=name)
    stage.until_may("ada", "impersonate-on:user-info:list", "pods")
    return stage


def act(stage: Stage, path: str, whom: str, **more: str) -> int:
    return stage.ask("GET", path, by="ada", headers={"Impersonate-User": whom} | more).status


def test_whom_and_what_are_both_asked_for(actor: Stage, answers: SnapshotAssertion) -> None:
    assert act(actor, PODS, GRACE) == 200
    assert act(actor, f"{PODS}/one", GRACE) == 403
    assert act(actor, ACCOUNTS, GRACE) == 403
    assert act(actor, "/api/v1/pods", GRACE) == 403
    assert act(actor, PODS, "somebody") == 403
    assert actor.told == answers


def test_an_account_is_acted_as_by_a_right_of_its_own(
    actor: Stage, answers: SnapshotAssertion
) -> None:
    assert act(actor, PODS, ROBOT) == 200
    assert act(actor, f"{PODS}/one", ROBOT) == 403
    assert act(actor, PODS, "system:serviceaccount:{ns}:other") == 403
    assert actor.told == answers


def test_groups_and_more_are_asked_for_one_by_one(actor: Stage, answers: SnapshotAssertion) -> None:
    more: list[Json] = [
        {"Impersonate-Group": "breakers"},
        {"Impersonate-Uid": "u-1"},
        {"Impersonate-Extra-team": "blue"},
        {"Impersonate-Extra-Example.com%2Fteam": "blue"},
    ]
    for headers in more:
        assert act(actor, PODS, GRACE, **headers) == 403
    assert actor.told == answers


def test_who_acts_is_not_told_to_whoever_asks_who_they_are(
    actor: Stage, answers: SnapshotAssertion
) -> None:
    review = {"apiVersion": f"{AUTHENTICATION}/v1", "kind": "SelfSubjectReview"}
    headers = {"Impersonate-User": GRACE}
    assert actor.ask("POST", WHO_AM_I, review, by="ada", headers=headers).status == 403
    assert actor.told == answers
