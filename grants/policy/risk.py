"""Which risks of a role's rules an entitlement does not accept, judged alike wherever it counts:
at a request, at each approver's click, before access is given, and while it lasts.
"""

from collections.abc import Collection

from grants.authz.model import Rule
from grants.authz.risks import risks_of
from grants.policy.model import Policy


def own_namespaces(policy: Policy, cluster: str, process_namespace: str | None) -> frozenset[str]:
    """Name the bot's own namespaces of a cluster: policy's, and the one the process knows."""
    found = policy.cluster(cluster)
    named = (found.own_namespace if found else "", process_namespace)
    return frozenset(name for name in named if name)


def accepted_risks(policy: Policy, entitlement: str) -> frozenset[str]:
    """Give what an entitlement accepts; one that policy no longer has accepts nothing."""
    found = policy.entitlement(entitlement)
    return found.accept_risk.rules if found else frozenset()


def unaccepted_risks(
    policy: Policy,
    entitlement: str,
    rules: Collection[Rule],
    *,
    cluster: str,
    namespace: str | None,
    process_namespace: str | None,
) -> frozenset[str]:
    """Name the risks of giving these rules there that the entitlement does not accept."""
    own = own_namespaces(policy, cluster, process_namespace)
    return risks_of(rules, namespace, own) - accepted_risks(policy, entitlement)
