"""First contact with each cluster: its kube-system uid is what it is called by for ever."""

from grants.access.cluster_port import ClusterPort
from grants.access.health import ClusterHealth, HealthPorts, HealthTx
from grants.errors import ClusterChanged, ClusterTwice
from grants.record.model import Event, EventType


def see_cluster(cluster: ClusterPort, *, ports: HealthPorts) -> str:
    """Store a cluster's uid at first contact, compare it ever after; ClusterChanged if it differs.

    One cluster under two aliases is ClusterTwice under the one that was seen later: its bindings
    would be judged twice. That is asked at every look, since two processes may both have seen
    "their" alias first.
    """
    uid = cluster.uid()
    with ports.store.read() as tx:
        is_known = _compare(cluster.alias, uid, tx, ports)
    if is_known:
        return uid
    now = ports.clock.now()
    with ports.store.write() as tx:
        if not _compare(cluster.alias, uid, tx, ports):
            tx.add_cluster(cluster.alias, uid, now)
            # Two that start at once may both see it first: the event is the one's alone.
            if tx.first_time(f"cluster-first-seen:{cluster.alias}", now):
                facts = {"cluster": cluster.alias, "uid": uid}
                tx.append(Event(EventType.CLUSTER_FIRST_SEEN, now, actor="system", facts=facts))
    return uid


def _compare(alias: str, uid: str, tx: HealthTx, ports: HealthPorts) -> bool:
    """Tell whether the alias is known, and that by this uid."""
    configured = set(ports.clusters.aliases())
    rows = {row.alias: row for row in tx.cluster_healths() if row.alias in configured | {alias}}
    mine = rows.pop(alias, None)
    if mine is not None and mine.uid != uid:
        raise ClusterChanged(alias, "compare uid", "another cluster than at first contact")
    twin = min((row for row in rows.values() if row.uid == uid), key=_age, default=None)
    if twin is not None and (mine is None or _age(twin) < _age(mine)):
        raise ClusterTwice(alias, "compare uid", f"the same cluster as {twin.alias}")
    return mine is not None


def _age(row: ClusterHealth) -> tuple[str, str]:
    return (row.seen_at.isoformat() if row.seen_at else "", row.alias)
