"""Every risk that a role shows by its rules, each with the nearest right that does not."""

import pytest

from grants.authz.model import Rule
from grants.authz.risk_tables import MEANINGS
from grants.authz.risks import granted
from grants.authz.rule_ids import GRANTED
from tests.support.rbac_objects import rule

NETWORK = "networking.k8s.io"
ALL = Rule(("*",), ("*",), ("*",))

# What `tests/authz/test_risks.py` does not try: (risk, a right that is it, the nearest that is not)
CASES = [
    ("pods-mutate", rule("patch", "pods"), rule("patch", "pods/status pods/ephemeralcontainers")),
    ("pods-mutate", rule("update", "pods"), rule("create delete", "pods")),
    ("pods-exec", rule("create", "pods/exec"), rule("create", "pods/log pods/portforward pods")),
    ("pods-exec", rule("get", "pods/attach"), rule("list", "pods/attach pods/exec")),
    ("pods-exec", rule("get", "*/exec"), rule("get", "pods/*")),
    (
        "ephemeral-containers",
        rule("patch", "pods/ephemeralcontainers"),
        rule("patch", "pods"),
    ),
    ("port-forward", rule("get", "pods/portforward"), rule("get", "pods/log")),
    ("namespace-mutate", rule("patch", "namespaces"), rule("create delete", "namespaces")),
    ("network-mutate", rule("delete", "networkpolicies", NETWORK), rule("get", "networkpolicies")),
    ("network-mutate", rule("patch", "services/status"), rule("patch", "services")),
    ("network-mutate", rule("create", "ingresses", NETWORK), rule("delete", "ingresses", NETWORK)),
    ("network-mutate", rule("update", "endpoints"), rule("list", "endpoints")),
    ("network-mutate", rule("create", "endpointslices", "discovery.k8s.io"), rule("create", "x")),
    ("status-mutate", rule("patch", "pods/status"), rule("get", "pods/status")),
    ("status-mutate", rule("patch", "*/status"), rule("patch", "services/status")),
    ("destructive-delete", rule("delete", "pods"), rule("delete", "pods/exec services")),
    ("destructive-delete", rule("deletecollection", "events"), rule("create patch", "events")),
    ("destructive-delete", rule("delete", "daemonsets", "apps"), rule("delete", "daemonsets")),
]
CLUSTER_WIDE = [
    ("pv-create", rule("create", "persistentvolumes"), rule("create", "persistentvolumeclaims")),
    ("pv-create", rule("*", "persistentvolumes"), rule("patch delete", "persistentvolumes")),
    ("status-mutate", rule("update", "nodes/status"), rule("update", "nodes")),
]


@pytest.mark.parametrize(("risk", "found", "near"), CASES)
def test_a_risk_is_found_anywhere_and_the_nearest_right_is_none(
    risk: str, found: Rule, near: Rule
) -> None:
    for namespace in ("team", None):
        assert granted((near, found), namespace)[risk] == (found,)
        assert risk not in granted((near,), namespace)


@pytest.mark.parametrize(("risk", "found", "near"), CLUSTER_WIDE)
def test_what_stands_outside_of_namespaces_is_a_risk_cluster_wide_alone(
    risk: str, found: Rule, near: Rule
) -> None:
    assert granted((near, found), None)[risk] == (found,)
    assert risk not in granted((found,), "team")
    assert risk not in granted((near,), None)


@pytest.mark.parametrize(
    ("found", "places"),
    [
        (rule("patch", "configmaps"), {None, "kube-system", "kube-public"}),
        (rule("update", "configmaps", names="aws-auth"), {None, "kube-system"}),
        (rule("update", "configmaps", names="mine coredns"), {None, "kube-system"}),
        (rule("delete", "configmaps", names="cluster-info"), {None, "kube-public"}),
        (rule("update", "configmaps", names="mine"), set()),
        (rule("get list watch", "configmaps"), set()),
    ],
)
def test_configmaps_rule_the_cluster_by_name_and_place(
    found: Rule, places: set[str | None]
) -> None:
    where = (None, "kube-system", "kube-public", "kube-node-lease", "team")
    seen = {place for place in where if "system-config-mutate" in granted((found,), place)}
    assert seen == places


def test_two_rights_together_are_both_at_fault() -> None:
    group = "certificates.k8s.io"
    writes = rule("update", "certificatesigningrequests/approval", group)
    signs = rule("approve", "signers", group)
    assert granted((writes, signs), None)["csr-approve"] == (writes, signs)
    assert granted((ALL,), None)["csr-approve"] == (ALL,)


def test_everything_has_every_risk_and_each_says_what_it_means() -> None:
    assert set(granted((ALL,), None)) == set(GRANTED) == set(MEANINGS)


def test_names_do_not_lessen_a_risk_and_its_rule_is_told_as_it_is() -> None:
    named = rule("get", "secrets", names="one")
    assert granted((named,), "team") == {"secrets-read": (named,)}
