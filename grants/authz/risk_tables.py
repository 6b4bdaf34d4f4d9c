"""Which verbs on which kinds are a risk, as data."""

from dataclasses import dataclass
from typing import Final

from grants.authz.matching import ANY

_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_AUTHN: Final = "authentication.k8s.io"
CERTIFICATES: Final = "certificates.k8s.io"
_CRDS: Final = "apiextensions.k8s.io"
_NETWORK: Final = "networking.k8s.io"

READ: Final = ("get", "list", "watch")
MAKE: Final = ("create", "update", "patch")
CHANGE: Final = ("update", "patch")
DELETE: Final = ("delete", "deletecollection")
# Taking a guard away counts as much as writing one.
WRITE: Final = (*MAKE, *DELETE)

Target = tuple[str, str]


@dataclass(frozen=True)
class Risk:
    """One way to a risk: any of the verbs on any of the targets (group, resource).

    A resource of `ANY` is whatever kind the group has, known or not. `through_namespace` are the
    targets that count in one namespace although they stand outside of namespaces; with
    `cluster_wide` none counts there, known to stand outside or not.
    """

    id: str
    verbs: tuple[str, ...]
    targets: tuple[Target, ...]
    through_namespace: tuple[Target, ...] = ()
    cluster_wide: bool = False


def of(group: str, *resources: str) -> tuple[Target, ...]:
    """Give resources of one group."""
    return tuple((group, resource) for resource in resources)


