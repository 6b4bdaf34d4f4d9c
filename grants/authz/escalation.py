"""What Kubernetes lets somebody write into roles and bindings beyond the right to write them."""

from typing import Final

from grants.authz.covers import covers
from grants.authz.matching import ANY
from grants.authz.model import Question, Rule
from grants.authz.objects import MASTERS, Binding, Caller, Role
from grants.authz.rbac import Rbac

RBAC_GROUP: Final = "rbac.authorization.k8s.io"
_PLURALS: Final = {"Role": "roles", "ClusterRole": "clusterroles"}

EVERYTHING: Final = (
    Rule((ANY,), (ANY,), (ANY,)),
    Rule((ANY,), non_resource_urls=(ANY,)),
)
"""What whoever makes a role aggregate must hold: it may come to gather anything."""


def may_write_role(rbac: Rbac, caller: Caller, role: Role, *, new: bool = False) -> bool:
    """Tell whether the rules of a role are within what its writer holds, or may be exceeded.

    A new role is asked for without its name, so `escalate` on names helps with none.
    """
    place = role.meta.namespace or None if role.kind == "Role" else None
    name = "" if new else role.meta.name
    question = Question("escalate", RBAC_GROUP, _PLURALS[role.kind], "", name, place)
    if _is_free(rbac, caller, question):
        return True
    held = rbac.rules_in(caller, place)
    return covers(held, role.rules) and (role.aggregates is None or covers(held, EVERYTHING))


def may_bind(rbac: Rbac, caller: Caller, binding: Binding) -> bool:
    """Tell whether the role of a binding is within what its writer holds there, or may be bound.

    A role that isn't there can be bound by the verb `bind` alone.
    """
    plural = _PLURALS[binding.role.kind]
    question = Question("bind", RBAC_GROUP, plural, "", binding.role.name, binding.namespace)
    if _is_free(rbac, caller, question):
        return True
    role = rbac.role_of(binding)
    return role is not None and covers(rbac.rules_in(caller, binding.namespace), role.rules)


def _is_free(rbac: Rbac, caller: Caller, question: Question) -> bool:
    return MASTERS in caller.groups or rbac.allowed(caller, question)
