"""Whom the API takes a caller for, and what it says to one whom it doesn't know."""

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from syrupy.assertion import SnapshotAssertion

from tests.contracts.api.manifests import (
    ACCOUNTS,
    BINDINGS,
    CLUSTER_BINDINGS,
    NAMESPACES,
    PODS,
    READ_PODS,
    ROLES,
    WHO_AM_I,
    binding,
    cluster_binding,
    cluster_role,
    group,
    rule,
    user,
    username,
)
from tests.contracts.api.manifests import CLUSTER_ROLES as WIDE_ROLES
from tests.contracts.api.stage import NOBODY, Stage, until

WHO: dict[str, Any] = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
UNAUTHORIZED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}


def who(stage: Stage, by: str, **headers: str) -> Any:
    """Ask who one is."""
    return stage.ask("POST", WHO_AM_I, WHO, by=by, headers=headers)


def with_token(stage: Stage, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return stage.ask("GET", PODS, by=NOBODY, headers=headers)


def test_a_person_is_who_the_id_token_says(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.groups["ada"] = ("platform", "on-call")
    found = who(stage, "ada").body["status"]["userInfo"]
    assert found["username"] == stage.fill(username("ada"))
    assert found["groups"] == ["oidc:platform", "oidc:on-call", "system:authenticated"]
    assert stage.told == answers


def test_a_token_without_groups_has_only_everybodys(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    who(stage, "ada")
    assert stage.told == answers


def test_the_administrator_is_a_master(stage: Stage, answers: SnapshotAssertion) -> None:
    who(stage, "admin")
    assert stage.told == answers


def test_a_token_that_bears_an_id_is_told_by_it(stage: Stage) -> None:
    token = stage.served.issuer.token(email="jti@example.com", email_verified=True, jti="abc-1")
    headers = {"Authorization": f"Bearer {token}"}
    reply = stage.send("POST", WHO_AM_I, WHO, by=NOBODY, headers=headers)
    extra = reply.body["status"]["userInfo"]["extra"]
    assert extra == {"authentication.kubernetes.io/credential-id": ["JTI=abc-1"]}


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"exp": int(time.time()) - 60}, id="expired"),
        pytest.param({"nbf": int(time.time()) + 3600}, id="not-yet"),
        pytest.param({"aud": "another"}, id="audience"),
        pytest.param({"iss": "https://127.0.0.1:1"}, id="issuer"),
        pytest.param({"email_verified": False}, id="unverified"),
        pytest.param({"email": None}, id="nameless"),
    ],
)
def test_a_token_that_does_not_hold_is_refused(stage: Stage, claims: dict[str, Any]) -> None:
    sound = {"email": "ada@example.com", "email_verified": True}
    reply = with_token(stage, stage.served.issuer.token(**(sound | claims)))
    assert (reply.status, reply.body) == (401, UNAUTHORIZED)


def test_an_audience_may_be_one_of_many(stage: Stage) -> None:
    claims = {"email": "ada@example.com", "email_verified": True, "aud": ["x", "kubernetes"]}
    token = stage.served.issuer.token(**claims)
    assert with_token(stage, token).status == 403


def test_a_token_that_another_key_signed_is_refused(stage: Stage) -> None:
    issuer = stage.served.issuer
    now = int(time.time())
    claims = {
        "iss": issuer.url,
        "aud": "kubernetes",
        "sub": "s-1",
        "iat": now,
        "exp": now + 600,
        "email": "ada@example.com",
        "email_verified": True,
    }
    token = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, RSAKey.generate_key(2048))
    assert with_token(stage, token).status == 401


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_a_token_that_is_none_is_refused(stage: Stage, token: str) -> None:
    reply = with_token(stage, token)
    assert (reply.status, reply.body) == (401, UNAUTHORIZED)


@pytest.mark.parametrize("path", ["/api", "/version", "/apis", "/nowhere", PODS])
def test_nobody_gets_nothing(stage: Stage, path: str) -> None:
    reply = stage.send("GET", path, by=NOBODY)
    assert (reply.status, reply.body) == (401, UNAUTHORIZED)
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez"])
def test_anybody_may_ask_for_health(stage: Stage, answers: SnapshotAssertion, path: str) -> None:
    assert stage.ask("GET", path, by=NOBODY).text == "ok"
    assert stage.told == answers


def test_an_authorization_that_bears_no_token_is_nobodys(stage: Stage) -> None:
    for value in ("Basic YTpi", "Bearer", "Bearer ", "token"):
        reply = stage.send("GET", PODS, by=NOBODY, headers={"Authorization": value})
        assert (value, reply.status) == (value, 401)


def test_the_word_bearer_may_be_written_small(stage: Stage) -> None:
    headers = {"Authorization": f"bearer {stage.token('admin')}"}
    assert stage.send("GET", PODS, by=NOBODY, headers=headers).status == 200


