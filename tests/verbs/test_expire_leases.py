import logging

import pytest

from grants.access.expire_leases import AT_ONCE, expire_leases
from grants.access.model import Cause, Grant, GrantState
from grants.errors import StoreUnavailable
from grants.ids import Prefix, new_id
from tests.support.world import World


@pytest.fixture
def world() -> World:
    return World()


def active(world: World, count: int) -> list[Grant]:
    """Have so many people get access for an hour."""
    grants = []
    for _ in range(count):
        word = new_id(Prefix.PERSON)
        asker, approver = world.person(word, "engineers"), world.person(f"a-{word}", "approvers")
        decided = world.approve(approver, world.ask(asker))
        grants.append(world.reconcile(decided.grants[0]))
    return grants


def test_leases_that_are_over_are_moved_together_and_each_has_its_event(world: World) -> None:
    over = active(world, 3)
    world.clock.forward(hours=1)
    (later,) = active(world, 1)
    assert expire_leases(ports=world) == len(over)
    for grant in over:
        now = world.grant(grant.id)
        assert (now.state, now.cause) == (GrantState.REVOKING, Cause.EXPIRED)
    assert world.grant(later.id).state is GrantState.ACTIVE
    assert world.events().count("grant.revoking") == len(over)
    assert expire_leases(ports=world) == 0


def test_more_than_go_into_one_transaction_are_moved_by_the_next(world: World) -> None:
    active(world, AT_ONCE + 1)
    world.clock.forward(hours=1)
    assert [expire_leases(ports=world) for _ in range(3)] == [AT_ONCE, 1, 0]


def test_one_that_breaks_moves_none_together_and_keeps_none_from_its_own_end(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """What can't be moved with the others leaves all of them to their own walks, as they were."""
    broken, *others = active(world, 3)
    world.clock.forward(hours=1)
    world.store.fail("save_grant", KeyError("x"), of=lambda grant: grant.id == broken.id)
    with caplog.at_level(logging.ERROR, "valetkey.access"):
        assert expire_leases(ports=world) == 0
    assert "leases could not be ended together" in caplog.messages
    assert "grant.revoking" not in world.events()
    assert [world.grant(g.id).state for g in others] == [GrantState.ACTIVE] * 2
    assert [world.reconcile(g.id).state for g in others] == [GrantState.ENDED] * 2
    world.store.mend()
    assert expire_leases(ports=world) == 1


def test_a_database_that_is_away_is_told_to_the_caller(world: World) -> None:
    (grant,) = active(world, 1)
    world.clock.forward(hours=1)
    world.store.fail("save_grant", StoreUnavailable("down"))
    with pytest.raises(StoreUnavailable):
        expire_leases(ports=world)
    assert world.grant(grant.id).state is GrantState.ACTIVE


def test_leases_that_another_ends_first_are_nobodys_twice(world: World) -> None:
    grants = active(world, 2)
    world.clock.forward(hours=1)
    other: list[int] = []
    world.store.before_write(lambda: other.append(expire_leases(ports=world)))
    assert expire_leases(ports=world) == 0
    assert other == [len(grants)]
    assert world.events().count("grant.revoking") == len(grants)
