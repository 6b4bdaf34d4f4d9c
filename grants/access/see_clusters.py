"""First contact with each cluster: its kube-system uid is what it is called by for ever."""

from grants.access.cluster_port import ClusterPort
from grants.access.ports import AccessPorts
from grants.errors import ClusterChanged
from grants.record.model import Event, EventType


def see_cluster(cluster: ClusterPort, *, ports: AccessPorts) -> str:
    """Store a cluster's uid at first contact, compare it ever after; ClusterChanged if it differs.

    One cluster under two aliases is ClusterChanged too: its bindings would be judged twice.
    """
    uid = cluster.uid()
    now = ports.clock.now()
    with ports.store.write() as tx:
        stored = tx.cluster_uid(cluster.alias)
        if stored is None:
            others = [a for a in ports.clusters.aliases() if a != cluster.alias]
            if any(tx.cluster_uid(alias) == uid for alias in others):
                raise ClusterChanged(cluster.alias, "compare uid", "configured under two aliases")
            tx.add_cluster(cluster.alias, uid, now)
            # Two that start at once may both see it first: the event is the one's alone.
            if tx.first_time(f"cluster-first-seen:{cluster.alias}", now):
                facts = {"cluster": cluster.alias, "uid": uid}
                tx.append(Event(EventType.CLUSTER_FIRST_SEEN, now, actor="system", facts=facts))
            return uid
    if stored != uid:
        raise ClusterChanged(cluster.alias, "compare uid", "another cluster than at first contact")
    return uid
