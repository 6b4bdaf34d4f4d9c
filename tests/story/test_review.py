"""The running bot reviews a real cluster: by itself, soon after a change, and people answer it."""

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.playground.certs import Authority
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.slack.records import Message
from bot.playground.town import Town
from deploy import manifests
from tests.support.cluster_lab import RBAC
from tests.support.townsfolk import Townsfolk, said

pytestmark = pytest.mark.timeout(300)

FINDINGS = "access-requests"
OWNER = "example.com/owner"
ABOUT_A_MINUTE_SECONDS = 100
REVIEW = f"""
review:
  annotations: {{ owner: {OWNER} }}
  reviewers: {{ groups: [platform] }}
  digests:
    - {{ channels: ["#{FINDINGS}"], at_least: high, accounts: ["shop-*/*"] }}
"""


@pytest.fixture(scope="module")
def town(
    authority: Authority, binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """`serve` over the real control plane, with the shipped rights of a review and no others."""
    folder = tmp_path_factory.mktemp("review")
    policy = (Path(manifests.__file__).parent / "example-policy.yaml").read_text() + REVIEW
    with Town(folder, authority, settings={"REVIEW_EVERY": "6h"}, policy=policy) as made:
        issuer = made.start_provider()
        with ControlPlane(folder / "plane", binaries, authority, issuers=[issuer]) as plane:
            made.join_cluster(plane)
            for manifest in manifests.rbac(manifests.REVIEW):
                plane.admin_request("POST", manifests.collection_path(manifest), manifest)
            account(plane, "shop-dev", "reader")
            rules = [{"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]}]
            role = {"metadata": {"name": "reads"}, "rules": rules}
            plane.admin_request("POST", f"{RBAC}/clusterroles", role)
            bind(plane, "shop-dev", "reader", "reads")
            made.start_bot()
            yield made
            made.stop_bot()


@pytest.fixture
def folk(town: Town) -> Townsfolk:
    return Townsfolk(town)


def account(plane: Any, namespace: str, name: str) -> None:
    body = {"metadata": {"name": name, "annotations": {OWNER: "team-shop"}}}
    plane.admin_request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body)


def bind(plane: Any, namespace: str, name: str, role: str) -> None:
    body = {
        "metadata": {"name": f"{namespace}-{name}"},
        "roleRef": {"apiGroup": RBAC.split("/")[2], "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    plane.admin_request("POST", f"{RBAC}/clusterrolebindings", body)


def events(town: Town, kind: str) -> list[dict[str, Any]]:
    """Read the record of the running bot."""
    path = town.folder / "database" / "valetkey.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT canonical FROM events ORDER BY number").fetchall()
    return [one for (body,) in rows if (one := json.loads(body))["type"] == kind]


def test_a_new_cluster_admin_is_in_the_digest_in_about_a_minute_and_a_reviewer_keeps_it(
    town: Town, folk: Townsfolk
) -> None:
    first = folk.card("ada", "Service accounts of prod: 1 new", FINDINGS)
    assert "shop-dev/reader" in said(first)
    assert len(events(town, "review.scanned")) == 1

    plane = town.plane
    account(plane, "shop-prod", "deployer")
    bind(plane, "shop-prod", "deployer", "cluster-admin")
    since = time.monotonic()
    folk.sign_in("ada")
    second = told_of(folk, "shop-prod/deployer", ABOUT_A_MINUTE_SECONDS)
    print(f"in the digest after {time.monotonic() - since:.0f} s")
    assert "Service accounts of prod: 1 new" in said(second)
    assert "shop-dev/reader" not in said(second), "what people heard is not told again"
    assert len(events(town, "review.scanned")) == 2, "by what was heard, not by the clock"

    ada = folk.person("ada")
    ada.click(second, "findings")
    listed = ada.view()
    (row,) = [one for one in listed.blocks if "shop-prod/deployer" in str(one)]
    ada.click(listed, "finding", block_id=row["block_id"])
    ada.click(ada.view(), "keep-finding")
    form = ada.view()
    ada.fill(form, "reason", "The deployer bootstraps the cluster until its own role is there")
    assert ada.submit(form).ok
    assert "Kept to the end of" in str(ada.view().body)
    (kept,) = events(town, "finding.kept")
    assert kept["facts"]["rule"] == "wildcard-all"
    assert "bootstraps" not in json.dumps(kept)
    assert ada.slash("/access", "review").ok
    listed_now = said(ada.messages()[-1])
    assert "shop-dev/reader" in listed_now
    assert "shop-prod/deployer" not in listed_now
    log = folk.log()
    assert "Traceback" not in log
    assert "a watch is lost" not in log


def told_of(folk: Townsfolk, who: str, seconds: float) -> Message:
    """Wait for a message in the channel that names an account."""

    def found() -> Message | None:
        told = [m for m in folk.person("ada").messages(FINDINGS) if who in said(m)]
        return told[-1] if told else None

    message = folk.wait(found, seconds)
    assert message is not None
    return message
