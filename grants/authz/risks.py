"""Risks: rights that let their holder keep power for ever, and places that need a second look.

The ids are a contract: policies accept them by name and findings carry them.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from grants.authz.matching import (
    ANY,
    CLUSTER_SCOPED,
    matches_group,
    matches_name,
    matches_resource,
    matches_verb,
    reaches,
    split_resource,
)
from grants.authz.model import Rule

SYSTEM_NAMESPACES: Final = frozenset({"kube-system", "kube-public", "kube-node-lease"})
SYSTEM_NAMESPACE: Final = "system-namespace"
OWN_NAMESPACE: Final = "own-namespace"

_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_AUTHN: Final = "authentication.k8s.io"
_CERTIFICATES: Final = "certificates.k8s.io"
_CRDS: Final = "apiextensions.k8s.io"

_READ: Final = ("get", "list", "watch")
_MAKE: Final = ("create", "update", "patch")
# Taking a guard away counts as much as writing one.
_WRITE: Final = (*_MAKE, "delete", "deletecollection")

_Target = tuple[str, str]


@dataclass(frozen=True)
class Risk:
    """One way to keep power: any of the verbs on any of the targets (group, resource).

    `through_namespace` are the targets that count although they stand outside of namespaces.
    """

    id: str
    meaning: str
    verbs: tuple[str, ...]
    targets: tuple[_Target, ...]
    through_namespace: tuple[_Target, ...] = ()


def _of(group: str, *resources: str) -> tuple[_Target, ...]:
    return tuple((group, resource) for resource in resources)


_SECRETS: Final = _of("", "secrets")
_PODS_AND_MAKERS: Final = (
    *_of("", "replicationcontrollers"),
    *_of("apps", "deployments", "replicasets", "statefulsets", "daemonsets"),
    *_of("batch", "jobs", "cronjobs"),
    *_of("argoproj.io", "rollouts", "workflows", "cronworkflows"),
    *_of("tekton.dev", "taskruns", "pipelineruns"),
    *_of("serving.knative.dev", "services"),
)
_WEBHOOKS: Final = _of(
    _ADMISSION, "validatingwebhookconfigurations", "mutatingwebhookconfigurations"
)
_ADMISSION_POLICIES: Final = (
    *_of(_ADMISSION, "validatingadmissionpolicies", "validatingadmissionpolicybindings"),
    *_of(_ADMISSION, "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"),
    *_of(_CRDS, "customresourcedefinitions"),
    *_of("kyverno.io", "clusterpolicies", "policies", "policyexceptions"),
    *_of("policies.kyverno.io", "validatingpolicies", "mutatingpolicies", "generatingpolicies"),
    *_of("policies.kyverno.io", "imagevalidatingpolicies", "deletingpolicies", "policyexceptions"),
    *_of("templates.gatekeeper.sh", "constrainttemplates"),
    *_of("config.gatekeeper.sh", "configs"),
)
# Every kind of these groups is somebody's guard; their names are not known beforehand.
_GUARD_GROUPS: Final = ("constraints.gatekeeper.sh", "mutations.gatekeeper.sh")
_RBAC_KINDS: Final = _of(_RBAC, "roles", "rolebindings", "clusterroles", "clusterrolebindings")
_SENSITIVE: Final = (
    *_of("", "secrets", "serviceaccounts", "serviceaccounts/token", "pods", "nodes", "nodes/proxy"),
    *_of("", "namespaces", "persistentvolumes", "users", "groups"),
    *_RBAC_KINDS,
    *_WEBHOOKS,
    *_ADMISSION_POLICIES,
    *_of(_CERTIFICATES, "certificatesigningrequests", "certificatesigningrequests/approval"),
    *_of(_CERTIFICATES, "signers"),
)

_PLAIN: Final = (
    Risk(
        "escalate",
        "may give roles more rights than they hold",
        ("escalate",),
        _of(_RBAC, "roles", "clusterroles"),
    ),
    Risk(
        "bind",
        "may bind roles they do not hold",
        ("bind",),
        _of(_RBAC, "roles", "clusterroles"),
        # A RoleBinding may name a ClusterRole, so `bind` on one works within a namespace too.
        through_namespace=_of(_RBAC, "clusterroles"),
    ),
    Risk("rbac-write", "may write roles or bindings", _MAKE, _RBAC_KINDS),
    Risk(
        "impersonate",
        "may act as other users, groups or service accounts",
        ("impersonate",),
        (*_of("", "users", "groups", "serviceaccounts"), *_of(_AUTHN, "uids", "userextras/*")),
    ),
    Risk("secrets-read", "may read Secrets, tokens in them included", _READ, _SECRETS),
    Risk(
        "secrets-write", "may write Secrets, and so mint a service account's token", _MAKE, _SECRETS
    ),
    Risk(
        "token-create",
        "may mint tokens of service accounts",
        ("create",),
        _of("", "serviceaccounts/token"),
    ),
    Risk("webhook-config", "may write admission webhooks", _WRITE, _WEBHOOKS),
    Risk(
        "nodes-proxy",
        "may reach every kubelet past audit and admission",
        ("get", "create"),
        _of("", "nodes/proxy"),
    ),
)


def _touches(rule: Rule, verbs: Collection[str], target: _Target) -> bool:
    group, resource = target
    if not matches_group(rule, group) or not any(matches_verb(rule, v) for v in verbs):
        return False
    kind, sub = split_resource(resource)
    if sub == ANY:  # any subresource of this kind
        return ANY in rule.resources or any(
            split_resource(r)[0] in {kind, ANY} and "/" in r for r in rule.resources
        )
    return matches_resource(rule, resource)


def _finds(risk: Risk, rules: Collection[Rule], namespace: str | None) -> bool:
    targets = [
        target
        for target in risk.targets
        if target in risk.through_namespace or reaches(*target, namespace)
    ]
    return any(_touches(rule, risk.verbs, target) for rule in rules for target in targets)


def _any_touch(
    rules: Collection[Rule],
    verbs: Collection[str],
    targets: Collection[_Target],
    namespace: str | None,
) -> bool:
    reached = [target for target in targets if reaches(*target, namespace)]
    return any(_touches(rule, verbs, target) for rule in rules for target in reached)


def _workload_create(rules: Collection[Rule], namespace: str | None) -> bool:
    """Pods only by create: most of a pod that runs can't be changed, its account never."""
    return _any_touch(rules, ("create",), _of("", "pods"), namespace) or _any_touch(
        rules, _MAKE, _PODS_AND_MAKERS, namespace
    )


