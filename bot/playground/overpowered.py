"""Service accounts that hold more than is good, for whoever wants to see a review of them."""

from typing import Final

from bot.playground.plane import Plane
from deploy import manifests

CHANNEL: Final = "service-accounts"
"""Where the review tells what it finds."""

OWNER: Final = "example.com/owner"
"""The annotation that names who answers for an account."""

POLICY: Final = f"""
# What the review of service accounts goes by, and who answers what it finds.
review:
  annotations: {{ owner: {OWNER} }}
  reviewers:
    groups: [platform, oncall]
  digests:
    - channels: ["#{CHANNEL}"]
"""

SETTINGS: Final = {"REVIEW_EVERY": "6h"}

_GROUP: Final = "rbac.authorization.k8s.io"
_RBAC: Final = f"/apis/{_GROUP}/v1"
_ROLES: Final = {
    "reads-secrets": {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]},
    "runs-workloads": {
        "verbs": ["create", "update"],
        "apiGroups": ["apps"],
        "resources": ["deployments"],
    },
}
# Where an account is, its name, its role, whether it holds that everywhere, and its owner.
_ACCOUNTS: Final = (
    ("shop-prod", "deployer", "cluster-admin", True, "team-shop"),
    ("payments-prod", "backup", "reads-secrets", True, "omar@example.com"),
    ("shop-dev", "runner", "runs-workloads", False, "team-shop"),
)


def furnish(plane: Plane) -> None:
    """Make the accounts, and apply the rights of a review as they are shipped."""
    for manifest in manifests.rbac(manifests.REVIEW):
        plane.admin_request("POST", manifests.collection_path(manifest), manifest)
    for role, rule in _ROLES.items():
        body = {"metadata": {"name": role}, "rules": [rule]}
        plane.admin_request("POST", f"{_RBAC}/clusterroles", body)
    for namespace, name, role, everywhere, owner in _ACCOUNTS:
        account = {"metadata": {"name": name, "annotations": {OWNER: owner}}}
        plane.admin_request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
        binding = {
            "metadata": {"name": name},
            "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        }
        where = "clusterrolebindings" if everywhere else f"namespaces/{namespace}/rolebindings"
        plane.admin_request("POST", f"{_RBAC}/{where}", binding)
