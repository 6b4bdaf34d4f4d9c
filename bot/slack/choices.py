"""What a person may ask for, narrowed by what they have chosen so far."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from grants.people.model import Known
from grants.policy.judge import Scope, askable, askable_clusters, askable_namespaces, offer
from grants.policy.model import Entitlement, Policy

WHOLE_CLUSTER: Final = "*"  # no namespace has this name
ALL_OF_IT: Final = "All of the cluster"
MOST_OPTIONS: Final = 100
_LONGEST_VALUE: Final = 75
_ALL_OF_IT: Final = f"{ALL_OF_IT.lower()} {WHOLE_CLUSTER}"

PRESETS: Final = tuple(
    timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240, 480, 720, 1440)
)


@dataclass(frozen=True)
class Choice:
    """What is chosen so far; None is not yet. `namespace` may be WHOLE_CLUSTER."""

    cluster: str | None = None
    namespace: str | None = None
    entitlement: str | None = None


def clusters(policy: Policy, known: Known, query: str = "") -> tuple[str, ...]:
    """List the clusters where a person may ask for anything."""
    return offer(askable_clusters(policy, known), query, MOST_OPTIONS)


def entitlements(policy: Policy, known: Known, choice: Choice) -> tuple[Entitlement, ...]:
    """List the entitlements that fit the cluster and namespace chosen so far."""
    namespace = Scope.CLUSTER if choice.namespace == WHOLE_CLUSTER else choice.namespace
    return askable(policy, known, cluster=choice.cluster, namespace=namespace)


def namespaces(
    policy: Policy,
    known: Known,
    choice: Choice,
    there: Callable[[str], Sequence[str]],
    query: str = "",
) -> tuple[str, ...]:
    """List the namespaces that fit, WHOLE_CLUSTER first where something is cluster-wide.

    Without a cluster there are none. `there` is only asked when a namespace can be of use.
    """
    if choice.cluster is None:
        return ()
    may = entitlements(policy, known, Choice(cluster=choice.cluster))
    chosen = [e for e in may if e.name == choice.entitlement] or may
    is_whole = any(e.cluster_wide for e in chosen) and query.strip().lower() in _ALL_OF_IT
    whole = (WHOLE_CLUSTER,) if is_whole else ()
    scoped = [e for e in chosen if not e.cluster_wide]
    if not scoped:
        return whole
    names: Iterable[str] = there(choice.cluster)
    if choice.entitlement is not None:
        names = [n for n in names if any(e.covers_namespace(n) for e in scoped)]
    room = MOST_OPTIONS - len(whole)
    return (*whole, *askable_namespaces(policy, known, choice.cluster, names, query, room))


def durations(entitlement: Entitlement | None, longest: timedelta) -> tuple[timedelta, ...]:
    """List the lengths to offer: presets up to the maximum, the maximum and the default too."""
    most = entitlement.duration_maximum if entitlement else longest
    extra = {most, entitlement.duration_default} if entitlement else {most}
    found = {d for d in PRESETS if d <= most} | {d for d in extra if timedelta(0) < d <= most}
    return tuple(sorted(found))


def as_value(name: str) -> str:
    """Make an option's value of a name; one too long for Slack is named by its digest."""
    if len(name) <= _LONGEST_VALUE and not name.startswith("#"):
        return name
    return f"#{hashlib.sha256(name.encode()).hexdigest()[:40]}"


def from_value(value: str, names: Iterable[str]) -> str:
    """Find the name that an option's value stands for; a plain value stands for itself."""
    if not value.startswith("#"):
        return value
    return next((name for name in names if as_value(name) == value), value)
