"""Calls to a cluster with nothing above urllib3, and bindings such as Valetkey makes."""

import base64
import json
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import urllib3
import yaml

from bot.playground.controlplane.plane import ControlPlane
from grants.access.naming import binding_name
from grants.clusters import labels
from grants.ids import Prefix, new_id

RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
QUESTIONS: Final = ("get", "list")
"""The questions of a grant's proof: a role of two rules has two."""


class Wire:
    """urllib3 and nothing above it: the same pool, TLS and credential that the bot has."""

    def __init__(self, kubeconfig: Path, connections: int) -> None:
        read = yaml.safe_load(kubeconfig.read_text())
        cluster = read["clusters"][0]["cluster"]
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=ca)
        self._pool = urllib3.connection_from_url(
            cluster["server"], maxsize=connections, block=True, retries=False, ssl_context=context
        )
        token = read["users"][0]["user"]["token"]
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }

    def call(self, method: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
        """Send one request and read its answer whole."""
        sent = None if body is None else json.dumps(body)
        return self._pool.request(method, path, body=sent, headers=self._headers)

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


@dataclass(frozen=True)
class Bound:
    """One binding that stands in the cluster: its path, its uid, and whom it names."""

    grant: str
    name: str
    path: str
    uid: str
    subject: str


def manifest(
    grant: str, name: str, subject: str, expires: datetime, installation: str | None = None
) -> Any:
    """Give the RoleBinding that Valetkey itself would have made for a grant.

    Without an installation it bears no label of the product's, and nobody looks after it.
    """
    ours = {
        labels.MANAGED_BY_LABEL: labels.MANAGED_BY,
        labels.INSTALLATION_LABEL: installation,
        labels.GRANT_LABEL: grant,
    }
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": name,
            "labels": ours if installation else {},
            "annotations": {
                labels.GRANT_ANNOTATION: grant,
                labels.EXPIRES_ANNOTATION: expires.isoformat().replace("+00:00", "Z"),
            },
        },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "view",
        },
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": subject}],
    }


def bind(
    plane: ControlPlane,
    namespace: str,
    count: int,
    expires: datetime,
    installation: str | None = None,
) -> list[Bound]:
    """Make so many filled bindings, as the cluster's own admin."""
    path = f"{RBAC}/namespaces/{namespace}/rolebindings"

    def one(number: int) -> Bound:
        grant = new_id(Prefix.GRANT)
        name = binding_name(installation or "inst-bench0000", grant)
        subject = f"oidc:{grant}-{number}@example.com"
        body = manifest(grant, name, subject, expires, installation)
        made = plane.admin_request("POST", path, body)
        return Bound(grant, name, f"{path}/{name}", made["metadata"]["uid"], subject)

    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(one, range(count)))