_SECRETS: Final = of("", "secrets")
_MAKERS: Final = (
    *of("", "replicationcontrollers"),
    *of("apps", "deployments", "replicasets", "statefulsets", "daemonsets"),
    *of("batch", "jobs", "cronjobs"),
    *of("argoproj.io", "rollouts", "workflows", "cronworkflows"),
    *of("tekton.dev", "taskruns", "pipelineruns"),
    *of("serving.knative.dev", "services"),
)
_WEBHOOKS: Final = of(
    _ADMISSION, "validatingwebhookconfigurations", "mutatingwebhookconfigurations"
)
_ADMISSION_POLICIES: Final = (
    *of(_ADMISSION, "validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    *of(_ADMISSION, "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
    *of(_CRDS, "customresourcedefinitions"),
    *of("kyverno.io", "clusterpolicies", "policies", "policyexceptions"),
    *of("policies.kyverno.io", "validatingpolicies", "mutatingpolicies", "generatingpolicies"),
    *of("policies.kyverno.io", "imagevalidatingpolicies", "deletingpolicies", "policyexceptions"),
    *of("templates.gatekeeper.sh", "constrainttemplates"),
    *of("config.gatekeeper.sh", "configs"),
)
# Every kind of these groups is somebody's guard; their names are not known beforehand.
_GUARDS: Final = (("constraints.gatekeeper.sh", ANY), ("mutations.gatekeeper.sh", ANY))
_RBAC_KINDS: Final = of(_RBAC, "roles", "rolebindings", "clusterroles", "clusterrolebindings")
_SENSITIVE: Final = (
    *of("", "secrets", "serviceaccounts", "serviceaccounts/token", "pods", "nodes", "nodes/proxy"),
    *of("", "namespaces", "persistentvolumes", "users", "groups"),
    *_RBAC_KINDS,
    *_WEBHOOKS,
    *_ADMISSION_POLICIES,
    *of(CERTIFICATES, "certificatesigningrequests", "certificatesigningrequests/approval"),
    *of(CERTIFICATES, "signers"),
)
_PEERS: Final = (
    *of("", "endpoints", "services/status"),
    *of("discovery.k8s.io", "endpointslices"),
    *of(_NETWORK, "ingresses", "ingressclasses"),
    *of("extensions", "ingresses"),
    *of("gateway.networking.k8s.io", "gateways", "httproutes", "grpcroutes", "tcproutes"),
)
_FENCES: Final = (
    *of(_NETWORK, "networkpolicies"),
    *of("extensions", "networkpolicies"),
    *of("policy.networking.k8s.io", "adminnetworkpolicies", "baselineadminnetworkpolicies"),
    *of("cilium.io", "ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"),
    *of("crd.projectcalico.org", "networkpolicies", "globalnetworkpolicies"),
    *of("projectcalico.org", "networkpolicies", "globalnetworkpolicies"),
)

RISKS: Final = (
    # Only a literal `*` counts, whatever else would let the same things be done.
    Risk("wildcard-sensitive", (ANY,), _SENSITIVE),
    Risk("secrets-read", READ, _SECRETS),
    Risk("secrets-write", MAKE, _SECRETS),
    Risk("token-create", ("create",), of("", "serviceaccounts/token")),
    # Pods only by create: most of a pod that runs can't be changed, its account never.
    Risk("workload-create", ("create",), of("", "pods")),
    Risk("workload-create", MAKE, _MAKERS),
    Risk("pods-mutate", CHANGE, of("", "pods")),
    Risk("pods-exec", ("create", "get"), of("", "pods/exec", "pods/attach")),
    Risk("ephemeral-containers", CHANGE, of("", "pods/ephemeralcontainers")),
    Risk("port-forward", ("create", "get"), of("", "pods/portforward")),
    Risk("nodes-proxy", ("get", "create"), of("", "nodes/proxy")),
    Risk(
        "bind",
        ("bind",),
        of(_RBAC, "roles", "clusterroles"),
        # A RoleBinding may name a ClusterRole, so `bind` on one works within a namespace too.
        through_namespace=of(_RBAC, "clusterroles"),
    ),
    Risk("escalate", ("escalate",), of(_RBAC, "roles", "clusterroles")),
    Risk("rbac-write", MAKE, _RBAC_KINDS),
    Risk(
        "impersonate",
        ("impersonate",),
        (*of("", "users", "groups", "serviceaccounts"), *of(_AUTHN, "uids", "userextras/*")),
    ),
    # The verbs of constrained impersonation are found by their spelling; `*` holds them too.
    Risk("constrained-impersonate", (ANY,), of(_AUTHN, "serviceaccounts")),
    Risk(
        "constrained-impersonate",
        (ANY,),
        of(_AUTHN, "users", "groups", "nodes", "uids", "userextras/*"),
        cluster_wide=True,
    ),
    Risk("webhook-config", WRITE, _WEBHOOKS),
    Risk("admission-policy", WRITE, (*_ADMISSION_POLICIES, *_GUARDS)),
    Risk("pv-create", ("create",), of("", "persistentvolumes")),
    Risk("namespace-mutate", CHANGE, of("", "namespaces")),
    Risk("network-mutate", WRITE, _FENCES),
    Risk("network-mutate", MAKE, _PEERS),
    Risk("status-mutate", CHANGE, of("", "nodes/status", "pods/status")),
    Risk(
        "destructive-delete",
        DELETE,
        (
            *of("", "pods", "events", "namespaces"),
            *of("events.k8s.io", "events"),
            *_MAKERS,
        ),
    ),
)

CLIENT_SIGNERS: Final = (
    "kubernetes.io/kube-apiserver-client",
    "kubernetes.io/kube-apiserver-client-kubelet",
    # Promises nothing, and some distributions do honour its client certificates.
    "kubernetes.io/legacy-unknown",
)

SYSTEM_CONFIG: Final = {
    "kube-system": (
        # Who is who (Amazon), how names resolve, how services and nodes are set up, whom the API
        # server trusts in front of it.
        *("aws-auth", "coredns", "coredns-custom", "kube-dns", "node-local-dns"),
        *("kube-proxy", "kubeadm-config", "kubelet-config", "extension-apiserver-authentication"),
    ),
    "kube-public": ("cluster-info",),
}
"""ConfigMaps that rule a cluster, by namespace."""

MEANINGS: Final = {
    "wildcard-all": "may do anything to anything",
    "wildcard-resources": "may change every kind there is or will be",
    "wildcard-sensitive": "may do anything to a kind that power rests on",
    "secrets-read": "may read Secrets, tokens in them included",
    "secrets-write": "may write Secrets, and so mint a service account's token",
    "token-create": "may mint tokens of service accounts",
    "workload-create": "may start workloads as any service account of the namespace",
    "pods-mutate": "may change pods that run, their images too",
    "pods-exec": "may open a shell in pods",
    "ephemeral-containers": "may put a container of its choice into pods that run",
    "port-forward": "may reach every port of pods, past network policies",
    "nodes-proxy": "may reach every kubelet past audit and admission",
    "bind": "may bind roles they do not hold",
    "escalate": "may give roles more rights than they hold",
    "rbac-write": "may write roles or bindings",
    "impersonate": "may act as other users, groups or service accounts",
    "constrained-impersonate": "may act as others within limits; its end acts after ten seconds",
    "csr-approve": "may approve certificates that clients sign in with",
    "webhook-config": "may write admission webhooks",
    "admission-policy": "may write admission policies or kinds",
    "pv-create": "may make volumes, of a node's own disk too",
    "namespace-mutate": "may change namespaces, their Pod Security labels too",
    "network-mutate": "may change what reaches what in the network",
    "status-mutate": "may say of nodes or pods what is not so",
    "system-config-mutate": "may write ConfigMaps that rule the cluster",
    "destructive-delete": "may delete workloads, or the events that tell of them",
}
"""What each risk lets its holder do."""

KEEP_POWER: Final = (
    *("wildcard-all", "wildcard-resources", "wildcard-sensitive", "constrained-impersonate"),
    *("csr-approve", "admission-policy", "workload-create", "escalate", "bind", "rbac-write"),
    *("impersonate", "secrets-read", "secrets-write", "token-create", "webhook-config"),
    "nodes-proxy",
)
"""Those that let their holder keep power after their right to it has ended."""
