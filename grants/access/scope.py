"""What the network must say before a transaction: the role's rules and that the namespace is."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from grants.access.cluster_port import ClusterPort
from grants.access.ports import AccessPorts, AccessTx
from grants.authz.model import RoleRef, RoleSnapshot, Rule
from grants.errors import ClusterChanged, ClusterError, ClusterTwice, ClusterUnavailable


@dataclass(frozen=True)
class Looked:
    """What a cluster said just now. `problem` is the error when it said nothing usable.

    `role` None with no problem means that there is no such role; `namespace_there` is True for
    cluster-wide terms. `uid` is who the cluster said that it is, where that is known to be right.
    """

    role: RoleSnapshot | None = None
    namespace_there: bool = False
    problem: ClusterError | None = None
    uid: str | None = None

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The role's rules; none without a role."""
        return self.role.rules if self.role else ()

    def has(self, role_digest: str, uid: str) -> bool:
        """Tell whether this very role was seen, in a cluster that said it is this very one."""
        return self.role is not None and self.role.digest == role_digest and self.uid == uid


@dataclass(frozen=True)
class Way:
    """The cluster to ask, and the uid that it must have (None: never seen yet); or why it isn't."""

    cluster: ClusterPort | None = None
    uid: str | None = None
    problem: ClusterError | None = None


def look(alias: str, role: RoleRef, namespace: str | None, *, ports: AccessPorts) -> Looked:
    """Read a role and a namespace within `look_within` together; never raises ClusterError.

    An alias that leads to another cluster than it did is a problem: what is asked for and agreed
    on names the cluster by the uid that is stored.
    """
    with ports.store.read() as tx:
        way = find_way(tx, alias, ports)
    return look_by(way, role, namespace, ports=ports)


def find_way(tx: AccessTx, alias: str, ports: AccessPorts) -> Way:
    """Find what to ask, by the rows, for an alias that a look is to be taken under."""
    cluster = ports.clusters.get(alias)
    if cluster is None:
        return Way(problem=ClusterUnavailable(alias, "find", "not configured"))
    seen = tx.seen_as(alias)
    if seen is None:
        return Way(cluster)
    uid, names = seen
    twin = _first(names, ports.clusters.aliases())
    if twin is not None and twin != alias:
        return Way(problem=ClusterTwice(alias, "compare uid", f"the same cluster as {twin}"))
    return Way(cluster, uid)


def look_by(way: Way, role: RoleRef, namespace: str | None, *, ports: AccessPorts) -> Looked:
    """Read a role and a namespace where a way leads, as `look` does."""
    if way.problem is not None or way.cluster is None:
        return Looked(problem=way.problem)
    try:
        return _read(way.cluster, way.uid, role, namespace, ports)
    except ClusterError as error:
        return Looked(problem=error)


def first_alias(tx: AccessTx, uid: str, configured: Collection[str]) -> str | None:
    """Name the alias that a cluster goes by: of those configured, the one it was seen under first.

    Under any other nothing is asked for; access that lives there ends as ever.
    """
    return _first(tx.aliases_of(uid), configured)


def _first(names: Iterable[str], configured: Collection[str]) -> str | None:
    return next((alias for alias in names if alias in configured), None)


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
    return Looked(role=found, namespace_there=there, uid=uid)
