"""A proposal as roles and bindings, and what becomes of those that it replaces."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from grants.authz.model import RoleKind, RoleRef, Rule
from grants.authz.objects import SERVICE_ACCOUNT, Binding, BindingKind, Meta, Role, Subject
from grants.authz.rbac import Rbac
from grants.review.rightsizing.held import Held
from grants.review.rightsizing.model import Replaced, Scope, Target, Window

PREFIX: Final = "valetkey.dev/"
"""The product's own, as on the bindings that it makes; a test holds the two together."""

# Not the label of bindings that the bot makes and ends: a sweep must not take these for its own.
RIGHT_SIZED_LABEL: Final = f"{PREFIX}right-sized"
ACCOUNT_ANNOTATION: Final = f"{PREFIX}right-sized-account"
SINCE_ANNOTATION: Final = f"{PREFIX}evidence-since"
UNTIL_ANNOTATION: Final = f"{PREFIX}evidence-until"

_READABLE_MOST: Final = 200
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


def stable_name(target: Target) -> str:
    """Name the roles and bindings of an account, the same for ever, so that applying replaces.

    The digest keeps apart what the readable part can't: `a-b` in `c` and `b` in `c-a`.
    """
    digest = hashlib.sha256(f"{target.namespace}/{target.name}".encode()).hexdigest()[:8]
    return f"right-sized-{target.namespace}-{target.name}"[:_READABLE_MOST] + f"-{digest}"


def objects_of(
    target: Target, window: Window, rules: Sequence[tuple[Scope, tuple[Rule, ...]]]
) -> tuple[tuple[Role, Binding], ...]:
    """Give a role and a binding for each place."""
    return tuple(_pair(target, window, scope, held) for scope, held in rules)


def _pair(
    target: Target, window: Window, scope: Scope, rules: tuple[Rule, ...]
) -> tuple[Role, Binding]:
    meta = Meta(
        stable_name(target),
        scope or "",
        labels={RIGHT_SIZED_LABEL: "true"},
        annotations={
            ACCOUNT_ANNOTATION: str(target),
            SINCE_ANNOTATION: window.since.strftime(_TIME),
            UNTIL_ANNOTATION: window.until.strftime(_TIME),
        },
    )
    kind: RoleKind = "ClusterRole" if scope is None else "Role"
    binding_kind: BindingKind = "ClusterRoleBinding" if scope is None else "RoleBinding"
    subject = Subject(SERVICE_ACCOUNT, target.name, target.namespace)
    return (
        Role(kind, meta, rules),
        Binding(binding_kind, meta, RoleRef(kind, meta.name), (subject,)),
    )


def replaced(held: Held, made: Iterable[Binding]) -> tuple[Replaced, ...]:
    """List the old bindings that name the account, but for those that applying overwrites."""
    kept = {_key(binding) for binding in made}
    return tuple(
        Replaced(binding, tuple(s for s in binding.subjects if not held.names(s, binding)))
        for binding in held.bindings
        if _key(binding) not in kept
    )


def rbac_after(rbac: Rbac, gone: Iterable[Replaced], made: Sequence[tuple[Role, Binding]]) -> Rbac:
    """Give the cluster's RBAC as it would be with the proposal in place of the old bindings."""
    old = {_key(one.binding): one for one in gone}
    fresh = {_key(binding) for _, binding in made}
    bindings = [
        replace(binding, subjects=old[_key(binding)].stays) if _key(binding) in old else binding
        for binding in rbac.bindings
        if _key(binding) not in fresh
    ]
    return Rbac(
        (*rbac.roles, *(role for role, _ in made)),
        (*bindings, *(binding for _, binding in made)),
        aggregate=False,
    )


def _key(binding: Binding) -> tuple[str, str, str]:
    return binding.kind, binding.namespace or "", binding.meta.name
