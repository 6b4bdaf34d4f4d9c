"""A real API server sends its audit events to a running `valetkey serve`, by https as a webhook."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from bot.playground.certs import Authority
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import wait_until
from bot.playground.relay import Relay
from bot.playground.tls_front import tls_front
from bot.web.audit_tokens import digest_of, new_token
from grants.usage.model import Use, VerbClass
from grants.usage.reading import Reader
from grants.usage.times import as_time
from tests.replicas.stage import Stage
from tests.support.audit import lines
from tests.support.stores import sqlite_url

CLUSTER = "production"
PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class Sending:
    """An API server that sends, where it sends to, and who takes it in."""

    plane: ControlPlane
    front: Relay
    stage: Stage

    def uses(self, user: str) -> Mapping[tuple[str, str, bool], Use]:
        """What the database knows of a user."""
        with self.stage.store.read() as tx:
            found = tx.usage(CLUSTER, user)
        return {(use.act.verb, use.act.resource, use.act.allowed): use for use in found}

    def wait_for(self, user: str, count: int) -> Mapping[tuple[str, str, bool], Use]:
        """Wait until so many requests of a user are known."""
        wait_until(
            lambda: sum(use.count for use in self.uses(user).values()) >= count,
            within=PATIENCE,
            what=f"{count} requests of {user}",
        )
        return self.uses(user)


def webhook(path: Path, front: Relay, authority: Authority, token: str) -> Path:
    """The kubeconfig that docs/usage.md shows, with an authority that no machine trusts."""
    page = (Path(__file__).parents[2] / "docs" / "usage.md").read_text(encoding="utf-8")
    text = page.partition("--audit-webhook-config-file")[2].partition("```yaml\n")[2]
    shown: dict[str, Any] = yaml.safe_load(text.partition("```")[0])
    shown["clusters"][0]["cluster"] = {
        "server": f"https://127.0.0.1:{front.port}/audit/{CLUSTER}",
        "certificate-authority": str(authority.ca_file),
    }
    shown["users"][0]["user"] = {"token": token}
    path.write_text(yaml.safe_dump(shown))
    return path


@pytest.fixture(scope="module")
def sending(
    binaries: dict[str, Path], authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sending]:
    folder, token = tmp_path_factory.mktemp("webhook"), new_token()
    # Nothing listens behind it yet: the API server begins before the bot does, and keeps events.
    with tls_front(1, authority.leaf("intake", "127.0.0.1")) as front:
        config = webhook(folder / "webhook.yaml", front, authority, token)
        plane = ControlPlane(folder / "plane", binaries, authority, audit_webhook=config)
        settings = {
            "PUBLIC_URL": f"https://127.0.0.1:{front.port}",
            "AUDIT_TOKENS": f"{CLUSTER} {digest_of(token)}",
        }
        with plane, _stage(folder, plane, settings) as stage:
            (replica,) = stage.start("both")
            front.backend_port = replica.port
            yield Sending(plane, front, stage)


@contextmanager
def _stage(folder: Path, plane: ControlPlane, settings: dict[str, str]) -> Iterator[Stage]:
    url, place = sqlite_url(folder / "database" / "valetkey.db"), folder / "stage"
    place.mkdir()
    with Stage(place, plane, url, seed=1, requesters=1, settings=settings) as stage:
        yield stage


def an_account(plane: ControlPlane, namespace: str, name: str) -> str:
    """Make an account; gives a token of it."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    plane.admin_request("POST", path, {"metadata": {"name": name}})
    asked = {"spec": {"expirationSeconds": 3600}}
    made = plane.admin_request("POST", f"{path}/{name}/token", asked)
    return str(made["status"]["token"])


def bind_to(plane: ControlPlane, namespace: str, name: str, role: dict[str, str]) -> None:
    """Bind a role to an account in its namespace."""
    ref = {"apiGroup": "rbac.authorization.k8s.io"} | role
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings"
    body = {"metadata": {"name": name}, "roleRef": ref, "subjects": [subject]}
    plane.admin_request("POST", path, body)


def may_list(plane: ControlPlane, user: str, namespace: str) -> bool:
    """Ask whether somebody may list ConfigMaps by now: the server hears of bindings by a watch."""
    wanted = {"verb": "list", "resource": "configmaps", "namespace": namespace}
    body = {"spec": {"user": user, "resourceAttributes": wanted}}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool(plane.admin_request("POST", path, body)["status"]["allowed"])


