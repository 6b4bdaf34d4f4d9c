"""Risks: rights that let their holder do harm or keep power, and places that need a second look.

The ids are a contract: policies accept them by name and findings carry them.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
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
from grants.authz.risk_tables import (
    CERTIFICATES,
    CHANGE,
    CLIENT_SIGNERS,
    KEEP_POWER,
    MEANINGS,
    READ,
    RISKS,
    SYSTEM_CONFIG,
    WRITE,
    Risk,
    Target,
)

SYSTEM_NAMESPACES: Final = frozenset({"kube-system", "kube-public", "kube-node-lease"})
SYSTEM_NAMESPACE: Final = "system-namespace"
OWN_NAMESPACE: Final = "own-namespace"

PERSISTS: Final[dict[str, str]] = {id_: MEANINGS[id_] for id_ in KEEP_POWER}
"""Who holds one of these for an hour can keep power for ever: id -> what it lets them do."""

ACCEPTABLE: Final[dict[str, str]] = {
    **PERSISTS,
    SYSTEM_NAMESPACE: "acts in a namespace that the cluster itself lives in",
    OWN_NAMESPACE: "acts in the namespace of this bot",
}
"""Every id that an entitlement can accept, and must accept where it is found."""

_CONNECTS: Final = frozenset({"attach", "exec", "portforward", "proxy"})
_CONSTRAINED: Final = ("impersonate:", "impersonate-on:")
_APPROVAL: Final = (CERTIFICATES, "certificatesigningrequests/approval")
_SIGNERS: Final = (CERTIFICATES, "signers")
_CONFIGMAPS: Final = ("", "configmaps")


def _touches(rule: Rule, verbs: Collection[str], target: Target) -> bool:
    group, resource = target
    if not matches_group(rule, group) or not any(matches_verb(rule, v) for v in verbs):
        return False
    if resource == ANY:  # whatever kind the group has
        return bool(rule.resources)
    kind, sub = split_resource(resource)
    if sub == ANY:  # any subresource of this kind
        return ANY in rule.resources or any(
            split_resource(r)[0] in {kind, ANY} and "/" in r for r in rule.resources
        )
    return matches_resource(rule, resource)


def _by_group() -> dict[str, tuple[Risk, ...]]:
    groups = dict.fromkeys(group for risk in RISKS for group, _ in risk.targets)
    return {
        group: tuple(risk for risk in RISKS if any(group == g for g, _ in risk.targets))
        for group in groups
    }


_BY_GROUP: Final = _by_group()


def _finds(risk: Risk, rule: Rule, *, everywhere: bool) -> bool:
    if risk.cluster_wide and not everywhere:
        return False
    return any(
        (everywhere or target in risk.through_namespace or reaches(*target, "one"))
        and _touches(rule, risk.verbs, target)
        for target in risk.targets
    )


def _wildcards(rule: Rule) -> Iterator[str]:
    if ANY not in rule.resources:
        return
    if ANY in rule.verbs and ANY in rule.api_groups:
        yield "wildcard-all"
    if any(verb not in READ for verb in rule.verbs):
        yield "wildcard-resources"


@lru_cache(maxsize=65_536)
def _of_rule(
    verbs: tuple[str, ...], groups: tuple[str, ...], resources: tuple[str, ...], *, everywhere: bool
) -> frozenset[str]:
    """Name the risks of one rule, which its resourceNames do not change."""
    rule = Rule(verbs, groups, resources)
    found = set(_wildcards(rule))
    if any(verb.startswith(_CONSTRAINED) for verb in verbs):
        found.add("constrained-impersonate")
    known = (
        RISKS if ANY in groups else dict.fromkeys(r for g in groups for r in _BY_GROUP.get(g, ()))
    )
    found.update(
        risk.id
        for risk in known
        if risk.id not in found and _finds(risk, rule, everywhere=everywhere)
    )
    return frozenset(found)


def _rules_config(rule: Rule, namespace: str | None) -> bool:
    """Tell whether a rule reaches one of the ConfigMaps that rule the cluster."""
    if not _touches(rule, WRITE, _CONFIGMAPS):
        return False
    places = SYSTEM_CONFIG if namespace is None else (namespace,)
    names = (name for place in places for name in SYSTEM_CONFIG.get(place, ()))
    return any(matches_name(rule, name) for name in names)


def _approves_clients(rule: Rule) -> bool:
    return _touches(rule, ("approve",), _SIGNERS) and any(
        matches_name(rule, signer) or matches_name(rule, f"{signer.split('/')[0]}/*")
        for signer in CLIENT_SIGNERS
    )


def _approving(rules: Iterable[Rule]) -> list[Rule]:
    """Two rights together: to write the approval, and `approve` on a signer for clients."""
    writes = [rule for rule in rules if _touches(rule, CHANGE, _APPROVAL)]
    approves = [rule for rule in rules if _approves_clients(rule)] if writes else []
    return [*writes, *(rule for rule in approves if rule not in writes)] if approves else []


def granted(rules: Collection[Rule], namespace: str | None) -> dict[str, tuple[Rule, ...]]:
    """Name every risk of these rules in a namespace (None: cluster-wide), with the rules at fault.

    `resourceNames` do not lessen a risk: one Secret or one Deployment is enough to keep power.
    Where a right holds is no matter of this; see `risks_of` for that.
    """
    found: dict[str, list[Rule]] = {}
    everywhere = namespace is None
    for rule in rules:
        ids = _of_rule(rule.verbs, rule.api_groups, rule.resources, everywhere=everywhere)
        for id_ in ids:
            found.setdefault(id_, []).append(rule)
        if (everywhere or namespace in SYSTEM_CONFIG) and _rules_config(rule, namespace):
            found.setdefault("system-config-mutate", []).append(rule)
    if everywhere and (approving := _approving(rules)):
        found["csr-approve"] = approving
    return {id_: tuple(guilty) for id_, guilty in found.items()}


def changes_something_namespaced(rule: Rule) -> bool:
    """Tell whether a cluster-wide rule does more than look at things inside namespaces.

    A `get` of `pods/exec` is no look: it opens a shell.
    """
    wild_verbs = any(verb not in READ for verb in rule.verbs)
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
        acts = any(changes_something_namespaced(rule) for rule in rules)
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
    """Name what giving these rules in a namespace (None: cluster-wide) needs accepting for.

    In a system namespace or the bot's own any right counts; cluster-wide, any right but looking.
    """
    found = granted(rules, namespace).keys() & PERSISTS.keys()
    return frozenset(found | _places(rules, namespace, own_namespaces))
