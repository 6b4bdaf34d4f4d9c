"""A proposal as objects of Kubernetes: what to apply, and what to take away after it."""

from typing import Any, Final

from grants.authz.model import Rule
from grants.authz.objects import SERVICE_ACCOUNT, Binding, Meta, Role, Subject
from grants.review.rightsizing.model import Proposal, Replaced
from grants.review.rightsizing.objects import objects_of

_GROUP: Final = "rbac.authorization.k8s.io"
_VERSION: Final = f"{_GROUP}/v1"


def to_apply(proposal: Proposal) -> tuple[tuple[dict[str, Any], dict[str, Any]], ...]:
    """Give a role and its binding for each place.

    Nothing is in them that an API server would change or leave out, so that applying them twice
    is applying them once.
    """
    rules = tuple((scoped.scope, scoped.plain) for scoped in proposal.scopes)
    made = objects_of(proposal.target, proposal.window, rules)
    return tuple((role_manifest(role), binding_manifest(binding)) for role, binding in made)


def to_delete(proposal: Proposal) -> tuple[dict[str, Any], ...]:
    """Name the old bindings that nobody else is in, as `kubectl delete -f` takes them."""
    return tuple(
        {"apiVersion": _VERSION, "kind": one.binding.kind, "metadata": _named(one.binding.meta)}
        for one in proposal.replaced
        if not one.stays
    )


def to_replace(proposal: Proposal) -> tuple[dict[str, Any], ...]:
    """Give the old bindings that others are in, without the account, for `kubectl replace -f`."""
    return tuple(_narrowed(one) for one in proposal.replaced if one.stays)


def role_manifest(role: Role) -> dict[str, Any]:
    """Write a role."""
    return {
        "apiVersion": _VERSION,
        "kind": role.kind,
        "metadata": _meta(role.meta),
        "rules": [rule_manifest(rule) for rule in role.rules],
    }


def rule_manifest(rule: Rule) -> dict[str, list[str]]:
    """Write a rule; empty lists are left out, as an API server does."""
    if rule.non_resource_urls:
        return {"nonResourceURLs": list(rule.non_resource_urls), "verbs": list(rule.verbs)}
    names = {"resourceNames": list(rule.resource_names)} if rule.resource_names else {}
    return {
        "apiGroups": list(rule.api_groups),
        "resources": list(rule.resources),
        **names,
        "verbs": list(rule.verbs),
    }


def binding_manifest(binding: Binding) -> dict[str, Any]:
    """Write a binding."""
    ref = binding.role
    return {
        "apiVersion": _VERSION,
        "kind": binding.kind,
        "metadata": _meta(binding.meta),
        "roleRef": {"apiGroup": _GROUP, "kind": ref.kind, "name": ref.name},
        "subjects": [_subject(subject) for subject in binding.subjects],
    }


def _narrowed(one: Replaced) -> dict[str, Any]:
    meta = one.binding.meta
    kept = Meta(meta.name, meta.namespace, labels=meta.labels, annotations=meta.annotations)
    binding = Binding(one.binding.kind, kept, one.binding.role, one.stays)
    return binding_manifest(binding)


def _meta(meta: Meta) -> dict[str, Any]:
    found: dict[str, Any] = _named(meta)
    if meta.labels:
        found["labels"] = dict(sorted(meta.labels.items()))
    if meta.annotations:
        found["annotations"] = dict(sorted(meta.annotations.items()))
    return found


def _named(meta: Meta) -> dict[str, Any]:
    return {"name": meta.name, **({"namespace": meta.namespace} if meta.namespace else {})}


def _subject(subject: Subject) -> dict[str, str]:
    if subject.kind == SERVICE_ACCOUNT:
        place = {"namespace": subject.namespace} if subject.namespace else {}
        return {"kind": subject.kind, "name": subject.name, **place}
    return {"apiGroup": _GROUP, "kind": subject.kind, "name": subject.name}
