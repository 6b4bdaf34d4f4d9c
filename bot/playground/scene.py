"""What stands in the playground's cluster: namespaces, something to look at, and the bot's rights.

This is done once, as the cluster's owner would; nobody in the town has the owner's credential.
"""

from typing import Final

from bot.playground.plane import Plane
from deploy import manifests

NAMESPACES: Final = ("payments-dev", "payments-prod", "shop-dev", "shop-prod")
BOT: Final = "valetkey"
_DAY_SECONDS: Final = 24 * 3600


def furnish(plane: Plane) -> None:
    """Make the namespaces and their workloads, and apply the RBAC that is shipped."""
    for manifest in manifests.rbac():
        plane.admin_request("POST", manifests.collection_path(manifest), manifest)
    for name in NAMESPACES:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        plane.admin_request("POST", "/api/v1/namespaces", body)
        path = f"/apis/apps/v1/namespaces/{name}/deployments"
        plane.admin_request("POST", path, _something_to_see(name.partition("-")[0]))


def _something_to_see(app: str) -> dict[str, object]:
    """Make a Deployment; no machine runs its pods, so they stay pending."""
    labels = {"app": app}
    container = {"name": app, "image": f"example.com/{app}:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app, "labels": labels},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def bot_token(plane: Plane) -> str:
    """Ask for a token of the bot's own service account, good for a day."""
    path = f"/api/v1/namespaces/{BOT}/serviceaccounts/{BOT}/token"
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _DAY_SECONDS},
    }
    return str(plane.admin_request("POST", path, body)["status"]["token"])
