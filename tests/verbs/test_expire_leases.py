import pytest

from grants.access.expire_leases import AT_ONCE, expire_leases
from grants.access.model import Cause, Grant, GrantState
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
