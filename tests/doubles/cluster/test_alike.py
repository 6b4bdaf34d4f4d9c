"""What both clusters refuse: the double, and the real one that says what is right."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from bot.playground.processes import wait_until

if TYPE_CHECKING:
    from bot.playground.plane import Plane
    from tests.support.issuer import SmallIssuer

GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
# A real API server believes a token for ten seconds more than its account stands.
BELIEVED = timedelta(seconds=20)


@pytest.fixture(params=["embedded", "control_plane"])
def plane(request: pytest.FixtureRequest) -> Plane:
    found: Plane = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def home(request: pytest.FixtureRequest, plane: Plane) -> str:
    name = "namespace" if request.node.callspec.params["plane"] != "embedded" else ""
    found: str = request.getfixturevalue(name or "embedded_namespace")
    return found


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"email": "ada@example.com", "email_verified": True}, 201),
        ({"email": "ada@example.com", "email_verified": False}, 401),
        ({"email": "ada@example.com", "email_verified": "true"}, 401),
        ({"email": "ada@example.com"}, 401),
        ({"email_verified": True}, 401),
        ({"email": "ada@example.com", "email_verified": True, "aud": "another"}, 401),
        ({"email": "ada@example.com", "email_verified": True, "aud": ["a", "kubernetes"]}, 201),
        ({"email": "ada@example.com", "email_verified": True, "exp": 1}, 401),
        ({"email": "ada@example.com", "email_verified": True, "nbf": 4_000_000_000}, 401),
        ({"email": "ada@example.com", "email_verified": True, "iss": "https://a.example"}, 401),
        ({"email": "ada@example.com", "email_verified": True, "groups": "one"}, 201),
        ({"email": "ada@example.com", "email_verified": True, "groups": [1]}, 401),
    ],
)
def test_who_a_token_proves(
    plane: Plane, small_issuer: SmallIssuer, claims: dict[str, Any], status: int
) -> None:
    token = small_issuer.token(**claims)
    answer = plane.request("POST", WHOAMI, {"kind": "SelfSubjectReview"}, token=token)
    assert answer.status == status, answer.body


def test_a_token_is_of_one_account_and_not_of_its_name(plane: Plane, home: str) -> None:
    accounts = f"/api/v1/namespaces/{home}/serviceaccounts"
    plane.admin_request("POST", accounts, {"metadata": {"name": "robot"}})
    asked = {"spec": {"expirationSeconds": 3600}}
    made = plane.admin_request("POST", f"{accounts}/robot/token", asked)
    token = made["status"]["token"]

    def status() -> int:
        return plane.request("POST", WHOAMI, {}, token=token).status

    assert status() == 201
    plane.admin_request("DELETE", f"{accounts}/robot")
    plane.admin_request("POST", accounts, {"metadata": {"name": "robot"}})
    wait_until(lambda: status() == 401, within=BELIEVED, what="the old token refused")


def test_only_who_holds_everything_makes_a_role_gather(
    plane: Plane, home: str, small_issuer: SmallIssuer
) -> None:
    email = f"maker-{home}@example.com"
    token = small_issuer.token(email=email, email_verified=True)
    rules = [{"apiGroups": [GROUP], "resources": ["clusterroles"], "verbs": ["create", "update"]}]
    plane.admin_request(
        "POST", f"{RBAC}/clusterroles", {"metadata": {"name": f"make-{home}"}, "rules": rules}
    )
    ref = {"apiGroup": GROUP, "kind": "ClusterRole", "name": f"make-{home}"}
    subject = {"apiGroup": GROUP, "kind": "User", "name": f"oidc:{email}"}
    plane.admin_request(
        "POST",
        f"{RBAC}/clusterrolebindings",
        {"metadata": {"name": f"make-{home}"}, "roleRef": ref, "subjects": [subject]},
    )
    selector = {"clusterRoleSelectors": [{"matchLabels": {"a": home}}]}
    gathers = {"metadata": {"name": f"gathers-{home}"}, "aggregationRule": selector}
    plain = {"metadata": {"name": f"plain-{home}"}, "rules": rules}

    def made(what: dict[str, Any]) -> Any:
        return plane.request("POST", f"{RBAC}/clusterroles", what, token=token)

    wait_until(lambda: made(plain).status == 201, within=BELIEVED, what="may make roles")
    refused = made(gathers)
    assert refused.status == 403
    assert refused.body["message"].endswith(
        "must have cluster-admin privileges to use the aggregationRule"
    )
    for path in ("clusterroles/make-", "clusterroles/plain-", "clusterrolebindings/make-"):
        plane.admin_request("DELETE", f"{RBAC}/{path}{home}")


@pytest.mark.parametrize("path", ["roles", "roles/one"])
def test_a_version_from_the_future_is_not_answered(plane: Plane, home: str, path: str) -> None:
    """A real one waits three seconds for it to come."""
    where = f"{RBAC}/namespaces/{home}/{path}?resourceVersion=99999999"
    answer = plane.request("GET", where, token=plane.admin_token)
    assert (answer.status, answer.body["reason"]) == (504, "Timeout")
    assert "Too large resource version: 99999999, current: " in answer.body["message"]
