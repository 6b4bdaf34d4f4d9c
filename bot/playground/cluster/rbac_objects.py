"""Stored roles and bindings as the values that `grants.authz` judges by."""

from typing import Any, cast

from bot.playground.cluster.kinds import Json
from grants.authz.model import RoleKind, RoleRef, Rule
from grants.authz.objects import (
    Binding,
    BindingKind,
    Meta,
    Requirement,
    Role,
    Selector,
    Subject,
)


def as_rule(found: Json) -> Rule:
    """Read one PolicyRule."""
    return Rule(
        tuple(found.get("verbs") or ()),
        tuple(found.get("apiGroups") or ()),
        tuple(found.get("resources") or ()),
        tuple(found.get("resourceNames") or ()),
        tuple(found.get("nonResourceURLs") or ()),
    )


def as_role(found: Json) -> Role:
    """Read a Role or ClusterRole."""
    rules = tuple(as_rule(rule) for rule in found.get("rules") or ())
    return Role(cast("RoleKind", found["kind"]), _meta(found), rules, _selectors(found))


def as_binding(found: Json) -> Binding:
    """Read a RoleBinding or ClusterRoleBinding."""
    ref = found.get("roleRef") or {}
    role = RoleRef(ref.get("kind", ""), ref.get("name", ""))
    subjects = tuple(
        Subject(one.get("kind", ""), one.get("name", ""), one.get("namespace", ""))
        for one in found.get("subjects") or ()
    )
    return Binding(cast("BindingKind", found["kind"]), _meta(found), role, subjects)


def as_selector(found: Json) -> Selector:
    """Read a label selector of an object."""
    requirements = tuple(
        Requirement(one["key"], one["operator"], tuple(one.get("values") or ()))
        for one in found.get("matchExpressions") or ()
    )
    return Selector(tuple(sorted((found.get("matchLabels") or {}).items())), requirements)


def _meta(found: Json) -> Meta:
    meta: dict[str, Any] = found["metadata"]
    return Meta(
        meta.get("name", ""),
        meta.get("namespace", ""),
        meta.get("uid", ""),
        labels=meta.get("labels") or {},
    )


def _selectors(found: Json) -> tuple[Selector, ...] | None:
    aggregation = found.get("aggregationRule")
    if not aggregation:
        return None
    return tuple(as_selector(one) for one in aggregation.get("clusterRoleSelectors") or ())
