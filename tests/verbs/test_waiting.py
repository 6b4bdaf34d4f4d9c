"""A cluster that can't be asked: what the record alone decides goes on, without one call to it."""

import pytest

from grants.access.give_back import GiveBack, give_back
from grants.access.model import Cause, Grant, GrantState
from grants.access.waiting import note_all_waiting, note_waiting
from grants.errors import StoreError, StoreUnavailable
from grants.outbox.model import CardKind
from grants.people.model import Account
from tests.support.world import StepList, World

DOWN = "cluster-unavailable"


class Broken(StepList):
    """Breaks at each step of one grant."""

    def __init__(self, grant: str, error: Exception) -> None:
        super().__init__()
        self._grant, self._error = grant, error

    def before(self, step: str, grant: str) -> None:
        super().before(step, grant)
        if grant == self._grant:
            raise self._error


@pytest.fixture
def world() -> World:
    return World()


def _note(world: World) -> int:
    """Note what waits, with every call to the cluster a failure of the test."""
    calls = len(world.cluster.calls)
    noted = note_all_waiting(("prod",), DOWN, ports=world)
    assert len(world.cluster.calls) == calls, "the cluster was called"
    return noted


def _active(world: World) -> Grant:
    return world.active()


@pytest.mark.security("G1")
def test_a_lease_ends_on_time_and_is_stuck_in_time_without_a_call(world: World) -> None:
    grant = _active(world)
    assert _note(world) == 0
    world.clock.forward(hours=1)
    assert _note(world) == 1
    over = world.grant(grant.id)
    assert (over.state, over.cause, over.problem) == (GrantState.REVOKING, Cause.EXPIRED, DOWN)
    assert over.failing_since == world.clock.now()
    assert not over.stuck
    world.clock.forward(seconds=119)
    assert _note(world) == 0
    world.clock.forward(seconds=1)
    assert _note(world) == 1
    assert world.grant(grant.id).stuck
    assert world.events().count("grant.stuck") == 1
    assert [card.kind for card in world.store.cards if card.about == grant.id] == [CardKind.STUCK]
    assert _note(world) == 0


def test_what_waits_stays_due_so_that_it_goes_on_at_once(world: World) -> None:
    grant = _active(world)
    world.clock.forward(hours=1)
    due = world.grant(grant.id).due_at
    _note(world)
    world.clock.forward(minutes=5)
    _note(world)
    waiting = world.grant(grant.id)
    assert waiting.due_at <= due
    assert waiting.attempts == 0
    assert world.reconcile(grant.id).state is GrantState.ENDED


def test_an_activation_is_given_up_in_time(world: World) -> None:
    grant = world.approved()
    assert _note(world) == 1
    assert world.grant(grant.id).problem == DOWN
    world.clock.forward(minutes=15)
    assert _note(world) == 1
    given_up = world.grant(grant.id)
    assert (given_up.state, given_up.cause) == (GrantState.REVOKING, Cause.NEVER_ACTIVE)
    assert (given_up.cause_detail, given_up.problem) == (DOWN, DOWN)
    assert _note(world) == 0


def test_an_activation_that_may_be_filled_is_waited_for_until_its_end(world: World) -> None:
    """The PUT's answer was lost: that it never became active is not known."""
    grant = world.approved()
    world.cluster.fail("fill", done=True)
    filled = world.reconcile(grant.id)
    assert filled.expires_at is not None
    world.clock.forward(minutes=16)
    _note(world)
    assert world.grant(grant.id).state is GrantState.ACTIVATING
    world.clock.forward(minutes=45)
    _note(world)
    over = world.grant(grant.id)
    assert (over.state, over.cause) == (GrantState.REVOKING, Cause.EXPIRED)


def test_people_are_warned_of_the_end_though_the_cluster_is_away(world: World) -> None:
    grant = _active(world)
    world.clock.forward(minutes=55)
    assert _note(world) == 1
    assert world.grant(grant.id).warned
    assert [n.code for n in world.store.notices].count("expires-soon") == 1
    assert _note(world) == 0


def test_whose_name_has_changed_loses_the_access_by_the_record(world: World) -> None:
    grant = _active(world)
    world.sign_in("erin", "engineers", email="erin.new@example.com")
    world.clock.forward(minutes=55)
    _note(world)
    assert world.grant(grant.id).cause is Cause.RENAMED


def test_the_cards_of_who_waits_are_drawn_again_once(world: World) -> None:
    grant = world.approved()
    before = dict(world.store.cards)
    _note(world)
    _note(world)
    changed = {c.kind for c, version in world.store.cards.items() if before.get(c) != version}
    assert changed == {CardKind.REQUEST, CardKind.APPROVAL}
    versions = [v - before[c] for c, v in world.store.cards.items() if c.about == grant.request]
    assert set(versions) == {1}


@pytest.mark.security("G1")
@pytest.mark.parametrize("error", [KeyError("x"), StoreError("a constraint was broken: x")])
def test_one_that_breaks_keeps_no_other_from_being_told(world: World, error: Exception) -> None:
    """What the store refuses of one row is that one's fault, and not that the store is away."""
    broken, bob = _active(world), world.person("bob", "approvers")
    other = world.approve(bob, world.ask(world.person("carl", "engineers"))).grants[0]
    world.clock.forward(hours=1)
    world.watch = Broken(broken.id, error)
    assert _note(world) == 2
    assert world.grant(broken.id).state is GrantState.ACTIVE
    assert world.grant(other).state is GrantState.REVOKING


def test_a_database_that_is_away_is_told_to_the_caller(world: World) -> None:
    world.watch = Broken(_active(world).id, StoreUnavailable("down"))
    world.clock.forward(hours=1)
    with pytest.raises(StoreUnavailable):
        _note(world)


def test_what_somebody_is_at_is_left_to_them_and_only_said_to_wait(world: World) -> None:
    """The lease is over, and just then its holder gives it back: that counts, and what it waits
    for is noted beside it.
    """
    grant = _active(world)
    world.clock.forward(hours=1)
    erin = Account("T1", "U-ERIN")
    command = GiveBack(world.key(), erin, grant.id)
    world.store.before_write(lambda: give_back(command, ports=world))
    assert _note(world) == 1
    now = world.grant(grant.id)
    assert (now.state, now.cause, now.problem) == (GrantState.REVOKING, Cause.GIVEN_BACK, DOWN)
    assert world.events().count("grant.revoking") == 1


def test_an_ended_grant_is_left_alone(world: World) -> None:
    grant = _active(world)
    world.clock.forward(hours=1)
    ended = world.reconcile(grant.id)
    assert note_waiting(grant.id, DOWN, ports=world) == ended
    assert note_waiting("gra-unknown", DOWN, ports=world) is None
