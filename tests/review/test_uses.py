"""What uses an account: pods, templates that sleep too, and Secrets with its token."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from grants.authz.objects import Account, Meta
from grants.review.inventory import Inventory, Owner, TokenSecret, Workload
from grants.review.uses import Way, account_uses

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def workload(kind: str, name: str, account: str = "web", namespace: str = "n") -> Workload:
    return Workload(kind, Meta(name, namespace), account)


def inventory(*workloads: Workload, automount: bool | None = None) -> Inventory:
    pods = tuple(one for one in workloads if one.kind == "Pod")
    return Inventory(
        "",
        NOW,
        accounts=(Account(Meta("web", "n"), automount),),
        workloads=tuple(one for one in workloads if one not in pods),
        pods=pods,
    )


def test_an_account_is_used_by_what_names_it_in_its_own_namespace() -> None:
    uses = account_uses(
        inventory(workload("Deployment", "a"), workload("Pod", "b", namespace="other"))
    )
    assert [use.workload.meta.name for use in uses["n", "web"]] == ["a"]
    assert [use.workload.meta.name for use in uses["other", "web"]] == ["b"]
    assert ("n", "default") not in uses


def test_what_sleeps_counts() -> None:
    yearly = replace(workload("CronJob", "yearly"), suspended=True)
    zero = replace(workload("Deployment", "zero"), replicas=0)
    uses = account_uses(inventory(yearly, zero))
    assert [use.workload.idle for use in uses["n", "web"]] == [True, True]


@pytest.mark.parametrize(
    ("pod", "account", "holds"),
    [
        (None, None, True),
        (None, True, True),
        (None, False, False),
        (True, False, True),
        (False, True, False),
        (False, None, False),
    ],
)
def test_the_pod_decides_on_its_token_and_else_the_account(
    *, pod: bool | None, account: bool | None, holds: bool
) -> None:
    one = replace(workload("Pod", "p"), mounts_token=pod)
    (use,) = account_uses(inventory(one, automount=account))["n", "web"]
    assert use.holds_token is holds


def test_a_pod_is_shown_by_what_made_it() -> None:
    deployment = workload("Deployment", "a")
    middle = replace(workload("ReplicaSet", "a-1"), owner=Owner("Deployment", "a"))
    pod = replace(workload("Pod", "a-1-x"), owner=Owner("ReplicaSet", "a-1"))
    orphan = replace(workload("Pod", "b-1-x"), owner=Owner("ReplicaSet", "not-read"))
    uses = account_uses(inventory(deployment, middle, pod, orphan))
    assert [use.workload.meta.name for use in uses["n", "web"]] == ["a", "b-1-x"]


def test_a_pod_that_still_runs_as_the_old_account_is_shown_itself() -> None:
    new = workload("Deployment", "a", "new")
    old = replace(workload("ReplicaSet", "a-1", "web"), owner=Owner("Deployment", "a"), replicas=0)
    uses = account_uses(inventory(new, old))
    assert [use.workload.meta.name for use in uses["n", "web"]] == ["a-1"]


def test_a_mounted_secret_with_a_token_is_a_use_of_the_tokens_account() -> None:
    robot = replace(workload("Deployment", "ci", "web"), secrets=("robot-token", "tls"))
    found = replace(inventory(robot), token_secrets=(TokenSecret(Meta("robot-token", "n"), "bot"),))
    uses = account_uses(found)
    (use,) = uses["n", "bot"]
    assert (use.workload.meta.name, use.way, use.holds_token) == ("ci", Way.TOKEN_SECRET, True)
    assert [use.way for use in uses["n", "web"]] == [Way.RUNS_AS]
