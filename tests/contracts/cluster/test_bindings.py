"""What a binding of ours is, how it is made and filled, and what no stale hand can do to it."""

from datetime import UTC, datetime, timedelta

import pytest

from grants.access.cluster_port import BindingPlace
from grants.errors import ClusterConflict, ClusterForbidden, ClusterRefused
from tests.support.cluster_lab import (
    EDIT,
    UNLISTED,
    VIEW,
    Lab,
    ask_pods,
    eventually_allowed,
    eventually_denied,
    new_person,
    wish_for,
)

EXPIRES = datetime(2031, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


def test_a_binding_that_nobody_made_is_none(lab: Lab) -> None:
    assert lab.cluster.binding(BindingPlace("nobody-made-this", lab.namespace)) is None


def test_a_binding_in_a_namespace_that_is_not_there_is_none(lab: Lab) -> None:
    assert lab.cluster.binding(BindingPlace("any", "no-such-namespace")) is None


def test_a_created_binding_is_empty_and_says_whose_it_is(lab: Lab) -> None:
    wish = wish_for(lab, new_person())
    made = lab.cluster.create_empty(wish)
    assert made is not None
    assert made == lab.cluster.binding(wish.place)
    assert (made.place, made.role, made.subjects) == (wish.place, wish.role, ())
    assert (made.grant, made.installation) == (wish.grant, lab.installation)
    assert (made.expires_at, made.finalizers, made.deleting) == (None, (), False)
    assert made.uid
    assert made.resource_version
    assert made.created_at.utcoffset() == timedelta(0)


def test_an_empty_binding_gives_nothing(lab: Lab) -> None:
    person = new_person()
    lab.cluster.create_empty(wish_for(lab, person))
    assert not ask_pods(lab, person).allowed


def test_a_taken_name_is_told_and_left_alone(lab: Lab) -> None:
    wish = wish_for(lab, new_person())
    lab.put_binding(wish.place, EDIT, ("User:somebody",))
    there = lab.cluster.binding(wish.place)
    assert lab.cluster.create_empty(wish) is None
    assert lab.cluster.binding(wish.place) == there


def test_no_binding_is_made_in_a_namespace_that_is_not_there(lab: Lab) -> None:
    lab.namespace, there = "no-such-namespace", lab.namespace
    try:
        with pytest.raises(ClusterRefused):
            lab.cluster.create_empty(wish_for(lab, new_person()))
    finally:
        lab.namespace = there


def test_no_binding_is_made_in_a_namespace_that_is_ending(lab: Lab) -> None:
    lab.let_namespace_end()
    with pytest.raises(ClusterRefused):
        lab.cluster.create_empty(wish_for(lab, new_person()))


def test_a_role_that_the_bot_may_not_bind_is_forbidden(lab: Lab) -> None:
    with pytest.raises(ClusterForbidden):
        lab.cluster.create_empty(wish_for(lab, new_person(), UNLISTED))


def test_a_filled_binding_gives_the_role_to_the_one_subject(lab: Lab) -> None:
    person = new_person()
    wish = wish_for(lab, person)
    made = lab.cluster.create_empty(wish)
    assert made is not None
    filled = lab.cluster.fill(made, wish, EXPIRES)
    assert filled == lab.cluster.binding(wish.place)
    assert (filled.subjects, filled.expires_at) == ((f"User:{person}",), EXPIRES)
    assert (filled.uid, filled.grant) == (made.uid, made.grant)
    answer = eventually_allowed(lab, person)
    assert answer.reason == (
        f'RBAC: allowed by RoleBinding "{wish.place.name}/{lab.namespace}"'
        f' of ClusterRole "view" to User "{person}"'
    )
    assert not ask_pods(lab, new_person()).allowed


def test_a_stale_hand_cannot_fill(lab: Lab) -> None:
    wish = wish_for(lab, new_person())
    made = lab.cluster.create_empty(wish)
    assert made is not None
    lab.touch(wish.place)
    with pytest.raises(ClusterConflict):
        lab.cluster.fill(made, wish, EXPIRES)


def test_filling_does_not_bring_a_deleted_binding_back(lab: Lab) -> None:
    wish = wish_for(lab, new_person())
    made = lab.cluster.create_empty(wish)
    assert made is not None
    assert lab.cluster.delete(wish.place, made.uid) is None
    with pytest.raises(ClusterConflict):
        lab.cluster.fill(made, wish, EXPIRES)
    assert lab.cluster.binding(wish.place) is None


def test_filling_does_not_touch_another_binding_of_the_same_name(lab: Lab) -> None:
    wish = wish_for(lab, new_person())
    made = lab.cluster.create_empty(wish)
    assert made is not None
    lab.remove_binding(wish.place)
    lab.put_binding(wish.place, VIEW, ())
    with pytest.raises(ClusterConflict):
        lab.cluster.fill(made, wish, EXPIRES)
    found = lab.cluster.binding(wish.place)
    assert found is not None
    assert found.subjects == ()


def test_a_filled_binding_is_not_filled_again(lab: Lab) -> None:
    wish = wish_for(lab, new_person())
    made = lab.cluster.create_empty(wish)
    assert made is not None
    filled = lab.cluster.fill(made, wish, EXPIRES)
    with pytest.raises(ClusterConflict):
        lab.cluster.fill(filled, wish, EXPIRES)


def test_a_binding_that_is_being_deleted_is_not_filled(lab: Lab) -> None:
    wish = wish_for(lab, new_person())
    made = lab.cluster.create_empty(wish)
    assert made is not None
    lab.hold(wish.place)
    held = lab.cluster.delete(wish.place, made.uid)
    assert held is not None
    with pytest.raises(ClusterConflict):
        lab.cluster.fill(held, wish, EXPIRES)


def test_a_binding_to_another_role_is_not_filled(lab: Lab) -> None:
    wish = wish_for(lab, new_person(), VIEW)
    lab.put_binding(wish.place, EDIT, ())
    found = lab.cluster.binding(wish.place)
    assert found is not None
    with pytest.raises(ClusterConflict):
        lab.cluster.fill(found, wish, EXPIRES)


def test_emptying_takes_the_access_and_leaves_the_binding(lab: Lab) -> None:
    person = new_person()
    wish = wish_for(lab, person)
    made = lab.cluster.create_empty(wish)
    assert made is not None
    filled = lab.cluster.fill(made, wish, EXPIRES)
    eventually_allowed(lab, person)
    emptied = lab.cluster.empty(filled)
    assert emptied == lab.cluster.binding(wish.place)
    assert (emptied.subjects, emptied.uid, emptied.expires_at) == ((), made.uid, EXPIRES)
    eventually_denied(lab, person)


def test_a_stale_hand_cannot_empty(lab: Lab) -> None:
    wish = wish_for(lab, new_person())
    made = lab.cluster.create_empty(wish)
    assert made is not None
    lab.touch(wish.place)
    with pytest.raises(ClusterConflict):
        lab.cluster.empty(made)


def test_only_bindings_that_bear_our_label_are_listed(lab: Lab) -> None:
    ours = lab.cluster.create_empty(wish_for(lab, new_person()))
    stranger = BindingPlace("not-ours", lab.namespace)
    lab.put_binding(stranger, VIEW, ("User:somebody",))
    listed = [b for b in lab.cluster.managed_bindings() if b.place.namespace == lab.namespace]
    assert listed == [ours]
