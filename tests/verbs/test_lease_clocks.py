"""The end of a lease when clocks are wrong: it may come early, never late."""

from datetime import datetime, timedelta

import pytest

from grants.access.give_back import GiveBack, give_back
from grants.access.model import AT_ONCE, Cause, GrantState, ProofKind
from grants.people.model import Account
from tests.support.memory_store import MemoryStore, MemoryTx
from tests.support.world import World

ERIN = Account("T1", "U-ERIN")
HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> World:
    return World()


class ClockedStore(MemoryStore):
    """Rows in a database with a clock of its own, so far ahead of this process's."""

    ahead = timedelta(0)

    def read(self):  # type: ignore[no-untyped-def]
        return self._with_time(super().read())

    def write(self):  # type: ignore[no-untyped-def]
        return self._with_time(super().write())

    def _with_time(self, transaction):  # type: ignore[no-untyped-def]
        told = self._clock.now() + self.ahead

        class Opened:
            def __enter__(self) -> MemoryTx:
                tx: MemoryTx = transaction.__enter__()
                tx.database_time = lambda: told  # type: ignore[method-assign]
                return tx

            def __exit__(self, *error: object) -> None:
                transaction.__exit__(*error)

        return Opened()


class ClockedWorld(World):
    def new_store(self) -> MemoryStore:
        return ClockedStore(self.clock)


def _with_database_clock(ahead: timedelta) -> World:
    world = ClockedWorld()
    world.store.ahead = ahead  # type: ignore[attr-defined]
    return world


@pytest.mark.parametrize("seconds", [5, -5, 0])
def test_a_lease_is_reckoned_from_the_earlier_of_two_clocks(seconds: int) -> None:
    ahead = timedelta(seconds=seconds)
    world = _with_database_clock(ahead)
    grant = world.active()
    assert grant.expires_at == world.clock.now() + min(timedelta(0), ahead) + HOUR


def test_no_access_begins_that_would_be_over_by_one_of_the_clocks() -> None:
    world = _with_database_clock(-2 * HOUR)
    grant = world.reconcile(world.approved().id)
    assert (grant.state, grant.problem) == (GrantState.ACTIVATING, "clocks-apart")
    assert all(binding.subjects == () for binding in world.cluster.all_bindings())
    with world.store.read() as tx:
        assert tx.proof(grant.id, ProofKind.BEFORE) is None, "what is allowed is asked anew"
    world.clock.forward(minutes=16)
    ended = world.reconcile(grant.id)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.NEVER_ACTIVE)
    assert ended.cause_detail == "clocks-apart"


@pytest.mark.security("G7")
def test_more_than_was_agreed_is_never_left_of_a_lease(world: World) -> None:
    """A process ran an hour ahead when it gave access; its clock was put right soon after."""
    world.clock.forward(hours=1)
    grant = world.active()
    world.clock.forward(hours=-1)
    world.clock.forward(minutes=1)
    cut = world.reconcile(grant.id)
    assert cut.expires_at == world.clock.now() + HOUR
    assert "grant.shortened" in world.events()
    world.reconcile(grant.id)
    assert world.events().count("grant.shortened") == 1
    world.clock.forward(hours=1)
    assert world.reconcile(grant.id).state is GrantState.ENDED


def test_a_clock_that_is_a_little_behind_cuts_nothing(world: World) -> None:
    grant = world.active()
    world.clock.forward(seconds=-world.times.skew_alarm.total_seconds())
    assert world.reconcile(grant.id).expires_at == grant.expires_at
    assert "grant.shortened" not in world.events()


def test_what_ends_access_is_due_by_every_clock(world: World) -> None:
    """The end was due by the clock of whoever wrote it: a click on a replica that ran ahead
    made the worker wait that long before it took the access away.
    """
    grant = world.active()
    give_back(GiveBack(world.key(), ERIN, grant.id), ports=world)
    revoking = world.grant(grant.id)
    assert (revoking.state, revoking.due_at) == (GrantState.REVOKING, AT_ONCE)
    world.clock.forward(days=-30)
    assert [one.grant for one in world.store.claim_grants("w", 1, HOUR)] == [grant.id]


def test_an_active_grant_is_never_looked_at_later_than_its_end(world: World) -> None:
    moments: list[tuple[datetime, datetime | None]] = []
    grant = world.approved()
    for _look in range(3):
        now = world.reconcile(grant.id)
        moments.append((now.due_at, now.expires_at))
    assert all(end is not None and due <= end for due, end in moments)
