"""What the network must say before a transaction: the role's rules and that the namespace is."""

from collections.abc import Collection
from dataclasses import dataclass

from grants.access.cluster_port import ClusterPort
from grants.access.ports import AccessPorts, AccessTx
from grants.authz.model import RoleRef, RoleSnapshot
from grants.errors import ClusterChanged, ClusterError, ClusterTwice, ClusterUnavailable


@dataclass(frozen=True)
class Looked:
    """What a cluster said just now. `problem` is the error when it said nothing usable.

    `role` None with no problem means that there is no such role; `namespace_there` is True for
    cluster-wide terms.
    """

    role: RoleSnapshot | None = None
    namespace_there: bool = False
    problem: ClusterError | None = None


def look(alias: str, role: RoleRef, namespace: str | None, *, ports: AccessPorts) -> Looked:
    """Read a role and a namespace within `look_within` together; never raises ClusterError.

    An alias that leads to another cluster than it did is a problem: what is asked for and agreed
    on names the cluster by the uid that is stored.
    """
    cluster = ports.clusters.get(alias)
    if cluster is None:
        return Looked(problem=ClusterUnavailable(alias, "find", "not configured"))
    with ports.store.read() as tx:
        uid = tx.cluster_uid(alias)
        twin = first_alias(tx, uid, ports.clusters.aliases()) if uid is not None else alias
    if twin is not None and twin != alias:
        return Looked(problem=ClusterTwice(alias, "compare uid", f"the same cluster as {twin}"))
    try:
        return _read(cluster, uid, role, namespace, ports)
    except ClusterError as error:
        return Looked(problem=error)


def first_alias(tx: AccessTx, uid: str, configured: Collection[str]) -> str | None:
    """Name the alias that a cluster goes by: of those configured, the one it was seen under first.

    Under any other nothing is asked for; access that lives there ends as ever.
    """
    return next((alias for alias in tx.aliases_of(uid) if alias in configured), None)


def _read(
    cluster: ClusterPort, uid: str | None, role: RoleRef, namespace: str | None, ports: AccessPorts
) -> Looked:
    """Ask all of it at once: somebody waits. Nothing counts if it is another cluster."""
    there = namespace is None
    found: RoleSnapshot | None = None

    def recognise() -> None:
        if uid is not None and cluster.uid() != uid:
            raise ClusterChanged(
                cluster.alias, "compare uid", "another cluster than at first contact"
            )

    def see_namespace() -> None:
        nonlocal there
        there = namespace is None or cluster.has_namespace(namespace)

    def see_role() -> None:
        nonlocal found
        found = cluster.role(role, namespace)

    calls = (recognise, see_role) if namespace is None else (recognise, see_namespace, see_role)
    ports.lookups.run_all(cluster.alias, calls, ports.times.look_within)
    return Looked(role=found, namespace_there=there)
