"""Active grants held against one list of a cluster's bindings, and against each role read once.

A list costs an API server what two or three reads do, so every grant can be compared each minute;
only those that differ are looked at one by one, and only that look decides.
"""

from collections.abc import Iterable, Sequence

from grants.access.cluster_port import Binding, ClusterPort
from grants.access.drift import drift_of
from grants.access.hearing import HearingPorts, RolePlace, hurry
from grants.access.model import ROLE_GONE, Grant
from grants.access.role_drift import UNREAD
from grants.access.steps import place_of
from grants.authz.model import RoleSnapshot
from grants.errors import ClusterForbidden


def active_in(cluster: str, *, ports: HearingPorts) -> tuple[Grant, ...]:
    """List the grants that are active in a cluster, by its alias of now.

    Read it before the list is asked for, so that what becomes active meanwhile is not missed in it.
    """
    with ports.store.read() as tx:
        uid = tx.cluster_uid(cluster)
        return tx.active_in(uid) if uid is not None else ()


def compare_bindings(
    active: Sequence[Grant], bindings: Iterable[Binding], *, ports: HearingPorts
) -> int:
    """Have those looked at whose binding is not in the list as it should be; tells how many."""
    listed = {binding.place: binding for binding in bindings}
    late = [
        grant.id
        for grant in active
        if drift_of(grant, listed.get(place_of(grant)), ports.installation) is not None
    ]
    return hurry(late, ports=ports)


def compare_roles(active: Sequence[Grant], cluster: ClusterPort, *, ports: HearingPorts) -> int:
    """Have those looked at whose role is not as last seen; tells how many. Reads each role once.

    So are those whose role the bot may no longer read, or may again.
    """
    late: list[str] = []
    for place, grants in _by_role(active).items():
        try:
            snapshot = cluster.role(place.ref, place.namespace)
        except ClusterForbidden:
            late += [grant.id for grant in grants if grant.problem != UNREAD]
            continue
        digest = _digest(snapshot)
        late += [g.id for g in grants if g.role_seen != digest or g.problem == UNREAD]
    return hurry(late, ports=ports)


def _by_role(active: Sequence[Grant]) -> dict[RolePlace, list[Grant]]:
    found: dict[RolePlace, list[Grant]] = {}
    for grant in active:
        home = grant.namespace if grant.role.kind == "Role" else None
        found.setdefault(RolePlace(grant.role, home), []).append(grant)
    return found


def _digest(snapshot: RoleSnapshot | None) -> str:
    return ROLE_GONE if snapshot is None else snapshot.digest
