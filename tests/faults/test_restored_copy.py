"""Yesterday's database beside today's clusters, case by case; and a database that was lost.

On a real control plane with the bot's own rights, and on both kinds of databases.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.playground.controlplane.plane import ControlPlane
from grants.access.foreign import Former
from grants.access.model import Cause, Grant, GrantState, RequestState
from grants.access.note_restored import Restored, note_restored
from grants.errors import NotFound, Refused, TermsChanged, WrongState
from grants.people.model import Account
from grants.people.unlink import UnlinkAccount, unlink_account
from grants.store.schema import upgrade
from tests.support.fault_worker import Failpoint
from tests.support.installations import Installation, Seen, ShiftedClock, copied
from tests.support.postgres import PostgresServer
from tests.support.stores import sqlite_url
from tests.support.world import Crash, StepList, refusal

pytestmark = pytest.mark.security("G7")

# What the kind of database has no part in is tried on one.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HOUR = timedelta(hours=1)
ERIN = "erin"


@dataclass
class World:
    """An installation that goes on after a copy of its database was made, and then loses it."""

    url: str
    kubeconfig: Path
    namespace: str
    folder: Path
    postgres: PostgresServer | None
    opened: list[Installation] = field(default_factory=list)
    copy_url: str = ""

    def __post_init__(self) -> None:
        upgrade(self.url)
        self.live = self._open(self.url)
        self.live.see()

    def _open(self, url: str) -> Installation:
        clusters = {"prod": self.kubeconfig}
        self.opened.append(Installation(url, clusters, self.namespace, clock=ShiftedClock()))
        return self.opened[-1]

    def copy(self) -> None:
        """Make a copy as of now; the installation goes on."""
        self.live.close()
        self.copy_url = copied(self.url, self.folder, self.postgres)
        self.live = self._open(self.url)

    def restore(self) -> Installation:
        """Have the installation go on with the copy."""
        self.live.close()
        return self._open(self.copy_url)

    def lose(self) -> Installation:
        """Have the installation go on with an empty database."""
        self.live.close()
        url = sqlite_url(self.folder / "empty" / "valetkey.db")
        upgrade(url)
        new = self._open(url)
        new.see()
        return new

    def stop_before(self, step: str, grant: Grant) -> None:
        """Bring a grant as far as a step."""
        self.live.watch = StepList(crash_before=step)  # type: ignore[assignment]
        with pytest.raises(Crash):
            self.live.bring(grant)
        self.live.watch = Failpoint(None)

    def close(self) -> None:
        for one in self.opened:
            one.close()


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    database_url: str,
    kubeconfig: Path,
    namespace: str,
    tmp_path: Path,
) -> Iterator[World]:
    on_postgres = database_url.startswith("postgresql")
    server = request.getfixturevalue("postgres") if on_postgres else None
    made = World(database_url, kubeconfig, namespace, tmp_path, server)
    yield made
    made.close()


@pytest.fixture
def seen(control_plane: ControlPlane, namespace: str) -> Seen:
    return Seen(control_plane, namespace)


def _later(installation: Installation, by: timedelta) -> None:
    clock = installation.clock
    assert isinstance(clock, ShiftedClock)
    clock.ahead = by


def test_the_copy_is_the_same_installation_and_goes_on_with_what_it_knows(
    world: World, seen: Seen
) -> None:
    grant = world.live.active(ERIN)
    world.copy()
    before = world.live.installation
    old = world.restore()
    assert old.installation == before
    assert old.bring(grant).state is GrantState.ACTIVE
    assert old.sweep().unknown == 0
    _later(old, HOUR)
    assert old.bring(grant).state is GrantState.ENDED
    assert seen.filled() == set()


def test_access_given_since_runs_to_its_own_end_and_is_alarmed(world: World, seen: Seen) -> None:
    world.copy()
    grant = world.live.active(ERIN)
    end = seen.end_of(grant)
    old = world.restore()
    for _sweep in range(2):
        assert old.sweep().unknown == 1
    (alarm,) = old.events("binding.unknown")
    assert (alarm["grant"], alarm["facts"]["installation"]) == (grant.id, old.installation)
    assert seen.filled() == {grant.binding_name}
    assert seen.end_of(grant) == end
    _later(old, end - datetime.now(UTC) - timedelta(seconds=5))
    assert old.sweep().unknown == 1
    _later(old, HOUR)
    assert old.sweep().deleted == 1
    assert seen.filled() == set()


@ON_SQLITE
def test_nobody_can_give_back_what_the_copy_does_not_know(world: World, seen: Seen) -> None:
    world.copy()
    grant = world.live.active(ERIN)
    old = world.restore()
    old.person(ERIN, "engineers")
    assert isinstance(refusal(lambda: old.give_back(grant, ERIN)), NotFound)
    assert len(old.events("grant.action-refused")) == 1
    assert seen.filled() == {grant.binding_name}


@ON_SQLITE
def test_access_given_since_runs_no_longer_than_policy_allows_whatever_it_says(
    world: World, seen: Seen
) -> None:
    world.copy()
    grant = world.live.active(ERIN)
    seen.annotate_end(grant, "2099-01-01T00:00:00Z")
    old = world.restore()
    longest = old.policy.current().longest()
    _later(old, longest - timedelta(minutes=1))
    assert old.sweep().unknown == 1
    _later(old, longest)
    assert old.sweep().deleted == 1
    assert seen.filled() == set()


@pytest.mark.parametrize("end", [None, "soon"])
@ON_SQLITE
def test_access_given_since_that_says_no_end_is_ended_at_once(
    world: World, seen: Seen, end: str | None
) -> None:
    world.copy()
    grant = world.live.active(ERIN)
    seen.annotate_end(grant, end)
    old = world.restore()
    assert old.sweep().deleted == 1
    assert seen.filled() == set()


def test_access_given_back_since_is_not_made_again(world: World, seen: Seen) -> None:
    grant = world.live.active(ERIN)
    world.copy()
    world.live.give_back(grant, ERIN)
    assert world.live.bring(grant).cause is Cause.GIVEN_BACK
    old = world.restore()
    ended = old.bring(grant)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.REVOKED_OUTSIDE)
    assert old.gone(grant).seen
    old.sweep()
    assert seen.bindings() == {}


@ON_SQLITE
def test_access_whose_time_was_up_since_ends_as_expired(world: World, seen: Seen) -> None:
    grant = world.live.active(ERIN)
    world.copy()
    _later(world.live, HOUR)
    assert world.live.bring(grant).cause is Cause.EXPIRED
    old = world.restore()
    _later(old, HOUR)
    ended = old.bring(grant)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.EXPIRED)
    assert seen.bindings() == {}


@ON_SQLITE
def test_an_end_that_had_begun_since_and_failed_is_forgotten_till_the_lease_is_over(
    world: World, seen: Seen
) -> None:
    """Somebody revoked it while the cluster was away. The copy has it as active, and so it is."""
    grant = world.live.active(ERIN)
    world.copy()
    world.live.give_back(grant, ERIN)
    old = world.restore()
    assert old.bring(grant).state is GrantState.ACTIVE
    _later(old, HOUR)
    assert old.bring(grant).state is GrantState.ENDED
    assert seen.filled() == set()


@ON_SQLITE
def test_access_that_was_beginning_and_was_filled_since_has_the_earlier_of_two_ends(
    world: World, seen: Seen
) -> None:
    grant = world.live.approve(world.live.asked(ERIN))
    world.stop_before("activate.fill", grant)
    world.copy()
    kept = world.live.grant(grant.id).expires_at
    assert kept is not None
    _later(world.live, timedelta(minutes=1))
    assert world.live.bring(grant).state is GrantState.ACTIVE
    assert seen.end_of(grant) > kept
    old = world.restore()
    found = old.bring(grant)
    assert (found.state, found.expires_at) == (GrantState.ACTIVE, kept)


@ON_SQLITE
def test_access_that_was_beginning_and_was_filled_since_by_a_hand_unknown_is_ended(
    world: World, seen: Seen
) -> None:
    """The copy has no uid to know the binding by: whoever filled it, it was not the copy."""
    grant = world.live.approve(world.live.asked(ERIN))
    world.copy()
    assert world.live.bring(grant).state is GrantState.ACTIVE
    old = world.restore()
    ended = old.bring(grant)
    assert (ended.state, ended.cause) == (GrantState.ENDED, Cause.ALTERED_OUTSIDE)
    assert ended.cause_detail == "filled-by-another"
    assert seen.bindings() == {}


@ON_SQLITE
def test_access_that_was_beginning_and_ended_since_begins_once_more_for_a_quarter_of_an_hour(
    world: World, seen: Seen
) -> None:
    """Nothing in the cluster tells that it was used up; `db restored` is for that."""
    grant = world.live.approve(world.live.asked(ERIN))
    world.copy()
    world.live.bring(grant)
    world.live.give_back(grant, ERIN)
    world.live.bring(grant)
    old = world.restore()
    _later(old, old.times.activate_within)
    assert old.bring(grant).cause is Cause.NEVER_ACTIVE
    assert seen.bindings() == {}


def test_a_copy_that_is_said_to_be_one_begins_nothing_and_closes_what_waits(
    world: World, seen: Seen
) -> None:
    grant = world.live.approve(world.live.asked(ERIN))
    waiting = world.live.asked("dora")
    world.copy()
    world.live.bring(grant)
    world.live.give_back(grant, ERIN)
    world.live.bring(grant)
    old = world.restore()
    last = len(old.events())
    done = note_restored(ports=old)
    assert done == Restored(last, requests=1, grants=1, sessions=0)
    ended = old.bring(grant)
    assert (ended.cause, ended.cause_detail) == (Cause.NEVER_ACTIVE, "restored")
    closed = old.request(waiting.id)
    assert (closed.state, closed.closed_detail) == (RequestState.CANCELLED, "restored")
    assert isinstance(refusal(lambda: old.approve(waiting)), WrongState)
    assert seen.bindings() == {}


@ON_SQLITE
def test_a_request_that_waits_in_the_copy_and_was_granted_since_can_be_granted_anew(
    world: World, seen: Seen
) -> None:
    """Its buttons are good again: judged anew, by a person. What was given runs to its own end."""
    waiting = world.live.asked(ERIN)
    world.copy()
    first = world.live.bring(world.live.approve(waiting))
    old = world.restore()
    second = old.bring(old.approve(waiting))
    assert second.id != first.id
    assert seen.filled() == {first.binding_name, second.binding_name}
    assert old.sweep().unknown == 1


@ON_SQLITE
def test_a_request_that_waits_in_the_copy_is_judged_by_the_policy_of_today(world: World) -> None:
    waiting = world.live.asked(ERIN)
    world.copy()
    old = world.restore()
    old.policy.policy = replace(old.policy.policy, entitlements=())
    assert isinstance(refusal(lambda: old.approve(waiting)), TermsChanged | Refused)


@ON_SQLITE
def test_a_link_taken_away_since_is_back_and_a_sign_in_in_it_is_as_old_as_it_is(
    world: World,
) -> None:
    account = world.live.person(ERIN, "engineers")
    world.copy()
    unlink_account(UnlinkAccount(account), ports=world.live)
    old = world.restore()
    with old.store.read() as tx:
        assert tx.known(Account("T1", ERIN)) is not None
    _later(old, old.times.signin_max_age + timedelta(seconds=1))
    with old.store.read() as tx:
        known = tx.known(account)
    assert known is not None
    assert not known.sign_in.is_fresh(old.clock.now(), old.times.signin_max_age)


def test_numbers_of_the_record_are_given_again_and_it_says_so(world: World) -> None:
    """Whoever kept events elsewhere finds another id under a number that was read before."""
    world.live.active(ERIN)
    world.copy()
    world.live.active("dora")
    lost = {event["number"]: event["id"] for event in world.live.events()}
    old = world.restore()
    last = len(old.events())
    note_restored(ports=old)
    (event,) = old.events("record.restored")
    assert event["facts"]["last_number"] == last
    assert lost[event["number"]] != event["id"]
    assert [e["number"] for e in old.events()] == list(range(1, event["number"] + 1))


@ON_SQLITE
def test_what_a_lost_database_left_is_told_when_it_is_past_its_end(
    world: World, seen: Seen
) -> None:
    grant = world.live.active(ERIN)
    left = world.live.installation
    new = world.lose()
    assert new.installation != left
    assert new.sweep().looked == 0
    _later(new, HOUR + new.times.stuck_after)
    assert new.sweep().foreign >= 1
    told = [e for e in new.events("binding.foreign") if e["grant"] == grant.id]
    assert [e["facts"]["installation"] for e in told] == [left]
    assert seen.filled() == {grant.binding_name}


@ON_SQLITE
def test_what_a_lost_database_left_runs_to_its_own_end_when_it_is_taken_over(
    world: World, seen: Seen
) -> None:
    grant = world.live.active(ERIN)
    left = world.live.installation
    new = world.lose()
    former = Former(frozenset({left}), new.store.made_at())
    assert new.sweep(former=former).unknown == 1
    (alarm,) = new.events("binding.unknown")
    assert alarm["facts"]["installation"] == left
    assert seen.filled() == {grant.binding_name}
    _later(new, HOUR)
    assert new.sweep(former=former).deleted == 1
    assert seen.filled() == set()
