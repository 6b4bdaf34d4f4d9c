"""Rights where the cluster itself lives, or this bot: what they may change there."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from grants.authz.matching import ANY, split_resource
from grants.authz.model import Rule
from grants.authz.risk_tables import READ, WRITE
from grants.authz.risks import (
    OWN_NAMESPACE,
    SYSTEM_NAMESPACE,
    SYSTEM_NAMESPACES,
    changes_something_namespaced,
)
from grants.authz.words import rule_lines
from grants.review.finding import Severity

# Whoever leads an election writes its lock, and whoever works writes events: that is no power.
_LOCKS: Final = frozenset(
    {
        *(("coordination.k8s.io", kind) for kind in ("leases", "leases/status")),
        *(("", kind) for kind in ("events",)),
        *(("events.k8s.io", kind) for kind in ("events",)),
    }
)
_LOCK_VERBS: Final = frozenset({*READ, "create", "update", "patch"})
_HARMLESS: Final = frozenset({"status", "finalizers"})
_KNOWN_VERBS: Final = frozenset({ANY, *READ, *WRITE})
# Kinds of Kubernetes itself that a system namespace is made of; a kind that some operator brought
# changes nothing there.
_SYSTEM_GROUPS: Final = frozenset({ANY, "", "apps", "batch", "policy", "networking.k8s.io"})


class Place(NamedTuple):
    """A rule of the catalogue that a place shows; the fields are those of a judged rule."""

    rule: str
    severity: Severity
    permission: tuple[str, ...]
    implies: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


def judge_place(
    rules: tuple[Rule, ...],
    namespace: str | None,
    own: frozenset[str],
    found: dict[str, tuple[Rule, ...]],
) -> Iterator[Place]:
    """Judge rights that hold in a system namespace, in the bot's own, or everywhere.

    Rights everywhere are told only where nothing else tells of the same lines.
    """
    if namespace is None:
        told = {rule for guilty in found.values() for rule in guilty}
        rest = [r for r in rules if r not in told and _changes(r)]
        guilty = [r for r in rest if _is_of_the_system(r) and not _is_lock(r)]
        if guilty:
            yield Place(SYSTEM_NAMESPACE, Severity.LOW, rule_lines(guilty))
            if own:
                yield Place(OWN_NAMESPACE, Severity.LOW, rule_lines(guilty))
        return
    guilty = [r for r in rules if _changes(r) and not _is_lock(r)]
    if namespace in SYSTEM_NAMESPACES and guilty:
        ours = any(_is_of_the_system(rule) for rule in guilty)
        weight = Severity.MEDIUM if ours else Severity.LOW
        yield Place(SYSTEM_NAMESPACE, weight, rule_lines(guilty))
    if namespace in own and (held := [r for r in rules if r.resources]):
        severity = Severity.HIGH if guilty or "secrets-read" in found else Severity.MEDIUM
        yield Place(OWN_NAMESPACE, severity, rule_lines(held))


def _changes(rule: Rule) -> bool:
    """Tell whether a rule writes something in namespaces; verbs such as `use` write nothing."""
    if _KNOWN_VERBS.issuperset(rule.verbs):
        return changes_something_namespaced(rule)
    verbs = tuple(verb for verb in rule.verbs if verb in _KNOWN_VERBS)
    return changes_something_namespaced(replace(rule, verbs=verbs))


def _is_lock(rule: Rule) -> bool:
    """Tell whether a rule is only what leader election and the telling of events need."""
    if not _LOCK_VERBS.issuperset(rule.verbs):
        return False
    if rule.resource_names and set(rule.resources) <= {"configmaps"}:
        return all(_is_lock_name(name) for name in rule.resource_names)
    return all((group, kind) in _LOCKS for group in rule.api_groups for kind in rule.resources)


def _is_lock_name(name: str) -> bool:
    return any(word in name for word in ("leader", "election", "lock"))


def _is_of_the_system(rule: Rule) -> bool:
    if not _SYSTEM_GROUPS.intersection(rule.api_groups):
        return False
    return any(split_resource(resource)[1] not in _HARMLESS for resource in rule.resources)
