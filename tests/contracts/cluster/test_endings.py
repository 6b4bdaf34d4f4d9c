"""How a binding goes: at once, or held and still giving access until it is emptied."""

from datetime import UTC, datetime

import pytest

from grants.access.cluster_port import Binding, BindingWish
from grants.errors import ClusterConflict, ClusterForbidden
from grants.ids import Prefix, new_id
from tests.support.cluster_lab import (
    HOLD,
    UNLISTED,
    VIEW,
    Lab,
    ask_pods,
    eventually,
    eventually_allowed,
    eventually_denied,
    new_person,
    wish_for,
)

EXPIRES = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def grant_to(lab: Lab, person: str) -> tuple[BindingWish, Binding]:
    """Make and fill a binding, and wait until it gives access."""
    wish = wish_for(lab, person)
    made = lab.cluster.create_empty(wish)
    assert made is not None
    filled = lab.cluster.fill(made, wish, EXPIRES)
    eventually_allowed(lab, person)
    return wish, filled


def test_a_deleted_binding_is_gone_and_gives_nothing(lab: Lab) -> None:
    person = new_person()
    wish, filled = grant_to(lab, person)
    assert lab.cluster.delete(wish.place, filled.uid) is None
    assert lab.cluster.binding(wish.place) is None
    eventually_denied(lab, person)


def test_deleting_what_is_gone_is_no_error(lab: Lab) -> None:
    wish, filled = grant_to(lab, new_person())
    lab.cluster.delete(wish.place, filled.uid)
    assert lab.cluster.delete(wish.place, filled.uid) is None


def test_a_binding_is_deleted_whatever_was_edited_meanwhile(lab: Lab) -> None:
    wish, filled = grant_to(lab, new_person())
    lab.touch(wish.place)
    assert lab.cluster.delete(wish.place, filled.uid) is None


def test_another_binding_of_the_same_name_is_not_deleted(lab: Lab) -> None:
    wish, filled = grant_to(lab, new_person())
    lab.remove_binding(wish.place)
    lab.put_binding(wish.place, VIEW, ("User:somebody",))
    with pytest.raises(ClusterConflict):
        lab.cluster.delete(wish.place, filled.uid)
    assert lab.cluster.binding(wish.place) is not None


def test_a_held_binding_gives_access_until_it_is_emptied(lab: Lab) -> None:
    person = new_person()
    wish, filled = grant_to(lab, person)
    lab.hold(wish.place)

    held = lab.cluster.delete(wish.place, filled.uid)
    assert held is not None
    assert (held.deleting, held.finalizers, held.uid) == (True, (HOLD,), filled.uid)
    assert ask_pods(lab, person).allowed

    again = lab.cluster.delete(wish.place, filled.uid)
    assert again == held

    emptied = lab.cluster.empty(held)
    assert emptied.deleting
    eventually_denied(lab, person)
    assert lab.cluster.binding(wish.place) is not None

    lab.cluster.drop_finalizers(emptied)
    assert lab.cluster.binding(wish.place) is None


def test_dropping_finalizers_of_a_binding_that_stays_keeps_it(lab: Lab) -> None:
    wish, filled = grant_to(lab, new_person())
    lab.hold(wish.place)
    held = lab.cluster.binding(wish.place)
    assert held is not None
    lab.cluster.drop_finalizers(held)
    free = lab.cluster.binding(wish.place)
    assert free is not None
    assert (free.finalizers, free.subjects, free.uid) == ((), filled.subjects, filled.uid)


def test_a_stale_hand_cannot_drop_finalizers(lab: Lab) -> None:
    wish, _filled = grant_to(lab, new_person())
    lab.hold(wish.place)
    held = lab.cluster.binding(wish.place)
    assert held is not None
    lab.touch(wish.place)
    with pytest.raises(ClusterConflict):
        lab.cluster.drop_finalizers(held)


def test_without_bind_only_the_emptying_is_refused(lab: Lab) -> None:
    person = new_person()
    wish = wish_for(lab, person, UNLISTED)
    grant = new_id(Prefix.GRANT)
    lab.put_binding(wish.place, UNLISTED, (f"User:{person}",), grant=grant, finalizers=(HOLD,))
    found = lab.cluster.binding(wish.place)
    assert found is not None
    assert found.grant == grant
    with pytest.raises(ClusterForbidden):
        lab.cluster.empty(found)
    held = lab.cluster.delete(wish.place, found.uid)
    assert held is not None
    lab.cluster.drop_finalizers(held)
    assert lab.cluster.binding(wish.place) is None
    eventually_denied(lab, person)


def test_the_end_of_one_grant_does_not_shorten_another(lab: Lab) -> None:
    person = new_person()
    first, filled = grant_to(lab, person)
    second, _ = grant_to(lab, person)
    assert lab.cluster.delete(first.place, filled.uid) is None

    def only_the_second_is_named() -> bool:
        answer = ask_pods(lab, person)
        assert answer.allowed
        return second.place.name in answer.reason

    eventually(only_the_second_is_named, "the first is no longer named")
