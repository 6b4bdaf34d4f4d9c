"""First contact with each cluster: its kube-system uid is what it is called by for ever."""

from grants.access.cluster_port import ClusterPort
from grants.access.ports import AccessPorts, AccessTx
from grants.access.scope import first_alias
from grants.errors import ClusterChanged, ClusterTwice
from grants.record.model import Event, EventType


def see_cluster(cluster: ClusterPort, *, ports: AccessPorts) -> str:
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


def _compare(alias: str, uid: str, tx: AccessTx, ports: AccessPorts) -> bool:
    """Tell whether the alias is known, and that by this uid."""
    mine = tx.cluster_uid(alias)
    if mine is not None and mine != uid:
        raise ClusterChanged(alias, "compare uid", "another cluster than at first contact")
    twin = first_alias(tx, uid, ports.clusters.aliases())
    if twin is not None and twin != alias:
        raise ClusterTwice(alias, "compare uid", f"the same cluster as {twin}")
    return mine is not None
