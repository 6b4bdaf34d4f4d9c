"""Risks: rights that let their holder do harm or keep power, and places that need a second look.

The ids are a contract: policies accept them by name and findings carry them.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

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


class _Entry(NamedTuple):
    """One target of one risk, ready to be asked."""

    id: str
    verbs: frozenset[str]
    target: Target
    in_namespace: bool


def _entries() -> Iterator[_Entry]:
    for risk in RISKS:
        for target in risk.targets:
            reached = target in risk.through_namespace or reaches(*target, "one")
            verbs = frozenset(risk.verbs)
            yield _Entry(risk.id, verbs, target, reached and not risk.cluster_wide)


_ENTRIES: Final = tuple(_entries())
_INDEX: Final[dict[Target, tuple[_Entry, ...]]] = {
    target: tuple(entry for entry in _ENTRIES if entry.target == target)
    for target in dict.fromkeys(entry.target for entry in _ENTRIES)
}


def _candidates(groups: Collection[str], resources: Collection[str]) -> Iterable[_Entry]:
    """Give what a rule may touch: all there is, if it has a wildcard; else what it names."""
    if ANY in groups or any(resource.startswith(ANY) for resource in resources):
        return _ENTRIES
    named = dict.fromkeys(resources)
    for resource in resources:
        kind, sub = split_resource(resource)
        if sub:
            named[f"{kind}/{ANY}"] = None
    named[ANY] = None  # whatever kind the group has
    return (
        entry
        for group in dict.fromkeys(groups)
        for resource in named
        for entry in _INDEX.get((group, resource), ())
    )


def _wildcards(
    verbs: Collection[str], groups: Collection[str], resources: Collection[str]
) -> Iterator[str]:
    if ANY not in resources:
        return
    if ANY in verbs and ANY in groups:
        yield "wildcard-all"
    if any(verb not in READ for verb in verbs):
        yield "wildcard-resources"


@lru_cache(maxsize=65_536)
def _of_rule(
    verbs: tuple[str, ...], groups: tuple[str, ...], resources: tuple[str, ...], *, everywhere: bool
) -> frozenset[str]:
    """Name the risks of one rule, which its resourceNames do not change."""
    found = set(_wildcards(verbs, groups, resources))
    if any(verb.startswith(_CONSTRAINED) for verb in verbs):
        found.add("constrained-impersonate")
    rule = Rule(verbs, groups, resources)
    for entry in _candidates(groups, resources):
        reached = entry.id not in found and (everywhere or entry.in_namespace)
        if reached and _touches(rule, entry.verbs, entry.target):
            found.add(entry.id)
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
