"""Which entitlements need `accept_risk`, judged on the rules that clusters give now.

The same is judged again at each request and click; this tells before anybody asks.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from grants.authz.model import RoleRef, RoleSnapshot
from grants.authz.risks import ACCEPTABLE, PERSISTS, risks_of
from grants.errors import ClusterError, PolicyProblem
from grants.policy.load import LoadedPolicy, in_order
from grants.policy.model import Entitlement, Policy
from grants.policy.patterns import is_literal
from grants.policy.shapes import Part, Report

ReadRole = Callable[[str, RoleRef, str | None], RoleSnapshot | None]
"""Reads a role's rules: cluster alias, role, namespace (of a Role); None: there is none.
ClusterError when the cluster did not answer."""


@dataclass(frozen=True)
class RoleFindings:
    """What roles' rules say of a policy: problems refuse it, warnings do not."""

    problems: tuple[PolicyProblem, ...]
    warnings: tuple[PolicyProblem, ...]
    read: int


@dataclass(frozen=True)
class _Place:
    """Where a role is read: the namespace is that of a Role."""

    alias: str
    role: RoleRef
    namespace: str | None

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.role}{where} of cluster {self.alias}"


def check_roles(loaded: LoadedPolicy, read_role: ReadRole) -> RoleFindings:
    """Read every role that can be named, and hold it against what its entitlement accepts.

    A Role in namespaces given by patterns can't be named: it is warned of, and judged at request.
    """
    report = Report()
    roles: dict[_Place, RoleSnapshot | str] = {}
    for entitlement in loaded.policy.entitlements:
        part = loaded.places[entitlement.name]
        for place in _places(loaded.policy, entitlement):
            if place not in roles:
                roles[place] = _read(place, read_role)
        _check_entitlement(entitlement, part, roles, loaded.policy, report)
    read = sum(isinstance(role, RoleSnapshot) for role in roles.values())
    return RoleFindings(in_order(report.problems), in_order(report.warnings), read)


def _check_entitlement(
    entitlement: Entitlement,
    part: Part,
    roles: Mapping[_Place, RoleSnapshot | str],
    policy: Policy,
    report: Report,
) -> None:
    gaps = [_gap_of_pattern(entitlement, name) for name in _patterns(entitlement)]
    found: set[str] = set()
    for place in _places(policy, entitlement):
        role = roles[place]
        if isinstance(role, str):
            gaps.append((role, f"{place}: {_GAPS[role]}"))
        else:
            found |= _risks(role, entitlement)
    for code, message in gaps:
        report.warn(part, ("role",), code, message)
    missing = sorted(found - entitlement.accept_risk.rules)
    if missing:
        said = "; ".join(f"{id_} ({ACCEPTABLE[id_]})" for id_ in missing)
        message = f"{entitlement.role} needs `accept_risk` with: {said}"
        report.wrong(part, ("role",), "risk-not-accepted", message)
    idle = sorted((entitlement.accept_risk.rules & set(PERSISTS)) - found)
    if idle and not gaps:
        message = f"accepted, but the role does not have: {', '.join(idle)}"
        report.warn(part, ("accept_risk", "rules"), "idle-accept-risk", message)


_GAPS: Final = {
    "role-missing": "there is no such role; requests are refused until there is",
    "role-unread": "could not be read; its risks are judged at each request",
}


def _gap_of_pattern(entitlement: Entitlement, pattern: str) -> tuple[str, str]:
    message = f"{entitlement.role} in `{pattern}`: a pattern names no namespace to read it in"
    return "role-unread", message


def _patterns(entitlement: Entitlement) -> tuple[str, ...]:
    """List the namespaces that can't be named although the role lives in one."""
    if entitlement.role.kind == "ClusterRole":
        return ()
    return tuple(p for p in entitlement.namespaces if not is_literal(p))


def _places(policy: Policy, entitlement: Entitlement) -> Iterator[_Place]:
    for cluster in policy.clusters:
        if not entitlement.covers_cluster(cluster.alias):
            continue
        if entitlement.role.kind == "ClusterRole":
            yield _Place(cluster.alias, entitlement.role, None)
        else:
            for name in entitlement.namespaces:
                if is_literal(name):
                    yield _Place(cluster.alias, entitlement.role, name)


def _read(place: _Place, read_role: ReadRole) -> RoleSnapshot | str:
    try:
        found = read_role(place.alias, place.role, place.namespace)
    except ClusterError:
        return "role-unread"
    return found or "role-missing"


def _risks(role: RoleSnapshot, entitlement: Entitlement) -> frozenset[str]:
    """Name the risks of the rules; those of namespaces are checked without any role."""
    if entitlement.cluster_wide:
        return risks_of(role.rules, None)
    return risks_of(role.rules, entitlement.namespaces[0]) & PERSISTS.keys()