def test_what_an_account_did_is_known_by_binding_and_as_the_log_itself_has_it(
    sending: Sending,
) -> None:
    plane, (namespace, _) = sending.plane, sending.stage.namespaces
    token = an_account(plane, namespace, "reader")
    bind_to(plane, namespace, "reader", {"kind": "ClusterRole", "name": "view"})
    user = f"system:serviceaccount:{namespace}:reader"
    wait_until(
        lambda: may_list(plane, user, namespace), within=PATIENCE, what="it may list ConfigMaps"
    )
    base = f"/api/v1/namespaces/{namespace}"
    for _ in range(3):
        assert plane.request("GET", f"{base}/configmaps", token=token).status == 200
    assert plane.request("GET", f"{base}/secrets", token=token).status == 403
    found = sending.wait_for(user, 4)
    assert {key: use.count for key, use in found.items()} == {
        ("list", "configmaps", True): 3,
        ("list", "secrets", False): 1,
    }
    through = found["list", "configmaps", True].through
    assert str(through) == f"RoleBinding {namespace}/reader"
    # The server's own log, folded as an import would: the same rows.
    logged = plane.audit_lines(lambda event: event["user"]["username"] == user)
    reader = Reader(datetime.now(UTC), CLUSTER)
    reader.read(BytesIO(lines(*logged)))
    folded = {
        act: (as_time(row.first), as_time(row.last), row.count)
        for act, row in reader.folded.parts[CLUSTER].rows
    }
    assert folded == {use.act: (use.first_seen, use.last_seen, use.count) for use in found.values()}


def test_what_was_done_while_the_intake_was_away_comes_once_it_is_back(sending: Sending) -> None:
    plane, (_, namespace) = sending.plane, sending.stage.namespaces
    token = an_account(plane, namespace, "patient")
    port, sending.front.backend_port = sending.front.backend_port, 1
    assert plane.request("GET", "/version", token=token).status == 200
    path = f"/api/v1/namespaces/{namespace}/pods"
    assert plane.request("GET", path, token=token).status == 403
    sending.front.backend_port = port
    found = sending.wait_for(f"system:serviceaccount:{namespace}:patient", 1)
    assert ("list", "pods", False) in found


def test_an_apply_shows_as_a_create_only_where_it_made_something(sending: Sending) -> None:
    """With `patch` alone an apply of what is not there is refused; its answer says 201 or 200."""
    plane, (namespace, _) = sending.plane, sending.stage.namespaces
    token = an_account(plane, namespace, "applier")
    role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}]
    plane.admin_request("POST", role, {"metadata": {"name": "applier"}, "rules": rules})
    bind_to(plane, namespace, "applier", {"kind": "Role", "name": "applier"})
    assert applied(plane, namespace, token) == 403
    rules[0]["verbs"] = ["patch", "create"]
    plane.admin_request("PUT", f"{role}/applier", {"metadata": {"name": "applier"}, "rules": rules})
    wait_until(
        lambda: applied(plane, namespace, token) == 201, within=PATIENCE, what="it may create"
    )
    assert applied(plane, namespace, token) == 200
    user = f"system:serviceaccount:{namespace}:applier"
    found = sending.wait_for(user, 4)
    assert found["create", "configmaps", True].count == 1
    assert found["patch", "configmaps", True].count >= 3


def applied(plane: ControlPlane, namespace: str, token: str) -> int:
    """Apply a ConfigMap server-side; the status of the answer."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}}
    answer = urllib3.PoolManager(ca_certs=str(plane.authority.ca_file)).request(
        "PATCH",
        f"{plane.url}/api/v1/namespaces/{namespace}/configmaps/applied?fieldManager=applier",
        body=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/apply-patch+yaml",
        },
    )
    return answer.status


def test_the_cluster_counts_as_heard(sending: Sending) -> None:
    with sending.stage.store.read() as tx:
        coverage = tx.coverage(CLUSTER)
    assert coverage.since is not None
    assert not coverage.losses
    assert {traced.kind.verb_class for traced in coverage.days} >= {VerbClass.READ, VerbClass.WRITE}
