"""How bad a right is: from what it allows, where, on named objects or all, and to whom."""

from collections.abc import Collection
from typing import Final

from grants.authz.matching import ANY, CLUSTER_SCOPED
from grants.authz.model import Rule
from grants.review.finding import Severity

I, L, M, H, C = Severity  # noqa: E741 - the table below is read by columns

# What lives there rules the cluster: rights in it count as rights everywhere.
HEAVY_NAMESPACE: Final = "kube-system"

# (everywhere, in one namespace, everywhere but named, in one namespace and named)
_TABLE: Final[dict[str, tuple[Severity, Severity, Severity, Severity]]] = {
    "wildcard-all": (C, H, C, H),
    "wildcard-resources": (C, H, H, M),
    "wildcard-sensitive": (H, M, M, L),
    "secrets-read": (H, M, M, L),
    "secrets-write": (H, M, M, L),
    "token-create": (C, H, H, M),
    "workload-create": (H, M, M, L),
    "pods-mutate": (M, L, L, L),
    "pods-exec": (H, M, M, L),
    "ephemeral-containers": (H, M, M, L),
    "port-forward": (M, L, L, L),
    "nodes-proxy": (C, C, H, H),
    "bind": (C, H, M, L),
    "escalate": (C, H, H, M),
    "rbac-write": (M, L, L, L),
    "impersonate": (C, H, H, M),
    "constrained-impersonate": (H, M, M, L),
    "csr-approve": (C, C, C, C),
    "webhook-config": (H, H, M, M),
    "admission-policy": (H, M, L, L),
    "pv-create": (H, H, H, H),
    "namespace-mutate": (M, M, L, L),
    "network-mutate": (M, L, L, L),
    "status-mutate": (M, L, L, L),
    "system-config-mutate": (M, H, H, H),
    "destructive-delete": (M, L, L, L),
}
_POWERFUL_ROLES: Final = frozenset({"cluster-admin", "admin", "edit"})
_MASTERS: Final = "system:masters"
_CORE_GROUPS: Final = frozenset({"", "apps", "batch", *(group for group, _ in CLUSTER_SCOPED)})
_CRDS: Final = frozenset({"customresourcedefinitions", "customresourcedefinitions/status"})


def severity_of(rule: str, guilty: Collection[Rule], namespace: str | None) -> Severity:
    """Judge one risk by the rules at fault and where they hold (None: everywhere)."""
    everywhere = namespace is None or (
        namespace == HEAVY_NAMESPACE and rule != "system-config-mutate"
    )
    named = all(is_bounded(one) for one in guilty)
    found = _TABLE[rule][(0 if everywhere else 1) + (2 if named else 0)]
    special = _SPECIAL.get(rule)
    return found if special is None else special(guilty, found)


def is_bounded(rule: Rule) -> bool:
    """Tell whether names bound a right; the empty name stands for an unnamed list."""
    return bool(rule.resource_names) and "" not in rule.resource_names


def _bind(guilty: Collection[Rule], found: Severity) -> Severity:
    names = {name for rule in guilty for name in rule.resource_names}
    return max(found, H) if names & _POWERFUL_ROLES else found


def _impersonate(guilty: Collection[Rule], found: Severity) -> Severity:
    return C if any(_MASTERS in rule.resource_names for rule in guilty) else found


def _wildcard_resources(guilty: Collection[Rule], found: Severity) -> Severity:
    """`*` in somebody's own API group is little; in Kubernetes' own it is nearly all."""
    groups = {group for rule in guilty for group in rule.api_groups}
    return found if ANY in groups or groups & _CORE_GROUPS else L


def _admission(guilty: Collection[Rule], found: Severity) -> Severity:
    """Kinds alone (CRDs) guard nothing; they break what uses them."""
    return min(found, M) if all(set(rule.resources) <= _CRDS for rule in guilty) else found


def _exec(guilty: Collection[Rule], found: Severity) -> Severity:
    return worse(found, -1) if only_get(guilty) else found


def only_get(guilty: Collection[Rule]) -> bool:
    """Tell whether a connection may be asked for by `get` alone."""
    return not any(ANY in rule.verbs or "create" in rule.verbs for rule in guilty)


_SPECIAL: Final = {
    "pods-exec": _exec,
    "bind": _bind,
    "impersonate": _impersonate,
    "wildcard-resources": _wildcard_resources,
    "admission-policy": _admission,
}


def worse(severity: Severity, by: int = 1) -> Severity:
    """Give what is worse by some steps; negative: better."""
    return Severity(max(I, min(C, severity + by)))
