"""Nobody writes into roles and bindings more than they hold, unless they may escalate or bind."""

from collections.abc import Iterable, Sequence
from typing import Final

from bot.playground.cluster.authorizing import Authorizer, User
from bot.playground.cluster.faults import forbidden, not_found
from bot.playground.cluster.kinds import RBAC_GROUP, Json, Kind
from bot.playground.cluster.rbac_objects import as_binding, as_role
from grants.authz.covers import Permission, uncovered
from grants.authz.escalation import may_bind, may_write_role
from grants.authz.model import Rule
from grants.authz.objects import Role
from grants.authz.reason import quoted

_AGGREGATES: Final = "must have cluster-admin privileges to use the aggregationRule"
_ONLY_CLEANING: Final = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")


def require_held(
    authorizer: Authorizer, user: User, kind: Kind, wanted: Json, old: Json | None
) -> None:
    """Raise a Fault (403) when a write gives more than its writer may give.

    It is asked before anything else is said about the object.
    """
    if kind.group != RBAC_GROUP or (old is not None and _only_cleans(wanted, old)):
        return
    if "roleRef" in wanted or kind.kind.endswith("Binding"):
        _require_bindable(authorizer, user, kind, wanted)
    else:
        _require_role(authorizer, user, kind, wanted, old)


def _only_cleans(wanted: Json, old: Json) -> bool:
    """Tell whether only that changes which a garbage collector must be able to change."""

    def rest(one: Json) -> Json:
        meta = {k: v for k, v in one["metadata"].items() if k not in _ONLY_CLEANING}
        return {**one, "metadata": meta}

    return rest(wanted) == rest(old)


def _require_role(
    authorizer: Authorizer, user: User, kind: Kind, wanted: Json, old: Json | None
) -> None:
    role, rbac = as_role(wanted), authorizer.rbac
    gathers = bool(role.aggregates) or (old is not None and bool(as_role(old).aggregates))
    judged = Role(role.kind, role.meta, role.rules, role.aggregates or None)
    if gathers and judged.aggregates is None:
        judged = Role(role.kind, role.meta, role.rules, ())
    if may_write_role(rbac, user.caller, judged, new=old is None):
        return
    name = wanted["metadata"].get("name") or ""
    held = rbac.rules_in(user.caller, role.meta.namespace or None)
    if missing := _missing(held, role.rules):
        raise forbidden(kind.group, kind.plural, name, _beyond(user, missing))
    raise forbidden(kind.group, kind.plural, name, _AGGREGATES)


def _require_bindable(authorizer: Authorizer, user: User, kind: Kind, wanted: Json) -> None:
    binding, rbac = as_binding(wanted), authorizer.rbac
    if may_bind_or_unknown(authorizer, user, wanted):
        return
    role = rbac.role_of(binding)
    if role is None:
        raise not_found(kind, binding.role.name)
    held = rbac.rules_in(user.caller, binding.namespace)
    missing = _missing(held, role.rules)
    name = wanted["metadata"].get("name") or ""
    raise forbidden(kind.group, kind.plural, name, _beyond(user, missing))


def may_bind_or_unknown(authorizer: Authorizer, user: User, wanted: Json) -> bool:
    """Tell whether a binding may be written; one to no kind of role is refused for that later."""
    binding = as_binding(wanted)
    if binding.role.kind not in {"Role", "ClusterRole"}:
        return True
    return may_bind(authorizer.rbac, user.caller, binding)


def _missing(held: Iterable[Rule], wanted: Iterable[Rule]) -> Sequence[Permission]:
    return uncovered(tuple(held), tuple(wanted)) or ()


def _beyond(user: User, missing: Iterable[Permission]) -> str:
    groups = " ".join(quoted(group) for group in user.groups)
    listed = "\n".join(sorted(set(_compact(missing))))
    return (
        f"user {quoted(user.name)} (groups=[{groups}]) is attempting to grant RBAC permissions"
        f" not currently held:\n{listed}"
    )


def _compact(missing: Iterable[Permission]) -> list[str]:
    """Put verbs on the same thing together; those on paths stay apart, as in an API server."""
    said: list[str] = []
    verbs: dict[tuple[str, str, str | None], list[str]] = {}
    for verb, group, what, name in missing:
        if group is None:
            said.append(f"{{NonResourceURLs:[{quoted(what)}], Verbs:[{quoted(verb)}]}}")
        else:
            verbs.setdefault((group, what, name), []).append(verb)
    for (group, what, name), held in verbs.items():
        named = f", ResourceNames:[{quoted(name)}]" if name is not None else ""
        listed = " ".join(quoted(verb) for verb in held)
        said.append(
            f"{{APIGroups:[{quoted(group)}], Resources:[{quoted(what)}]{named}, Verbs:[{listed}]}}"
        )
    return said
