"""Parts of Kubernetes itself and of managed clouds, known by name and label: set apart, not hidden.

Labels and names can be given by whoever may write the object. So a label alone sets nothing
apart: the name must be a component's own, and for a right the subject as well as the binding,
since adding somebody to a binding that Kubernetes made is just what must be seen.
"""

from collections.abc import Mapping
from typing import Final

from grants.authz.objects import (
    ACCOUNT_PREFIX,
    ACCOUNTS_GROUP,
    AUTHENTICATED,
    MASTERS,
    SERVICE_ACCOUNT,
    UNAUTHENTICATED,
    Meta,
    Subject,
)
from grants.policy.patterns import PatternSet
from grants.review.finding import Aside

BOOTSTRAP: Final = ("kubernetes.io/bootstrapping", "rbac-defaults")

_SYSTEM: Final = "kube-system"
_BOOTSTRAP_ROLES: Final = frozenset({"cluster-admin", "admin", "edit", "view"})
# Groups that the API server's own bindings name.
_BOOTSTRAP_GROUPS: Final = frozenset(
    {MASTERS, AUTHENTICATED, UNAUTHENTICATED, ACCOUNTS_GROUP, "system:nodes", "system:monitoring"}
)

# What the controller manager, kubeadm and addons of Kubernetes run as, in kube-system.
_SYSTEM_ACCOUNTS: Final = PatternSet(
    (
        *("*-controller", "node-controller", "cronjob-controller", "generic-garbage-collector"),
        *("bootstrap-signer", "token-cleaner", "cloud-provider", "pod-garbage-collector"),
        *("horizontal-pod-autoscaler", "resource-claim-controller", "service-cidrs-controller"),
        *("root-ca-cert-publisher", "kube-proxy", "coredns", "kube-dns", "metrics-server"),
        *("konnectivity-agent", "node-local-dns", "storage-version-migrator-controller"),
        *("persistent-volume-binder", "legacy-service-account-token-cleaner"),
        *("podcertificaterequestcleaner", "kube-apiserver-serving-clustertrustbundle-publisher"),
        *("kube-controller-manager", "kube-scheduler"),
    )
)
# What a managed cloud puts into kube-system for its own use; see `_CLOUD_LABELS` too.
_CLOUD_ACCOUNTS: Final = PatternSet(
    (
        *("aws-node", "aws-cloud-provider", "eks-*", "ebs-csi-*", "efs-csi-*", "vpc-resource-*"),
        *("gke-*", "pdcsi-*", "fluentbit-gke*", "event-exporter-sa", "konnectivity-agent*"),
        *("netd", "cloud-node-manager", "azure-*", "aks-*", "ama-*", "omsagent*", "csi-azure*"),
        *("konnectivity-*", "coredns-autoscaler", "collector", "ip-masq-agent", "metadata-proxy"),
    )
)
_CLOUD_NAMESPACES: Final = PatternSet(
    ("gke-managed-*", "gke-system", "gmp-system", "gmp-public", "aks-command", "aks-istio-*")
)
_CLOUD_NAMES: Final = PatternSet(
    (
        *("eks:*", "vpc-resource-controller*", "aws-node", "system:gke-*", "gce:*", "gke-*"),
        *("system:gcp-*", "pdcsi-*", "system:azure-*", "aks-*", "aks:*", "azure-*", "csi-azure*"),
        *("ama-*", "cloud-node-manager", "cloud-provider", "system:clustermetrics"),
    )
)
_CLOUD_SUBJECTS: Final = PatternSet(
    ("eks:*", "system:gke-*", "system:gcp-*", "system:azure-*", "aks*", "clusterAdmin", "kubelet")
)
_CLOUD_LABELS: Final = frozenset(
    {
        ("addonmanager.kubernetes.io/mode", "Reconcile"),
        ("addonmanager.kubernetes.io/mode", "EnsureExists"),
        ("kubernetes.azure.com/managedby", "aks"),
        ("kubernetes.io/cluster-service", "true"),
        ("app.kubernetes.io/managed-by", "eks"),
        ("eks.amazonaws.com/component", "coredns"),
        ("eks.amazonaws.com/component", "kube-proxy"),
    }
)

_OWN_BINDINGS: Final = ("system:", "kubeadm:", "eks:", "aks:", "gce:")

Reason = tuple[Aside, str]
OURS: Final[Reason] = (Aside.NO, "")


def component_of(subject: Subject) -> Reason:
    """Say whose part a subject is: of Kubernetes, of a managed cloud, or nobody's but yours."""
    if subject.kind == SERVICE_ACCOUNT:
        return _account(subject.namespace, subject.name)
    if subject.name.startswith(ACCOUNT_PREFIX):
        namespace, _, name = subject.name.removeprefix(ACCOUNT_PREFIX).partition(":")
        return _account(namespace, name)
    if _CLOUD_SUBJECTS.matches(subject.name):
        return Aside.MANAGED, f"{subject.name} is a managed cloud's own"
    if subject.name.startswith(("system:kube-", "system:node", "system:bootstrap")):
        return Aside.SYSTEM, f"{subject.name} is a part of Kubernetes"
    return OURS


def _account(namespace: str, name: str) -> Reason:
    if _CLOUD_NAMESPACES.matches(namespace):
        return Aside.MANAGED, f"{namespace} is a managed cloud's own namespace"
    if namespace != _SYSTEM:
        return OURS
    if _SYSTEM_ACCOUNTS.matches(name):
        return Aside.SYSTEM, f"{namespace}/{name} is a part of Kubernetes"
    if _CLOUD_ACCOUNTS.matches(name):
        return Aside.MANAGED, f"{namespace}/{name} is a managed cloud's own"
    return OURS


def component_binding(meta: Meta, subject: Subject) -> Reason:
    """Say whose part what a binding gives a subject is: both must be a component's own."""
    who = component_of(subject)
    if _is_bootstrap(meta) and (who[0] or subject.name in _BOOTSTRAP_GROUPS):
        return Aside.SYSTEM, f"{meta.name} is Kubernetes' own binding of {subject.name}"
    named = meta.name.startswith(_OWN_BINDINGS) or subject.name in meta.name
    if who[0] and (named or _CLOUD_NAMES.matches(meta.name)):
        return who
    return OURS


def component_role(meta: Meta) -> Reason:
    """Say whose part a role is."""
    if _is_bootstrap(meta):
        return Aside.SYSTEM, f"{meta.name} is Kubernetes' own role"
    if _CLOUD_NAMES.matches(meta.name) and _has_cloud_label(meta.labels):
        return Aside.MANAGED, f"{meta.name} is a managed cloud's own role"
    return OURS


def _is_bootstrap(meta: Meta) -> bool:
    own = meta.name.startswith("system:") or meta.name in _BOOTSTRAP_ROLES
    return own and meta.labels.get(BOOTSTRAP[0]) == BOOTSTRAP[1]


def _has_cloud_label(labels: Mapping[str, str]) -> bool:
    return any(pair in _CLOUD_LABELS for pair in labels.items())
