"""What a binding under our label is, held against the record; recorded and told once for each."""

from enum import StrEnum

from grants.access.cluster_port import Binding, ClusterPort
from grants.access.ports import AccessPorts
from grants.access.telling import tell_admins
from grants.record.model import Event, EventType


class Finding(StrEnum):
    """What a labelled binding is, against the record."""

    FINE = "fine"
    OF_ENDED_GRANT = "of-ended-grant"
    WRONG_UID = "wrong-uid"
    UNKNOWN_RUNS = "unknown-runs"
    UNKNOWN_OVER = "unknown-over"
    UNDELETABLE = "undeletable"
    FOREIGN_OVERDUE = "foreign-overdue"
    FORMER_ALIVE = "former-alive"


def record_finding(
    kind: EventType, cluster: ClusterPort, found: Binding, finding: Finding, ports: AccessPorts
) -> None:
    """Append the event and tell the admins, once for each binding and finding."""
    now, policy = ports.clock.now(), ports.policy.current()
    key = f"sweep:{finding}:{found.uid}"
    with ports.store.read() as tx:
        if tx.came_before(key):
            return
    with ports.store.write() as tx:
        if not tx.first_time(key, now):
            return
        tx.append(
            Event(
                kind,
                now,
                actor="system",
                grant=found.grant,
                facts={
                    "cluster": cluster.alias,
                    "namespace": found.place.namespace or "",
                    "binding": found.place.name,
                    "binding_uid": found.uid,
                    "finding": str(finding),
                    "installation": found.installation or "",
                },
            )
        )
        said = {
            "cluster": cluster.alias,
            "namespace": found.place.namespace or "",
            "binding": found.place.name,
            "finding": str(finding),
            "installation": found.installation or "",
        }
        tell_admins(tx, policy, f"binding-{finding}", found.uid, said)
