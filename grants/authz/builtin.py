"""The roles that every cluster is born with and that people bind: for files that lack them.

A manifest binds `cluster-admin` without holding it; what that gives must be known all the same.
The rules are those of a cluster of our days; what operators aggregate into them is not in them.
"""

from collections.abc import Iterable
from typing import Final

from grants.authz.model import Rule
from grants.authz.objects import Meta, Role, Selector

_READ: Final = ("get", "list", "watch")
_CHANGE: Final = ("create", "delete", "deletecollection", "patch", "update")


def _rule(verbs: Iterable[str], group: str, resources: str) -> Rule:
    return Rule(tuple(verbs), (group,), tuple(resources.split()))


_VIEW: Final = (
    _rule(
        _READ,
        "",
        "bindings configmaps endpoints events limitranges namespaces namespaces/status"
        " persistentvolumeclaims persistentvolumeclaims/status pods pods/log pods/status"
        " replicationcontrollers replicationcontrollers/scale replicationcontrollers/status"
        " resourcequotas resourcequotas/status serviceaccounts services services/status",
    ),
    _rule(
        _READ,
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale"
        " deployments/status replicasets replicasets/scale replicasets/status statefulsets"
        " statefulsets/scale statefulsets/status",
    ),
    _rule(_READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
    _rule(_READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    _rule(_READ, "discovery.k8s.io", "endpointslices"),
    _rule(_READ, "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
    _rule(_READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
)
_EDIT: Final = (
    _rule(_READ, "", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    _rule(("impersonate",), "", "serviceaccounts"),
    _rule(
        _CHANGE,
        "",
        "configmaps events persistentvolumeclaims pods pods/attach pods/exec pods/portforward"
        " pods/proxy replicationcontrollers replicationcontrollers/scale secrets serviceaccounts"
        " services services/proxy",
    ),
    _rule(("create",), "", "pods/eviction serviceaccounts/token"),
    _rule(
        _CHANGE,
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets"
        " replicasets/scale statefulsets statefulsets/scale",
    ),
    _rule(_CHANGE, "batch", "cronjobs jobs"),
    _rule(_CHANGE, "autoscaling", "horizontalpodautoscalers"),
    _rule(_CHANGE, "networking.k8s.io", "ingresses networkpolicies"),
    _rule(_CHANGE, "policy", "poddisruptionbudgets"),
    _rule((*_CHANGE, *_READ), "coordination.k8s.io", "leases"),
)
_ADMIN: Final = (
    _rule(("create",), "authorization.k8s.io", "localsubjectaccessreviews"),
    _rule((*_CHANGE, *_READ), "rbac.authorization.k8s.io", "rolebindings roles"),
)
_EVERYTHING: Final = (
    Rule(("*",), ("*",), ("*",)),
    Rule(("*",), non_resource_urls=("*",)),
)
_DELEGATOR: Final = (
    _rule(("create",), "authentication.k8s.io", "tokenreviews"),
    _rule(("create",), "authorization.k8s.io", "subjectaccessreviews"),
)

BUILTIN: Final = {
    "cluster-admin": _EVERYTHING,
    "admin": (*_VIEW, *_EDIT, *_ADMIN),
    "edit": (*_VIEW, *_EDIT),
    "view": _VIEW,
    "system:auth-delegator": _DELEGATOR,
}
"""ClusterRoles by name, with what they give before anything is aggregated into them."""


_AGGREGATED: Final = {"admin": "", "edit": "admin", "view": "edit"}
"""Roles that gather what others are labelled for: name -> which one they are labelled for."""

_LABEL: Final = "rbac.authorization.k8s.io/aggregate-to-"


def with_builtin(roles: Iterable[Role]) -> tuple[Role, ...]:
    """Add the built-in ClusterRoles that are not among these.

    They gather what the others are labelled for, as in a cluster.
    """
    given = tuple(roles)
    known = {role.meta.name for role in given if role.kind == "ClusterRole"}
    return (*given, *(_built_in(name) for name in BUILTIN if name not in known))


def _built_in(name: str) -> Role:
    labels = {f"{_LABEL}{to}": "true"} if (to := _AGGREGATED.get(name)) else {}
    selectors = (Selector(((f"{_LABEL}{name}", "true"),)),) if name in _AGGREGATED else None
    # With a uid, since a cluster has filled it: what is gathered from files comes on top.
    return Role("ClusterRole", Meta(name, uid="built-in", labels=labels), BUILTIN[name], selectors)
