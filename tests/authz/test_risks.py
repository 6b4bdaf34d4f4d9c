"""Which rights let their holder keep power, each with the nearest right that does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grants.authz.model import Rule
from grants.authz.risks import ACCEPTABLE, PERSISTS, risks_of

RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io"
CERTS = "certificates.k8s.io"
AUTHN = "authentication.k8s.io"


def r(verbs: str, group: str, resources: str, names: str = "") -> Rule:
    return Rule(tuple(verbs.split()), (group,), tuple(resources.split()), tuple(names.split()))


APPROVAL = r("update", CERTS, "certificatesigningrequests/approval")
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


def persisting(rules: tuple[Rule, ...], namespace: str | None) -> set[str]:
    return set(risks_of(rules, namespace)) & set(PERSISTS)


@pytest.mark.parametrize(
    ("rules", "risk"),
    [
        ((r("get", "", "secrets"),), "secrets-read"),
        ((r("list", "", "secrets"),), "secrets-read"),
        ((r("watch", "", "secrets"),), "secrets-read"),
        ((r("get", "", "secrets", "one"),), "secrets-read"),
        ((r("create", "", "secrets"),), "secrets-write"),
        ((r("patch", "", "secrets"),), "secrets-write"),
        ((r("create", "", "serviceaccounts/token"),), "token-create"),
        ((r("create", "", "*/token"),), "token-create"),
        ((r("create", "", "pods"),), "workload-create"),
        ((r("patch", "apps", "deployments"),), "workload-create"),
        ((r("update", "apps", "daemonsets"),), "workload-create"),
        ((r("create", "batch", "cronjobs"),), "workload-create"),
        ((r("create", "", "replicationcontrollers"),), "workload-create"),
        ((r("create", "argoproj.io", "workflows"),), "workload-create"),
        ((r("bind", RBAC, "roles"),), "bind"),
        ((r("bind", RBAC, "clusterroles", "edit"),), "bind"),
        ((r("escalate", RBAC, "roles"),), "escalate"),
        ((r("create", RBAC, "rolebindings"),), "rbac-write"),
        ((r("patch", RBAC, "roles"),), "rbac-write"),
        ((r("impersonate", "", "serviceaccounts"),), "impersonate"),
        ((r("impersonate:user-info", AUTHN, "users"),), "constrained-impersonate"),
        ((r("impersonate-on:user-info:list", "", "pods"),), "constrained-impersonate"),
        ((r("create", "kyverno.io", "policies"),), "admission-policy"),
        ((r("delete", "constraints.gatekeeper.sh", "anything"),), "admission-policy"),
        ((r("create", "example.com", "*"),), "wildcard-resources"),
        ((r("*", "", "secrets"),), "wildcard-sensitive"),
        ((r("*", "*", "*"),), "wildcard-all"),
    ],
)
def test_what_keeps_power_is_found_in_one_namespace_and_cluster_wide(
    rules: tuple[Rule, ...], risk: str
) -> None:
    assert risk in persisting(rules, "team")
    assert risk in persisting(rules, None)


@pytest.mark.parametrize(
    ("rules", "risk"),
    [
        ((r("escalate", RBAC, "clusterroles"),), "escalate"),
        ((r("create", RBAC, "clusterrolebindings"),), "rbac-write"),
        ((r("update", RBAC, "clusterroles"),), "rbac-write"),
        ((r("impersonate", "", "users"),), "impersonate"),
        ((r("impersonate", "", "groups"),), "impersonate"),
        ((r("impersonate", AUTHN, "uids"),), "impersonate"),
        ((r("impersonate", AUTHN, "userextras/scopes"),), "impersonate"),
        ((r("impersonate", AUTHN, "tokenreviews userextras/scopes"),), "impersonate"),
        ((r("create", ADMISSION, "mutatingwebhookconfigurations"),), "webhook-config"),
        ((r("delete", ADMISSION, "validatingwebhookconfigurations"),), "webhook-config"),
        ((r("patch", ADMISSION, "validatingadmissionpolicies"),), "admission-policy"),
        ((r("create", "apiextensions.k8s.io", "customresourcedefinitions"),), "admission-policy"),
        ((r("get", "", "nodes/proxy"),), "nodes-proxy"),
        ((r("create", "", "nodes/proxy"),), "nodes-proxy"),
        ((APPROVAL, r("approve", CERTS, "signers", CLIENT_SIGNER)), "csr-approve"),
        ((APPROVAL, r("approve", CERTS, "signers", "kubernetes.io/*")), "csr-approve"),
        ((APPROVAL, r("approve", CERTS, "signers")), "csr-approve"),
        ((r("*", AUTHN, "users"),), "constrained-impersonate"),
    ],
)
def test_what_stands_outside_of_namespaces_counts_only_cluster_wide(
    rules: tuple[Rule, ...], risk: str
) -> None:
    assert risk in persisting(rules, None)
    assert risk not in persisting(rules, "team")


@pytest.mark.parametrize(
    "rules",
    [
        (r("get list watch", "", "pods pods/log services configmaps events"),),
        (r("delete", "", "secrets"),),
        (r("get", "", "serviceaccounts/token"),),
        (r("create", "", "pods/exec pods/attach pods/portforward pods/eviction"),),
        (r("update patch", "", "pods pods/ephemeralcontainers"),),
        (r("delete deletecollection", "apps", "deployments"),),
        (r("update patch", "apps", "deployments/scale deployments/status"),),
        (r("get list watch", RBAC, "roles rolebindings clusterroles clusterrolebindings"),),
        (r("delete", RBAC, "rolebindings"),),
        (r("get list watch", "*", "nodes"),),
        (r("get", "", "nodes/metrics nodes/stats nodes"),),
        (r("list watch", "apps", "*"),),
        (r("create", "", "pods/*"),),
        (r("*", "example.com", "widgets"),),
        (APPROVAL,),
        (r("approve", CERTS, "signers"),),
        (APPROVAL, r("approve", CERTS, "signers", "kubernetes.io/kubelet-serving")),
        (APPROVAL, r("approve", CERTS, "signers", "example.com/mine")),
        (r("get", ADMISSION, "validatingwebhookconfigurations"),),
        (r("get list", "constraints.gatekeeper.sh", "anything"),),
        (Rule(("*",), non_resource_urls=("*",)),),
        (r("secrets", "", "get"),),
    ],
)
def test_what_ends_with_the_grant_is_no_risk(rules: tuple[Rule, ...]) -> None:
    assert persisting(rules, None) == set()
    assert persisting(rules, "team") == set()


def test_everything_has_every_risk() -> None:
    assert risks_of((r("*", "*", "*"),), None) == set(ACCEPTABLE)


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "kube-node-lease"])
def test_any_right_in_a_system_namespace_needs_accepting(namespace: str) -> None:
    assert risks_of((r("get", "", "pods"),), namespace) == {"system-namespace"}


def test_any_right_in_the_bots_own_namespace_needs_accepting() -> None:
    rules = (r("get", "", "pods"),)
    assert risks_of(rules, "valetkey", {"valetkey"}) == {"own-namespace"}
    assert risks_of(rules, "valetkey-2", {"valetkey"}) == frozenset()


@pytest.mark.parametrize(
    ("found", "acts"),
    [
        (r("get list watch", "", "pods"), False),
        (r("patch", "", "nodes"), False),
        (r("create", "authorization.k8s.io", "subjectaccessreviews"), False),
        (r("delete", "", "pods"), True),
        (r("get", "", "pods/exec"), True),
        (r("patch", "", "namespaces"), True),
        (r("get", "", "nodes/proxy"), False),
        (r("delete", "*", "nodes"), True),
        (Rule(("get",), non_resource_urls=("/metrics",)), False),
    ],
)
def test_cluster_wide_rights_act_in_system_namespaces_when_they_do_more_than_look(
    found: Rule, *, acts: bool
) -> None:
    risks = risks_of((found,), None)
    assert ("system-namespace" in risks) is acts
    assert ("own-namespace" in risks) is acts


WORDS = st.sampled_from(
    ["*", "get", "create", "patch", "impersonate", "bind", "approve", "update", "delete"]
)
GROUPS = st.sampled_from(["", "*", RBAC, CERTS, AUTHN, "apps", ADMISSION])
RESOURCES = st.sampled_from(
    ["*", "pods", "secrets", "users", "signers", "roles", "clusterroles", "deployments",
     "certificatesigningrequests/approval", "*/token", "nodes/proxy", "userextras/x"]
)  # fmt: skip
RULES = st.builds(
    lambda v, g, s: Rule(tuple(v), tuple(g), tuple(s)),
    st.lists(WORDS, min_size=1, max_size=3),
    st.lists(GROUPS, min_size=1, max_size=2),
    st.lists(RESOURCES, min_size=1, max_size=3),
)


@given(st.lists(RULES, max_size=4), RULES, st.sampled_from([None, "team", "kube-system"]))
def test_more_rules_never_mean_fewer_risks(
    rules: list[Rule], more: Rule, namespace: str | None
) -> None:
    assert risks_of(rules, namespace) <= risks_of([*rules, more], namespace)


@given(st.lists(RULES, max_size=4))
def test_what_is_a_risk_in_one_namespace_is_one_cluster_wide(rules: list[Rule]) -> None:
    assert risks_of(rules, "team") <= risks_of(rules, None)
