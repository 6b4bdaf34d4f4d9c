"""Cluster-wide grants: with the rights that follow from a policy that has them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from deploy import manifests
from deploy.rbac import bind_role
from grants.access.cluster_port import BindingPlace
from grants.authz.model import Question
from grants.errors import ClusterForbidden
from grants.policy.model import Entitlement, Notify, Policy, Stage, Who
from tests.support.cluster_lab import UNLISTED, VIEW, RealLab, eventually, new_person, wish_for
from tests.support.tried_account import Rules, Tried

EXPIRES = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def rules_with_cluster_wide_view() -> Rules:
    everyone = Who(everyone=True)
    wide = Entitlement(
        name="view-all",
        description="",
        clusters=("*",),
        namespaces=(),
        cluster_wide=True,
        role=VIEW,
        ask=everyone,
        stages=(Stage(everyone),),
        notify=Notify(channels=("#c",)),
        duration_default=HOUR,
        duration_maximum=HOUR,
    )
    (fixed,) = (
        m
        for m in manifests.base()
        if m["kind"] == "ClusterRole" and m["metadata"]["name"] == "valetkey"
    )
    made = yaml.safe_load(bind_role(Policy("", Who(), Who(), Notify(), (), (wide,))))
    rules: Rules = fixed["rules"] + made["rules"]
    return rules


@pytest.mark.security("B1")
def test_a_cluster_wide_grant_is_a_cluster_role_binding_from_beginning_to_end(
    lab: RealLab, tried: Tried
) -> None:
    tried.may(rules_with_cluster_wide_view())
    cluster, person = tried.cluster, new_person()
    endpoint = cluster.endpoints()[0]
    wish = wish_for(lab, person)
    wish = replace(wish, place=BindingPlace(wish.place.name, None))
    everywhere = Question("list", resource="pods")

    def allowed() -> bool:
        return cluster.ask(person, (), (everywhere,), endpoint)[0].allowed

    def may_create() -> bool:
        try:
            return cluster.create_empty(wish) is not None
        except ClusterForbidden:
            return False

    eventually(may_create, "the account may create it")
    made = cluster.binding(wish.place)
    assert made is not None
    assert made in cluster.managed_bindings()
    assert cluster.create_empty(wish) is None

    filled = cluster.fill(made, wish, EXPIRES)
    eventually(allowed, "the person is allowed everywhere")
    (answer,) = cluster.ask(person, (), (everywhere,), endpoint)
    assert f'ClusterRoleBinding "{wish.place.name}" of ClusterRole "view"' in answer.reason

    emptied = cluster.empty(filled)
    eventually(lambda: not allowed(), "the person is denied")
    assert cluster.delete(emptied.place, emptied.uid) is None
    assert cluster.binding(wish.place) is None
    with pytest.raises(ClusterForbidden):
        cluster.create_empty(replace(wish, role=UNLISTED))
