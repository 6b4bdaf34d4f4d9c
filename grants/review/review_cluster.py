"""The running bot's review of one cluster: judged by the policy in force and by imported use."""

from typing import Final

from grants.policy.risk import own_namespaces
from grants.review.findings.look import Look
from grants.review.findings.verdicts import UseEvidence, use_evidence
from grants.review.inventory import Inventory
from grants.review.keep_scan import keep_scan
from grants.review.ports import KnownUseTx, ReviewPorts
from grants.review.scan import Scan

SYSTEM: Final = "system"


def review_cluster(inventory: Inventory, *, ports: ReviewPorts) -> Scan:
    """Judge what was read of a cluster and keep it; of one that gave no answer nothing is kept."""
    policy, cluster = ports.policy.current(), inventory.cluster
    own = own_namespaces(policy, cluster, ports.own_namespace)
    look = Look(inventory, policy.review, own)
    unjudged = Scan((look,), (), ())
    if unjudged.silent:
        return unjudged
    with ports.store.read() as tx:
        use = known_use(tx, cluster)
    return keep_scan(
        (look,),
        {cluster: use} if use else None,
        store=ports.store,
        actor=SYSTEM,
        keep_at_most=policy.review.keep_at_most,
    )


def known_use(tx: KnownUseTx, cluster: str) -> UseEvidence | None:
    """Give what was imported of a cluster's use; None where nothing was."""
    if cluster not in tx.usage_clusters():
        return None
    return use_evidence(tx.coverage(cluster), tx.usage(cluster))