def test_an_account_is_known_by_a_token_asked_for(stage: Stage, answers: SnapshotAssertion) -> None:
    robot = stage.add_account("robot")
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": 3600},
    }
    made = stage.ask("POST", f"{ACCOUNTS}/robot/token", asked)
    assert made.status == 201
    found = who(stage, robot).body["status"]["userInfo"]
    assert found["username"] == f"system:serviceaccount:{stage.namespace}:robot"
    assert found["groups"] == [
        "system:serviceaccounts",
        f"system:serviceaccounts:{stage.namespace}",
        "system:authenticated",
    ]
    assert stage.told == answers


def test_a_token_is_asked_for_an_account_that_is_there(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    assert stage.ask("POST", f"{ACCOUNTS}/nobody/token", asked).status == 404
    stage.add_account("robot")
    short = {**asked, "spec": {"expirationSeconds": 10}}
    assert stage.ask("POST", f"{ACCOUNTS}/robot/token", short).status == 422
    assert stage.told == answers


def test_a_token_for_another_audience_is_refused(stage: Stage) -> None:
    stage.add_account("robot")
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": ["vault"]},
    }
    made = stage.do("POST", f"{ACCOUNTS}/robot/token", asked)
    assert made.body["spec"]["audiences"] == ["vault"]
    assert with_token(stage, made.body["status"]["token"]).status == 401


def test_a_deleted_accounts_successor_is_not_the_same(stage: Stage) -> None:
    robot = stage.add_account("robot")
    first = who(stage, robot).body["status"]["userInfo"]["uid"]
    stage.do("DELETE", f"{ACCOUNTS}/robot")
    stage.add_account("robot")
    assert stage.do("GET", f"{ACCOUNTS}/robot").uid != first


def test_somebody_may_act_as_another(stage: Stage, answers: SnapshotAssertion) -> None:
    headers = {"Impersonate-User": "grace", "Impersonate-Group": "breakers"}
    found = who(stage, "admin", **headers).body["status"]["userInfo"]
    assert found == {"username": "grace", "groups": ["breakers", "system:authenticated"]}
    who(stage, "admin", **{"Impersonate-User": "system:serviceaccount:{ns}:robot"})
    who(stage, "admin", **{"Impersonate-User": "grace", "Impersonate-Uid": "u-1"})
    who(stage, "admin", **{"Impersonate-User": "grace", "Impersonate-Extra-team": "blue"})
    who(stage, "admin", **{"Impersonate-User": "system:anonymous"})
    assert stage.told == answers


def test_acting_as_another_has_the_others_rights(stage: Stage, answers: SnapshotAssertion) -> None:
    stage.grant("ada", READ_PODS)
    headers = {"Impersonate-User": username("ada")}
    assert stage.ask("GET", PODS, headers=headers).status == 200
    assert stage.ask("GET", ACCOUNTS, headers=headers).status == 403
    assert stage.told == answers


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Impersonate-User": "grace"}, id="user"),
        pytest.param({"Impersonate-User": "system:serviceaccount:{ns}:robot"}, id="account"),
        pytest.param({"Impersonate-User": "system:anonymous"}, id="anonymous"),
    ],
)
def test_acting_as_another_is_refused_to_whoever_may_not(
    stage: Stage, answers: SnapshotAssertion, headers: dict[str, str]
) -> None:
    assert stage.ask("GET", PODS, by="ada", headers=headers).status == 403
    assert stage.told == answers


def test_acting_for_a_group_needs_a_right_of_its_own(
    stage: Stage, answers: SnapshotAssertion
) -> None:
    actor = rule("impersonate", "users", names="grace")
    stage.do("POST", WIDE_ROLES, cluster_role("actor-{word}", actor))
    made = cluster_binding("actor-{word}", "actor-{word}", user("ada"))
    stage.do("POST", CLUSTER_BINDINGS, made)
    stage.until_may("ada", "impersonate", "users", name="grace")
    assert who(stage, "ada", **{"Impersonate-User": "grace"}).status == 201
    both = {"Impersonate-User": "grace", "Impersonate-Group": "breakers"}
    assert who(stage, "ada", **both).status == 403
    assert stage.told == answers


def test_a_group_to_act_for_needs_a_user(stage: Stage, answers: SnapshotAssertion) -> None:
    who(stage, "admin", **{"Impersonate-Group": "breakers"})
    who(stage, "admin", **{"Impersonate-Uid": "u-1"})
    assert stage.told == answers


def test_rights_of_a_group_reach_whoever_the_token_puts_into_it(stage: Stage) -> None:
    stage.groups["ada"] = ("platform",)
    stage.do("POST", BINDINGS, binding("all", "ClusterRole/view", group("oidc:platform")))
    until(lambda: stage.send("GET", PODS, by="ada").status == 200, "the group may read")
    assert stage.send("GET", PODS, by="grace").status == 403
    assert stage.send("GET", ROLES, by="ada").status == 403
    assert stage.send("GET", NAMESPACES, by="ada").status == 403
