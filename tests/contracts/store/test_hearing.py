"""The rows that changes of a cluster are held against."""

from dataclasses import replace
from datetime import timedelta

import pytest

from grants.access.hearing import RolePlace
from grants.access.model import Grant
from grants.authz.model import RoleRef
from grants.errors import ChangedMeanwhile
from tests.support.store_values import NOW, a_grant, a_request, active, ended, some_terms

VIEW = RoleRef("ClusterRole", "view")
DEBUG = RoleRef("Role", "debug")
UID = some_terms().cluster_uid
LATER = timedelta(minutes=10)


def add(store, stored, *changes: dict) -> list[Grant]:
    """Add an active grant for each of these changes, looked at in ten minutes."""
    request = a_request(stored.ann, *(some_terms() for _ in changes))
    grants = []
    with store.write() as tx:
        tx.add_request(request)
        for number, change in enumerate(changes):
            grant = active(a_grant(request, number), uid=f"uid-{number}")
            grants.append(replace(grant, **{"role": VIEW, "due_at": NOW + LATER, **change}))
            tx.add_grant(grants[-1])
    return grants


def test_grants_are_read_by_their_ids(store, stored):
    one, two, _three = add(store, stored, {}, {}, {})
    with store.read() as tx:
        assert set(tx.grants_among([one.id, two.id, "gra-unknown"])) == {one, two}
        assert tx.grants_among([]) == ()
        assert len(tx.grants_among([one.id, *(f"gra-{n}" for n in range(1200)), two.id])) == 2


def test_active_grants_are_counted_by_role_and_home(store, stored):
    team, other = {"role": DEBUG, "namespace": "a"}, {"role": DEBUG, "namespace": "b"}
    *_, over = add(
        store, stored, {}, {"namespace": None}, team, team, other, {"cluster_uid": "uid-x"}, {}
    )
    with store.write() as tx:
        tx.save_grant(replace(ended(over), version=over.version))
    with store.read() as tx:
        assert tx.active_by_role(UID) == {
            RolePlace(VIEW, None): 2,
            RolePlace(DEBUG, "a"): 2,
            RolePlace(DEBUG, "b"): 1,
        }
        assert tx.active_by_role("uid-none") == {}


def test_active_grants_are_found_by_their_cluster_whatever_its_alias(store, stored):
    one, renamed, _far, over = add(store, stored, {}, {"cluster": "x"}, {"cluster_uid": "y"}, {})
    with store.write() as tx:
        tx.save_grant(replace(ended(over), version=over.version))
    with store.read() as tx:
        assert set(tx.active_in(UID)) == {one, renamed}
        assert tx.active_in("uid-none") == ()


def test_active_grants_are_found_by_their_role(store, stored):
    one, wide, home, _other, _far = add(
        store,
        stored,
        {},
        {"namespace": None},
        {"role": DEBUG, "namespace": "a"},
        {"role": DEBUG, "namespace": "b"},
        {"cluster_uid": "uid-x"},
    )
    with store.read() as tx:
        assert set(tx.active_through(UID, RolePlace(VIEW, None))) == {one, wide}
        assert tx.active_through(UID, RolePlace(DEBUG, "a")) == (home,)
        assert tx.active_through(UID, RolePlace(RoleRef("ClusterRole", "debug"), None)) == ()


def test_hurried_grants_are_due_and_others_are_left_alone(store, stored):
    one, two, over = add(store, stored, {}, {}, {})
    with store.write() as tx:
        over = tx.save_grant(ended(over))
        assert tx.hurry([one.id, over.id, "gra-unknown"], NOW) == 1
    with store.read() as tx:
        assert tx.grant(one.id).due_at == NOW
        assert tx.grant(two.id) == two
        assert tx.grant(over.id) == over


def test_a_look_under_way_can_not_put_a_hurried_grant_off(store, stored):
    (looked_at,) = add(store, stored, {"due_at": NOW})
    with store.write() as tx:
        tx.hurry([looked_at.id], NOW)
    with pytest.raises(ChangedMeanwhile), store.write() as tx:
        tx.save_grant(replace(looked_at, due_at=NOW + LATER))
    with store.read() as tx:
        assert tx.grant(looked_at.id).due_at == NOW