def _admission_policy(rules: Collection[Rule], namespace: str | None) -> bool:
    """Admission policies and CRDs; guards of Kyverno and Gatekeeper too."""
    if _any_touch(rules, _WRITE, _ADMISSION_POLICIES, namespace):
        return True
    return any(
        matches_group(rule, group) and any(matches_verb(rule, v) for v in _WRITE)
        for rule in rules
        if rule.resources
        for group in _GUARD_GROUPS
    )


def _wildcard_all(rules: Collection[Rule], _: str | None) -> bool:
    return any(
        ANY in rule.verbs and ANY in rule.resources and ANY in rule.api_groups for rule in rules
    )


def _wildcard_resources(rules: Collection[Rule], _: str | None) -> bool:
    return any(ANY in rule.resources and any(v not in _READ for v in rule.verbs) for rule in rules)


def _wildcard_sensitive(rules: Collection[Rule], namespace: str | None) -> bool:
    """Only a literal `*` verb counts, whatever else would let the same things be done."""
    return any(
        _any_touch((rule,), (ANY,), _SENSITIVE, namespace) for rule in rules if ANY in rule.verbs
    )


_CLIENT_SIGNERS: Final = (
    "kubernetes.io/kube-apiserver-client",
    "kubernetes.io/kube-apiserver-client-kubelet",
    # Promises nothing, and some distributions do honour its client certificates.
    "kubernetes.io/legacy-unknown",
)


def _csr_approve(rules: Collection[Rule], namespace: str | None) -> bool:
    """Two rights together: to write the approval, and `approve` on a signer for clients."""
    if namespace is not None:
        return False
    approval = (_CERTIFICATES, "certificatesigningrequests/approval")
    writes = any(_touches(rule, ("update", "patch"), approval) for rule in rules)
    return writes and any(
        _touches(rule, ("approve",), (_CERTIFICATES, "signers"))
        and any(
            matches_name(rule, signer) or matches_name(rule, f"{signer.split('/')[0]}/*")
            for signer in _CLIENT_SIGNERS
        )
        for rule in rules
    )


