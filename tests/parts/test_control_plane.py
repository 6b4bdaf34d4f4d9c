"""The control plane is real: RBAC, OIDC, admission, audit, and a partition that shows."""

from __future__ import annotations

import json
import subprocess
from datetime import timedelta
from typing import Any

import pytest

from bot.playground.controlplane import config
from bot.playground.processes import wait_until

RBAC = "/apis/rbac.authorization.k8s.io/v1"
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEW = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
SOON = timedelta(seconds=20)


def test_a_verified_email_and_the_groups_become_the_kubernetes_names(control_plane, small_issuer):
    token = small_issuer.token(email="ada@example.com", email_verified=True, groups=["dev", "sre"])
    answer = control_plane.request("POST", WHOAMI, REVIEW, token=token)
    assert answer.status == 201
    assert answer.body["status"]["userInfo"]["username"] == "oidc:ada@example.com"
    assert answer.body["status"]["userInfo"]["groups"] == [
        "oidc:dev",
        "oidc:sre",
        "system:authenticated",
    ]


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "ada@example.com", "email_verified": False},
        {"email": "ada@example.com"},
        {"email_verified": True},
        {"email": "ada@example.com", "email_verified": True, "aud": "someone-else"},
        {"email": "ada@example.com", "email_verified": True, "exp": 1},
        {"email": "ada@example.com", "email_verified": True, "iss": "https://elsewhere.example"},
    ],
    ids=[
        "unverified",
        "verified unknown",
        "no email",
        "foreign audience",
        "expired",
        "foreign issuer",
    ],
)
def test_a_token_that_proves_no_verified_email_is_refused(control_plane, small_issuer, claims):
    answer = control_plane.request("POST", WHOAMI, REVIEW, token=small_issuer.token(**claims))
    assert answer.status == 401


def test_nobody_is_anonymous_but_to_ask_for_health(control_plane):
    assert control_plane.request("GET", "/readyz").status == 200
    assert control_plane.request("GET", "/api/v1/namespaces").status == 401


def test_a_role_binding_allows_and_its_deletion_forbids_and_the_audit_log_says_why(
    control_plane, small_issuer, namespace
):
    token = small_issuer.token(email="bo@example.com", email_verified=True)
    path = f"/api/v1/namespaces/{namespace}/pods"
    bindings = f"{RBAC}/namespaces/{namespace}/rolebindings"

    def status() -> int:
        return control_plane.request("GET", path, token=token).status

    assert status() == 403
    control_plane.admin_request("POST", bindings, _binding("b1", "oidc:bo@example.com"))
    wait_until(lambda: status() == 200, within=SOON, what="allowed")
    control_plane.admin_request("DELETE", f"{bindings}/b1")
    wait_until(lambda: status() == 403, within=SOON, what="forbidden again")

    decisions = {"allow": "RoleBinding", "forbid": ""}
    for decision, reason in decisions.items():
        event = control_plane.wait_audit(
            lambda event, decision=decision: (
                event["requestURI"] == path
                and event["user"]["username"] == "oidc:bo@example.com"
                and event["annotations"]["authorization.k8s.io/decision"] == decision
            )
        )
        assert reason in event["annotations"]["authorization.k8s.io/reason"]


def test_the_controllers_fill_the_aggregated_roles_and_end_namespaces(control_plane):
    namespaces = "/api/v1/namespaces"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short-lived"}}
    control_plane.admin_request("POST", namespaces, body)
    control_plane.admin_request("DELETE", f"{namespaces}/short-lived")

    def gone() -> bool:
        path = f"{namespaces}/short-lived"
        return control_plane.request("GET", path, token=control_plane.admin_token).status == 404

    wait_until(gone, within=SOON, what="the namespace gone")
    edit = control_plane.admin_request("GET", f"{RBAC}/clusterroles/edit")
    assert len(edit["rules"]) > 5


def test_an_admission_policy_binds_even_the_admin(control_plane, namespace):
    base = "/apis/admissionregistration.k8s.io/v1"
    name = f"no-groups-{namespace}"
    meta = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    policy = {
        **meta,
        "kind": "ValidatingAdmissionPolicy",
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["rbac.authorization.k8s.io"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["rolebindings"],
                    }
                ]
            },
            "validations": [
                {
                    "expression": "object.?subjects.orValue([]).all(s, s.kind == 'User')",
                    "message": "only users",
                    "reason": "Forbidden",
                }
            ],
        },
    }
    here = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding = {
        **meta,
        "kind": "ValidatingAdmissionPolicyBinding",
        "spec": {
            "policyName": name,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": here},
        },
    }
    control_plane.admin_request("POST", f"{base}/validatingadmissionpolicies", policy)
    control_plane.admin_request("POST", f"{base}/validatingadmissionpolicybindings", binding)
    path = f"{RBAC}/namespaces/{namespace}/rolebindings"
    group = _binding("to-a-group", "oidc:everybody", kind="Group")

    def refused() -> bool:
        answer = control_plane.request(
            "POST", f"{path}?dryRun=All", group, token=control_plane.admin_token
        )
        return answer.status == 403 and "only users" in answer.body["message"]

    wait_until(refused, within=SOON, what="the admission policy in force")
    control_plane.admin_request("POST", path, _binding("to-a-user", "oidc:ada@example.com"))
    control_plane.admin_request("DELETE", f"{base}/validatingadmissionpolicybindings/{name}")
    control_plane.admin_request("DELETE", f"{base}/validatingadmissionpolicies/{name}")


def test_a_server_cut_off_from_etcd_says_so_and_recovers(two_api_servers):
    """From outside each server looks well for a while: only asking it shows the partition."""
    _first, second = two_api_servers.servers
    assert second.link is not None

    def status(server: int, path: str) -> int:
        return two_api_servers.request("GET", path, server=server, timeout_seconds=10).status

    assert [status(number, "/livez") for number in (0, 1)] == [200, 200]
    second.link.pause()
    wait_until(lambda: status(1, "/readyz") == 500, within=SOON, what="the second unready")
    wait_until(lambda: status(1, "/livez") == 500, within=SOON, what="the second not alive")
    assert [status(0, path) for path in ("/livez", "/readyz")] == [200, 200]
    second.link.resume()
    wait_until(lambda: status(1, "/readyz") == 200, within=SOON, what="the second ready again")


def _binding(name: str, subject: str, *, kind: str = "User") -> dict[str, Any]:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "view",
        },
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": subject}],
    }


def test_kubectl_shows_a_token_and_is_heard(control_plane, kubectl, small_issuer, tmp_path):
    token = small_issuer.token(email="cy@example.com", email_verified=True)
    user = config.exec_plugin(
        ["sh", "-c", 'cat "$CREDENTIAL"'], {"CREDENTIAL": str(tmp_path / "c")}
    )
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    }
    (tmp_path / "c").write_text(json.dumps(credential))
    kubeconfig = control_plane.write_kubeconfig(tmp_path / "kubeconfig", user)
    done = subprocess.run(
        [kubectl, "--kubeconfig", kubeconfig, "auth", "whoami", "-o", "json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout)["status"]["userInfo"]["username"] == "oidc:cy@example.com"
