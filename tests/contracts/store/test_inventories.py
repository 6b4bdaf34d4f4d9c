"""Inventories over time, on both databases: who could at a moment can be answered later."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from grants.authz.model import Question, RoleRef
from grants.authz.objects import Account, Binding, Meta, Role, account_caller
from grants.authz.rbac import Rbac
from grants.review.inventory import (
    KINDS,
    Inventory,
    Owner,
    ReadProblem,
    Seen,
    TokenSecret,
    Workload,
)
from grants.review.kept import Kept
from grants.review.reading import read_paths
from tests.bench.dump import dump
from tests.support.stores import commit, roll_back

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ALL_SEEN = dict.fromkeys(KINDS, Seen.SEEN)


@pytest.fixture
def store(real_store):
    return real_store


def look(at: datetime, **found) -> Inventory:
    found.setdefault("seen", ALL_SEEN)
    return Inventory("prod", at, **found)


def account(name: str, **meta) -> Account:
    return Account(Meta(name, "shop", **meta))


def keep(store, inventory: Inventory) -> Kept | None:
    with store.write() as tx:
        return tx.keep_inventory(inventory)


def at(store, moment: datetime, cluster: str = "prod") -> Inventory | None:
    with store.read() as tx:
        return tx.inventory_at(cluster, moment)


def names(inventory: Inventory | None) -> list[str]:
    assert inventory is not None
    return [one.meta.name for one in inventory.accounts]


def test_an_inventory_comes_back_as_it_was(store):
    text = json.dumps(dump(20, seed=3))
    read = read_paths(["-"], io.BytesIO(text.encode()), now=MONDAY)
    workload = Workload(
        "CronJob", Meta("yearly", "shop"), "web", mounts_token=False, suspended=True, replicas=None
    )
    pod = Workload("Pod", Meta("p", "shop"), owner=Owner("Job", "j"), secrets=("t",))
    rollout = Workload("Rollout.argoproj.io", Meta("slow", "shop"), replicas=0)
    whole = replace(
        read,
        cluster="prod",
        workloads=(workload, rollout),
        pods=(pod,),
        token_secrets=(TokenSecret(Meta("t", "shop"), "web"),),
        namespaces=(Meta("shop"), Meta("kube-system", uid="k")),
        problems=(ReadProblem("wrong-type", read.accounts[0].meta.origin, (("at", "x"),)),),
    )
    keep(store, whole)
    found = at(store, MONDAY)
    assert found is not None

    def plain(one):
        return replace(one, meta=replace(one.meta, origin=None))

    for kind in ("accounts", "roles", "bindings", "workloads", "pods", "token_secrets"):
        wanted = {repr(plain(one)) for one in getattr(whole, kind)}
        assert {repr(one) for one in getattr(found, kind)} == wanted
    assert {meta.name: meta.uid for meta in found.namespaces} == {"shop": "", "kube-system": "k"}
    assert (found.cluster, found.taken_at) == ("prod", MONDAY)
    assert found.seen == whole.seen
    assert found.problems == whole.problems
    assert found.partial


def test_only_what_changed_is_kept_anew(store):
    one, two = account("a"), account("b")
    assert keep(store, look(MONDAY, accounts=(one, two))) == Kept(new=2)
    assert keep(store, look(MONDAY + DAY, accounts=(one, two))) == Kept()
    labelled = account("b", labels={"team": "shop"})
    assert keep(store, look(MONDAY + 2 * DAY, accounts=(labelled, account("c")))) == Kept(1, 1, 1)
    assert names(at(store, MONDAY + DAY)) == ["a", "b"]
    assert names(at(store, MONDAY + 9 * DAY)) == ["b", "c"]
    with store.read() as tx:
        versions = tx.versions_of("prod", "ServiceAccount", "shop", "b")
        gone = tx.versions_of("prod", "ServiceAccount", "shop", "a")
        assert tx.looks("prod", 2) == (MONDAY + 2 * DAY, MONDAY + DAY)
    assert [(v.since, v.until) for v in versions] == [
        (MONDAY, MONDAY + 2 * DAY),
        (MONDAY + 2 * DAY, None),
    ]
    assert versions[1].value.meta.labels == {"team": "shop"}
    assert [(v.since, v.until) for v in gone] == [(MONDAY, MONDAY + 2 * DAY)]


def test_who_could_at_a_moment_is_answered_as_of_the_look_before(store):
    role = Role("ClusterRole", Meta("reader"), ())
    caller = account_caller("shop", "web")
    question = Question("get", "", "secrets", namespace="shop")
    text = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }
    (able,) = read_paths(["-"], io.BytesIO(json.dumps(text).encode()), now=MONDAY).roles
    subject = {"kind": "ServiceAccount", "name": "web", "namespace": "shop"}
    bound = text | {
        "kind": "ClusterRoleBinding",
        "roleRef": {"kind": "ClusterRole", "name": "reader"},
        "subjects": [subject],
    }
    (binding,) = read_paths(["-"], io.BytesIO(json.dumps(bound).encode()), now=MONDAY).bindings
    keep(store, look(MONDAY, roles=(role,), bindings=(binding,)))
    keep(store, look(MONDAY + DAY, roles=(able,), bindings=(binding,)))
    keep(store, look(MONDAY + 2 * DAY, roles=(able,)))
    could = []
    for hours in (0, 23, 24, 47, 48, 99):
        found = at(store, MONDAY + timedelta(hours=hours))
        assert found is not None
        could.append(Rbac(found.roles, found.bindings).allowed(caller, question))
    assert could == [False, False, True, True, False, False]
    assert at(store, MONDAY - timedelta(seconds=1)) is None
    assert at(store, MONDAY, "another") is None


@pytest.mark.parametrize("how", [Seen.FORBIDDEN, Seen.FAILED, Seen.NOT_ASKED, Seen.PARTLY])
def test_what_could_not_be_seen_is_not_gone(store, how):
    keep(store, look(MONDAY, accounts=(account("a"), account("b"))))
    seen = {**ALL_SEEN, "ServiceAccount": how}
    kept = keep(store, look(MONDAY + DAY, accounts=(account("c"),), seen=seen))
    assert kept == Kept(new=1)
    found = at(store, MONDAY + DAY)
    assert names(found) == ["a", "b", "c"]
    assert found is not None
    assert found.seen["ServiceAccount"] is how


def test_an_alias_that_leads_to_another_cluster_brings_nothing_of_the_one_before(store):
    def of(uid: str) -> tuple[Meta, ...]:
        return (Meta("kube-system", uid=uid),)

    keep(store, look(MONDAY, accounts=(account("a"),), namespaces=of("one")))
    forbidden = {**ALL_SEEN, "ServiceAccount": Seen.FORBIDDEN}
    keep(store, look(MONDAY + DAY, namespaces=of("one"), seen=forbidden))
    assert names(at(store, MONDAY + DAY)) == ["a"]
    keep(store, look(MONDAY + 2 * DAY, namespaces=of("two"), seen=forbidden))
    assert names(at(store, MONDAY + 2 * DAY)) == []


def test_a_look_that_comes_late_or_twice_changes_nothing(store):
    keep(store, look(MONDAY, accounts=(account("a"),)))
    assert keep(store, look(MONDAY, accounts=())) is None
    assert keep(store, look(MONDAY - DAY, accounts=())) is None
    assert names(at(store, MONDAY + DAY)) == ["a"]


def test_what_is_rolled_back_was_never_kept(store):
    roll_back(store, lambda tx: tx.keep_inventory(look(MONDAY, accounts=(account("a"),))))
    assert at(store, MONDAY) is None


def test_a_version_that_comes_back_is_a_version_of_its_own(store):
    for day, found in enumerate([(account("a"),), (), (account("a"),)]):
        keep(store, look(MONDAY + day * DAY, accounts=found))
    assert [names(at(store, MONDAY + day * DAY)) for day in range(3)] == [["a"], [], ["a"]]


def test_what_says_nothing_of_later_is_forgotten(store):
    for day, name in enumerate("abcd"):
        keep(store, look(MONDAY + day * DAY, accounts=(account(name), account("x"))))
    later = MONDAY + timedelta(days=2, hours=1)
    wanted = [names(at(store, later + hour)) for hour in (timedelta(0), DAY)]
    with store.write() as tx:
        assert tx.forget_inventories(later) == 2
    assert [names(at(store, later + hour)) for hour in (timedelta(0), DAY)] == wanted
    assert at(store, MONDAY + DAY) is None
    with store.read() as tx:
        assert len(tx.looks("prod", 9)) == 2


def test_clusters_are_kept_apart_and_odd_names_are_kept(store):
    odd = Binding("RoleBinding", Meta('a"\u00e9\x00', "shop"), RoleRef("Role", "x"))
    keep(store, look(MONDAY, bindings=(odd,)))
    keep(store, replace(look(MONDAY, accounts=(account("b"),)), cluster="stage"))
    found = at(store, MONDAY)
    assert found is not None
    assert found.bindings == (odd,)
    assert names(found) == []
    assert names(at(store, MONDAY, "stage")) == ["b"]


def test_ten_thousand_objects_are_kept_and_read_within_seconds(store):
    text = json.dumps(dump(1000)).encode()
    inventory = replace(read_paths(["-"], io.BytesIO(text), now=MONDAY), cluster="prod")
    commit(store, lambda tx: tx.keep_inventory(inventory))
    commit(store, lambda tx: tx.keep_inventory(replace(inventory, taken_at=MONDAY + DAY)))
    found = at(store, MONDAY + DAY)
    assert found is not None
    assert len(found.accounts) == 1000
