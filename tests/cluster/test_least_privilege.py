"""Each right of the shipped role is needed: taken away alone, something that the bot does fails."""

import copy
from dataclasses import replace

import pytest

from deploy import manifests
from grants.access.cluster_port import BindingPlace, BindingWish, ClusterPort
from grants.access.watch_port import BindingKind, WatchPort
from grants.authz.model import RoleRef
from grants.clusters.cluster import KubernetesCluster
from grants.errors import ClusterError
from tests.support.cluster_lab import (
    VIEW,
    RealLab,
    ask_pods,
    eventually,
    new_person,
    wish_for,
)
from tests.support.tried_account import Rules, Tried

pytestmark = pytest.mark.security("B1")


def shipped_rules() -> Rules:
    roles = {m["metadata"]["name"]: m for m in manifests.base() if m["kind"] == "ClusterRole"}
    rules: Rules = roles["valetkey"]["rules"] + roles["valetkey-bind"]["rules"]
    return rules


def rights(rules: Rules) -> list[tuple[int, str, str]]:
    """Every (rule, verb, resource); /readyz is left out, as a fresh cluster gives it to all, and
    so are roles to bind, of which each is tried by itself elsewhere.
    """
    return [
        (number, verb, resource)
        for number, rule in enumerate(rules)
        if "nonResourceURLs" not in rule and "resourceNames" not in rule
        for verb in rule["verbs"]
        for resource in rule["resources"]
    ]


def without(rules: Rules, number: int, verb: str, resource: str) -> Rules:
    """The rules less one right: the rule stands once for its other resources, once for this one."""
    kept = copy.deepcopy(rules)
    rule = kept.pop(number)
    others = [r for r in rule["resources"] if r != resource]
    verbs = [v for v in rule["verbs"] if v != verb]
    if others:
        kept.append({**rule, "resources": others})
    if verbs:
        kept.append({**rule, "resources": [resource], "verbs": verbs})
    return kept


def writes_cluster_wide(rules: Rules) -> bool:
    """Whether the policy that is shipped has cluster-wide entitlements."""
    return any((verb, kind) == ("create", "clusterrolebindings") for _, verb, kind in rights(rules))


def gives(cluster: ClusterPort, wish: BindingWish) -> None:
    """Give and end one grant."""
    made = cluster.create_empty(wish)
    assert made is not None
    emptied = cluster.empty(cluster.fill(made, wish, made.created_at))
    cluster.binding(wish.place)
    cluster.delete(emptied.place, emptied.uid)


def watches(cluster: WatchPort) -> None:
    """Open and end each kind of watch that the shipped rights are for."""
    for watched in (*BindingKind, VIEW):
        cluster.watcher(watched).open().close()


def works(lab: RealLab, cluster: KubernetesCluster) -> bool:
    """Do everything once that the bot does; say whether all of it was allowed."""
    wish = wish_for(lab, new_person())
    wide = replace(wish, place=BindingPlace(wish.place.name, None))
    try:
        gives(cluster, wish)
        cluster.binding(wide.place)
        if writes_cluster_wide(shipped_rules()):
            gives(cluster, wide)
        cluster.managed_bindings()
        cluster.role(VIEW, None)
        cluster.role(RoleRef("Role", "any"), lab.namespace)
        cluster.has_namespace(lab.namespace)
        cluster.uid()
        watches(cluster)
        ask_pods(RealLab(cluster, lab.installation, lab.namespace, lab.plane), new_person())
    except ClusterError:
        return False
    return True


def lists_namespaces(cluster: ClusterPort) -> bool:
    try:
        return bool(cluster.namespaces())
    except ClusterError:
        return False


def test_the_work_can_be_done_with_the_shipped_rights(lab: RealLab, tried: Tried) -> None:
    tried.may(shipped_rules())
    eventually(lambda: works(lab, tried.cluster), "the account may work")
    assert lists_namespaces(tried.cluster)


@pytest.mark.parametrize(
    "right", rights(shipped_rules()), ids=lambda right: f"{right[1]}-{right[2]}"
)
def test_the_work_cannot_be_done_without(
    lab: RealLab, tried: Tried, right: tuple[int, str, str]
) -> None:
    tried.may(shipped_rules())
    eventually(lambda: works(lab, tried.cluster), "the account may work")
    tried.may(without(shipped_rules(), *right))
    if right[1:] == ("list", "namespaces"):
        eventually(lambda: not lists_namespaces(tried.cluster), "namespaces are no longer listed")
    else:
        eventually(lambda: not works(lab, tried.cluster), "the work fails")
