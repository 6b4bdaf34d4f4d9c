"""What somebody may ask for: the lists that people choose from. Judging stays with `judge`."""

from collections.abc import Iterable
from enum import Enum
from functools import cache
from itertools import islice
from typing import Final, Literal

from grants.people.model import Known
from grants.policy.match import match
from grants.policy.model import Entitlement, Policy
from grants.policy.patterns import PatternSet, matches

OFFER_LIMIT: Final = 100


class Scope(Enum):
    """A scope that is not one namespace."""

    CLUSTER = "cluster"


def may_ask(policy: Policy, known: Known) -> tuple[Entitlement, ...]:
    """List what somebody may ask for, as policy orders it; unknown groups match nothing."""
    return tuple(e for e in policy.entitlements if match(e.ask, known))


def askable(
    policy: Policy,
    known: Known,
    *,
    cluster: str | None = None,
    namespace: str | Literal[Scope.CLUSTER] | None = None,
) -> tuple[Entitlement, ...]:
    """List what somebody may ask for in a cluster and a namespace; None stands for any.

    `Scope.CLUSTER` as namespace gives what is for the whole cluster.
    """

    @cache
    def in_cluster(patterns: tuple[str, ...]) -> bool:
        """Thousands of entitlements name the same few clusters."""
        return cluster is None or any(matches(pattern, cluster) for pattern in patterns)

    return tuple(
        e
        for e in policy.entitlements
        if in_cluster(e.clusters)
        and match(e.ask, known)
        and (namespace is None or _covers(e, namespace))
    )


def _covers(entitlement: Entitlement, namespace: str | Scope) -> bool:
    return entitlement.covers_namespace(None if isinstance(namespace, Scope) else namespace)


def askable_clusters(policy: Policy, known: Known) -> tuple[str, ...]:
    """List the aliases of clusters in which somebody may ask for anything, as policy orders."""
    patterns = PatternSet(pattern for e in may_ask(policy, known) for pattern in e.clusters)
    return tuple(c.alias for c in policy.clusters if patterns.matches(c.alias))


def askable_namespaces(
    policy: Policy,
    known: Known,
    cluster: str,
    namespaces: Iterable[str],
    query: str = "",
    limit: int = OFFER_LIMIT,
) -> tuple[str, ...]:
    """List the namespaces of a cluster in which somebody may ask for anything, at most `limit`.

    `query` is what was typed so far; best first, as `offer` orders.
    """
    patterns = PatternSet(p for e in askable(policy, known, cluster=cluster) for p in e.namespaces)
    # Few of thousands are wanted: patterns are asked only until the list is full.
    found = (name for name in _ordered(namespaces, query) if patterns.matches(name))
    return tuple(islice(found, limit))


def offer(names: Iterable[str], query: str, limit: int = OFFER_LIMIT) -> tuple[str, ...]:
    """List at most `limit` names that hold what was typed, letters in either case.

    Those that begin with it come first, each part in the order of the alphabet.
    """
    return tuple(_ordered(names, query)[:limit])


def _ordered(names: Iterable[str], query: str) -> list[str]:
    typed = query.strip().lower()
    found = [name for name in names if typed in name.lower()]
    return sorted(found, key=lambda name: (not name.lower().startswith(typed), name))