def _constrained_impersonate(rules: Collection[Rule], namespace: str | None) -> bool:
    """Verbs such as `impersonate:user-info`; also `*` on the kinds that these verbs are for."""
    marks = ("impersonate:", "impersonate-on:")
    spelled = any(verb.startswith(marks) for rule in rules for verb in rule.verbs)
    kinds = ["serviceaccounts"]
    if namespace is None:
        kinds += ["users", "groups", "nodes", "uids", "userextras/*"]
    wild = [rule for rule in rules if ANY in rule.verbs]
    return spelled or any(
        _touches(rule, (ANY,), target) for rule in wild for target in _of(_AUTHN, *kinds)
    )


_COMPOSED: Final[dict[str, tuple[str, Callable[[Collection[Rule], str | None], bool]]]] = {
    "wildcard-all": ("may do anything to anything", _wildcard_all),
    "wildcard-resources": ("may change every kind there is or will be", _wildcard_resources),
    "wildcard-sensitive": ("may do anything to a kind that power rests on", _wildcard_sensitive),
    "constrained-impersonate": (
        "may act as others within limits; its end acts after ten seconds",
        _constrained_impersonate,
    ),
    "csr-approve": ("may approve certificates that clients sign in with", _csr_approve),
    "admission-policy": ("may write admission policies or kinds", _admission_policy),
    "workload-create": (
        "may start workloads as any service account of the namespace",
        _workload_create,
    ),
}

PERSISTS: Final[dict[str, str]] = {
    **{id_: meaning for id_, (meaning, _) in _COMPOSED.items()},
    **{risk.id: risk.meaning for risk in _PLAIN},
}
"""Who holds one of these for an hour can keep power for ever: id -> what it lets them do."""

ACCEPTABLE: Final[dict[str, str]] = {
    **PERSISTS,
    SYSTEM_NAMESPACE: "acts in a namespace that the cluster itself lives in",
    OWN_NAMESPACE: "acts in the namespace of this bot",
}
"""Every id that an entitlement can accept, and must accept where it is found."""


_CONNECTS: Final = frozenset({"attach", "exec", "portforward", "proxy"})


def _changes_something_namespaced(rule: Rule) -> bool:
    """Tell whether a cluster-wide rule does more than look at things inside namespaces.

    A `get` of `pods/exec` is no look: it opens a shell.
    """
    wild_verbs = any(verb not in _READ for verb in rule.verbs)
    for resource in rule.resources:
        kind, sub = split_resource(resource)
        if not wild_verbs and sub not in _CONNECTS:
            continue
        if any((group, kind) not in CLUSTER_SCOPED for group in rule.api_groups):
            return True
    return False


def _places(
    rules: Collection[Rule], namespace: str | None, own_namespaces: Collection[str]
) -> set[str]:
    if namespace is None:
        # Cluster-wide rights act in every namespace, these too.
        acts = any(_changes_something_namespaced(rule) for rule in rules)
        return {SYSTEM_NAMESPACE, OWN_NAMESPACE} if acts else set()
    found = set()
    if namespace in SYSTEM_NAMESPACES:
        found.add(SYSTEM_NAMESPACE)
    if namespace in own_namespaces:
        found.add(OWN_NAMESPACE)
    return found


def risks_of(
    rules: Collection[Rule], namespace: str | None, own_namespaces: Collection[str] = ()
) -> frozenset[str]:
    """Name the risks of giving these rules in a namespace (None: cluster-wide).

    `resourceNames` do not lessen a risk: one Secret or one Deployment is enough to keep power.
    In a system namespace or the bot's own any right counts; cluster-wide, any right but looking.
    """
    found = {id_ for id_, (_, finds) in _COMPOSED.items() if finds(rules, namespace)}
    found |= {risk.id for risk in _PLAIN if _finds(risk, rules, namespace)}
    return frozenset(found | _places(rules, namespace, own_namespaces))
