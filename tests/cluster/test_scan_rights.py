"""A scan of the real control plane, by an account that holds the scan's own rights alone."""

from typing import Any

import pytest

from deploy import manifests
from grants.clock import SystemClock
from grants.clusters.inventory import read_cluster
from grants.review.inventory import KINDS, Inventory, Seen
from tests.support.cluster_lab import RealLab, eventually, new_word
from tests.support.tried_account import Rules, Tried

pytestmark = pytest.mark.security("B1")


def rules_of(*folders: Any) -> Rules:
    return [
        rule
        for folder in folders
        for manifest in manifests.base(folder)
        if manifest["kind"] == "ClusterRole"
        for rule in manifest["rules"]
    ]


def scan(tried: Tried, *, token_secrets: bool = False) -> Inventory:
    return read_cluster(tried.cluster._config, SystemClock(), token_secrets=token_secrets)


def all_seen(found: Inventory) -> bool:
    return all(found.seen[kind] is Seen.SEEN for kind in KINDS if kind != "Secret")


def test_everything_is_seen_with_the_rights_of_a_scan(lab: RealLab, tried: Tried) -> None:
    word = new_word()
    admin = lab.plane.admin_request
    accounts = f"/api/v1/namespaces/{lab.namespace}/serviceaccounts"
    admin("POST", accounts, {"metadata": {"name": word}})
    template = {
        "metadata": {"labels": {"app": word}},
        "spec": {"serviceAccountName": word, "containers": [{"name": "c", "image": "i"}]},
    }
    admin(
        "POST",
        f"/apis/apps/v1/namespaces/{lab.namespace}/deployments",
        {
            "metadata": {"name": word},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"app": word}},
                "template": template,
            },
        },
    )
    tried.may(rules_of(manifests.REVIEW))
    eventually(lambda: all_seen(scan(tried)), "the account may scan")
    found = scan(tried)
    assert not found.partial
    assert not found.problems
    assert found.seen["Secret"] is Seen.NOT_ASKED
    assert (lab.namespace, word) in {(a.meta.namespace, a.meta.name) for a in found.accounts}
    (deployment,) = (each for each in found.workloads if each.meta.name == word)
    assert (deployment.kind, deployment.account, deployment.idle) == ("Deployment", word, True)
    roles = {role.ref.name: role for role in found.roles}
    assert roles["admin"].aggregates
    assert any(binding.role.name == "cluster-admin" for binding in found.bindings)
    assert next(meta for meta in found.namespaces if meta.name == "kube-system").uid


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "Secret"])
def test_each_right_of_a_scan_is_needed_and_said_when_it_is_missing(
    lab: RealLab, tried: Tried, kind: str
) -> None:
    plural = "ies".join(kind.lower().rsplit("y", 1)) if kind.endswith("y") else f"{kind.lower()}s"
    tried.may(
        [
            {**rule, "resources": [name for name in rule["resources"] if name != plural]}
            for rule in rules_of(manifests.REVIEW)
            if rule["resources"] != [plural]
        ]
    )

    def only_that() -> bool:
        seen = scan(tried).seen
        return {each for each, how in seen.items() if how is Seen.FORBIDDEN} == {kind}

    eventually(only_that, f"only {kind} is forbidden")
    assert scan(tried).partial


def test_token_secrets_are_seen_by_metadata_with_a_right_of_their_own(
    lab: RealLab, tried: Tried
) -> None:
    admin = lab.plane.admin_request
    secrets = f"/api/v1/namespaces/{lab.namespace}/secrets"
    word = new_word()
    admin(
        "POST", f"/api/v1/namespaces/{lab.namespace}/serviceaccounts", {"metadata": {"name": word}}
    )
    note = {"kubernetes.io/service-account.name": word}
    admin(
        "POST",
        secrets,
        {
            "metadata": {"name": f"{word}-token", "annotations": note},
            "type": "kubernetes.io/service-account-token",
        },
    )
    admin("POST", secrets, {"metadata": {"name": f"{word}-other"}, "type": "Opaque"})
    tried.may(rules_of(manifests.REVIEW))
    eventually(lambda: all_seen(scan(tried)), "the account may scan")
    refused = scan(tried, token_secrets=True)
    assert refused.seen["Secret"] is Seen.FORBIDDEN
    assert refused.partial
    tried.may(rules_of(manifests.REVIEW, manifests.REVIEW_TOKENS))
    eventually(
        lambda: scan(tried, token_secrets=True).saw("Secret"), "the account may see token Secrets"
    )
    (found,) = (
        each for each in scan(tried, token_secrets=True).token_secrets if each.account == word
    )
    assert found.meta.name == f"{word}-token"


def test_pages_are_gone_through_to_the_end(lab: RealLab, tried: Tried) -> None:
    """More accounts than a page holds, in one namespace."""
    accounts = f"/api/v1/namespaces/{lab.namespace}/serviceaccounts"
    names = {f"many-{number:04}" for number in range(620)}
    for name in sorted(names):
        lab.plane.admin_request("POST", accounts, {"metadata": {"name": name}})
    tried.may(rules_of(manifests.REVIEW))
    eventually(lambda: all_seen(scan(tried)), "the account may scan")
    found = {a.meta.name for a in scan(tried).accounts if a.meta.namespace == lab.namespace}
    assert names <= found
    for name in sorted(names):
        lab.plane.admin_request("DELETE", f"{accounts}/{name}")
