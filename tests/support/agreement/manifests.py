"""Roles and bindings as an API server takes and gives them, apart from the product's reader."""

from typing import Any

from grants.authz.model import RoleRef, Rule
from grants.authz.objects import Binding, Meta, Requirement, Role, Selector, Subject

API_GROUP = "rbac.authorization.k8s.io"
API_VERSION = f"{API_GROUP}/v1"
LABEL = "agreement.test/round"

_FIELDS = (
    ("verbs", "verbs"),
    ("apiGroups", "api_groups"),
    ("resources", "resources"),
    ("resourceNames", "resource_names"),
    ("nonResourceURLs", "non_resource_urls"),
)


def role_manifest(role: Role, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """Write a role."""
    body = {
        "apiVersion": API_VERSION,
        "kind": role.kind,
        "metadata": _metadata(role.meta, labels),
        "rules": [_rule_manifest(rule) for rule in role.rules],
    }
    if role.aggregates is not None:
        selectors = [_selector_manifest(selector) for selector in role.aggregates]
        body["aggregationRule"] = {"clusterRoleSelectors": selectors}
    return body


def binding_manifest(binding: Binding, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """Write a binding."""
    return {
        "apiVersion": API_VERSION,
        "kind": binding.kind,
        "metadata": _metadata(binding.meta, labels),
        "roleRef": {"apiGroup": API_GROUP, "kind": binding.role.kind, "name": binding.role.name},
        "subjects": [_subject_manifest(subject) for subject in binding.subjects],
    }


def _metadata(meta: Meta, labels: dict[str, str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"name": meta.name, "labels": {**meta.labels, **(labels or {})}}
    return found | ({"namespace": meta.namespace} if meta.namespace else {})


def _rule_manifest(rule: Rule) -> dict[str, list[str]]:
    return {theirs: list(held) for theirs, ours in _FIELDS if (held := getattr(rule, ours))}


def _selector_manifest(selector: Selector) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if selector.labels:
        found["matchLabels"] = dict(selector.labels)
    if selector.requirements:
        found["matchExpressions"] = [
            {"key": one.key, "operator": one.operator, "values": list(one.values)}
            for one in selector.requirements
        ]
    return found


def _subject_manifest(subject: Subject) -> dict[str, str]:
    found = {"kind": subject.kind, "name": subject.name}
    if subject.kind != "ServiceAccount":
        return found | {"apiGroup": API_GROUP}
    return found | ({"namespace": subject.namespace} if subject.namespace else {})


def role_of_manifest(body: dict[str, Any], kind: str) -> Role:
    """Read a role; `kind` because the items of lists don't say theirs."""
    rules = tuple(
        Rule(**{ours: tuple(rule.get(theirs) or ()) for theirs, ours in _FIELDS})
        for rule in body.get("rules") or ()
    )
    aggregates = None
    if body.get("aggregationRule"):
        selectors = body["aggregationRule"].get("clusterRoleSelectors") or ()
        aggregates = tuple(_selector(selector) for selector in selectors)
    return Role("Role" if kind == "Role" else "ClusterRole", _meta(body), rules, aggregates)


def binding_of_manifest(body: dict[str, Any], kind: str) -> Binding:
    """Read a binding."""
    ref = body["roleRef"]
    subjects = tuple(
        Subject(one["kind"], one["name"], one.get("namespace", ""))
        for one in body.get("subjects") or ()
    )
    return Binding(
        "RoleBinding" if kind == "RoleBinding" else "ClusterRoleBinding",
        _meta(body),
        RoleRef(ref["kind"], ref["name"]),
        subjects,
    )


def _meta(body: dict[str, Any]) -> Meta:
    meta = body["metadata"]
    return Meta(
        meta["name"],
        meta.get("namespace", ""),
        meta.get("uid", ""),
        labels=meta.get("labels") or {},
    )


def _selector(body: dict[str, Any]) -> Selector:
    return Selector(
        tuple((body.get("matchLabels") or {}).items()),
        tuple(
            Requirement(one["key"], one["operator"], tuple(one.get("values") or ()))
            for one in body.get("matchExpressions") or ()
        ),
    )
