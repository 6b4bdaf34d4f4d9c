"""Bindings of other installations: left alone, told of once when past their end, and taken over by
a person's word alone, unless the other one is seen to live.
"""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from grants.access.cluster_port import Binding, BindingPlace
from grants.access.foreign import Former, is_overdue, is_taken_over
from grants.access.sweep import Swept, sweep_cluster
from grants.outbox.model import Notice
from grants.record.model import Event
from tests.support.fake_cluster import FakeCluster, FakeClusters
from tests.support.world import VIEW, World, a_policy

OTHER, LOST = "inst-other", "inst-lost"
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def world() -> World:
    return World()


def binding(
    world: World,
    of: str | None = OTHER,
    name: str = "valetkey-other-1",
    *,
    ends: timedelta | None = HOUR,
    subjects: tuple[str, ...] = ("User:x",),
    cluster: FakeCluster | None = None,
) -> Binding:
    """Have another installation give somebody access now, for an hour."""
    place = BindingPlace(name, "payments-dev")
    expires_at = None if ends is None else world.clock.now() + ends
    there = cluster or world.cluster
    made = there.add_binding(
        place, VIEW, subjects, grant="gra-theirs", installation=of, expires_at=expires_at
    )
    # Nobody's: our label, and no installation beside it.
    return made if of else there.edit_binding(place, installation=None)


def former(world: World, *ids: str) -> Former:
    """Name installations as lost; ours begins now."""
    return Former(frozenset(ids or {LOST}), world.clock.now())


def swept(world: World, lost: Former | None = None, *, times: int = 1) -> Swept:
    """Sweep so often; gives what the last one found."""
    given = {} if lost is None else {"former": lost}
    return [sweep_cluster(world.cluster, ports=world, **given) for _ in range(times)][-1]


def late(world: World, of: Binding) -> None:
    """Let its end be past by as long as a revocation may take."""
    assert of.expires_at is not None
    wait = of.expires_at + world.times.stuck_after - world.clock.now()
    world.clock.forward(seconds=wait.total_seconds())


def findings(world: World, finding: str) -> list[Event]:
    return [e for e in world.store.events if e.facts.get("finding") == finding]


def told(world: World, code: str) -> list[Notice]:
    return [n for n in world.store.notices if n.code == code]


def uids(found: Iterable[Event]) -> list[object]:
    return [event.facts["binding_uid"] for event in found]


def test_what_another_left_past_its_end_is_told_once_and_left_alone(world: World) -> None:
    left = binding(world)
    late(world, left)
    for _sweep in range(3):
        assert swept(world) == Swept(looked=0, deleted=0, unknown=0, foreign=1)
    (event,) = findings(world, "foreign-overdue")
    assert (event.type, event.grant, event.actor) == ("binding.foreign", "gra-theirs", "system")
    assert event.facts["installation"] == OTHER
    assert uids([event]) == [left.uid]
    (notice,) = told(world, "binding-foreign-overdue")
    assert notice.place.ref == "C0ADMINS"
    assert notice.facts == {
        "cluster": "prod",
        "namespace": "payments-dev",
        "binding": left.place.name,
        "finding": "foreign-overdue",
        "installation": OTHER,
    }
    assert world.store.notices == (notice,)
    assert world.cluster.all_bindings() == (left,)


def test_what_was_told_is_only_read_of_from_then_on(world: World) -> None:
    """Every few seconds, for as long as it stands: nobody who writes must wait for that."""
    late(world, binding(world))
    assert swept(world).foreign == 1
    world.store.before_write(lambda: pytest.fail("a sweep that told nothing has written"))
    assert swept(world, times=3).foreign == 1


def test_each_of_several_is_told(world: World) -> None:
    left = [binding(world, name=f"valetkey-other-{number}") for number in range(2)]
    late(world, left[0])
    assert swept(world, times=2).foreign == 2
    assert uids(findings(world, "foreign-overdue")) == [one.uid for one in left]


def test_one_whose_end_another_has_yet_to_see_to_is_not_told(world: World) -> None:
    """A revocation may fail for a while: that is the other's own to tell of."""
    late(world, binding(world))
    world.clock.forward(seconds=-1)
    assert swept(world).foreign == 0
    world.clock.forward(seconds=1)
    assert swept(world).foreign == 1


def test_one_that_gives_nobody_anything_is_not_told(world: World) -> None:
    late(world, binding(world, subjects=()))
    assert swept(world) == Swept(0, 0, 0)
    assert told(world, "binding-foreign-overdue") == []


def test_one_that_says_no_end_is_held_against_the_longest_of_our_own_policy(world: World) -> None:
    left = binding(world, ends=None)
    longest = timedelta(hours=3)
    policy = a_policy(duration_maximum=longest)
    patience = world.times.stuck_after
    due = left.created_at + longest + patience
    assert not is_overdue(left, due - SECOND, patience, policy)
    assert is_overdue(left, due, patience, policy)
    world.policy.policy = policy
    world.clock.forward(seconds=(due - world.clock.now()).total_seconds())
    assert swept(world).foreign == 1


def test_one_with_an_end_is_held_against_that_alone(world: World) -> None:
    """The other's policy may allow more than ours does."""
    left = binding(world, ends=timedelta(days=3))
    world.clock.forward(days=2)
    assert swept(world).foreign == 0
    late(world, left)
    assert swept(world).foreign == 1


def test_one_that_bears_no_installation_is_nobodys_and_left_alone(world: World) -> None:
    left = binding(world, None)
    late(world, left)
    assert swept(world, former(world)).foreign == 1
    (event,) = findings(world, "foreign-overdue")
    assert event.facts["installation"] == ""
    assert world.cluster.all_bindings() == (left,)


def test_nothing_of_ours_is_taken_for_anothers(world: World) -> None:
    """It stands past its end: that is ours to end, and stuck, not foreign."""
    grant = world.active()
    world.clock.forward(hours=2)
    assert swept(world).foreign == 0
    assert world.cluster.peek(world.place(grant)) is not None


@pytest.mark.security("G7")
def test_what_one_named_as_lost_left_runs_to_its_own_end_and_is_then_deleted(world: World) -> None:
    left = binding(world, LOST)
    world.clock.forward(minutes=5)
    lost = former(world)
    assert swept(world, lost, times=2) == Swept(looked=1, deleted=0, unknown=1)
    (alarm,) = findings(world, "unknown-runs")
    assert (alarm.type, alarm.facts["installation"]) == ("binding.unknown", LOST)
    assert world.cluster.all_bindings() == (left,)
    world.clock.forward(minutes=55)
    assert swept(world, lost) == Swept(looked=1, deleted=1, unknown=0)
    assert world.cluster.all_bindings() == ()
    assert findings(world, "foreign-overdue") == []


@pytest.mark.security("G7")
def test_what_one_named_as_lost_left_runs_no_longer_than_our_policy_allows(world: World) -> None:
    binding(world, LOST, ends=timedelta(days=30))
    lost = former(world)
    world.clock.forward(hours=8)
    assert swept(world, lost).deleted == 1


def test_one_that_is_not_named_is_never_taken_over(world: World) -> None:
    others = binding(world, OTHER, "valetkey-other-1")
    binding(world, LOST, "valetkey-lost-1")
    lost = former(world)
    world.clock.forward(days=1)
    found = swept(world, lost)
    assert not is_taken_over(OTHER, lost, world.cluster.all_bindings())
    assert (found.looked, found.deleted, found.foreign) == (1, 1, 1)
    assert world.cluster.all_bindings() == (others,)


def made_later(world: World, than: Former, by: timedelta, of: str = LOST) -> Binding:
    """Have one that is named as lost give access so long after ours began."""
    world.clock.forward(seconds=(than.since + by - world.clock.now()).total_seconds())
    return binding(world, of, f"{of}-new")


def test_one_that_has_given_access_since_ours_began_lives_and_nothing_of_it_is_touched(
    world: World,
) -> None:
    """It was named by mistake: what it gave before would be ended under the people who use it."""
    old = binding(world, LOST)
    lost = former(world)
    new = made_later(world, lost, timedelta(minutes=2))
    assert swept(world, lost, times=3) == Swept(looked=0, deleted=0, unknown=0)
    (alive,) = findings(world, "former-alive")
    assert (alive.type, uids([alive])) == ("binding.foreign", [new.uid])
    (notice,) = told(world, "binding-former-alive")
    assert (notice.place.ref, notice.facts["installation"]) == ("C0ADMINS", LOST)
    world.clock.forward(days=1)
    assert swept(world, lost) == Swept(looked=0, deleted=0, unknown=0, foreign=2)
    assert world.cluster.all_bindings() == (old, new)
    assert uids(findings(world, "foreign-overdue")) == [old.uid, new.uid]


@pytest.mark.parametrize(("seconds", "taken_over"), [(60, 1), (61, 0)])
def test_clocks_may_differ_by_a_minute_before_it_is_said_to_live(
    world: World, seconds: int, taken_over: int
) -> None:
    """The API server's clock dates a binding and ours the database, so the last that the other
    made before it was lost may seem to be later.
    """
    lost = former(world)
    made_later(world, lost, timedelta(seconds=seconds))
    assert swept(world, lost).unknown == taken_over
    assert len(findings(world, "former-alive")) == 1 - taken_over


def test_that_one_lives_saves_no_other_that_is_named(world: World) -> None:
    binding(world, LOST)
    lost = former(world, LOST, "inst-alive")
    alive = made_later(world, lost, timedelta(minutes=2), of="inst-alive")
    world.clock.forward(hours=1)
    assert swept(world, lost).deleted == 1
    assert world.cluster.all_bindings() == (alive,)


def test_each_cluster_is_judged_by_what_stands_in_it(world: World) -> None:
    """In the one it lives; in the other nothing denies that it is lost."""
    second = FakeCluster("second", clock=world.clock, installation=world.installation)
    world.clusters = FakeClusters(world.cluster, second)
    lost = former(world)
    binding(world, LOST, cluster=second)
    alive = made_later(world, lost, timedelta(minutes=2))
    world.clock.forward(hours=1)
    assert swept(world, lost) == Swept(0, 0, 0)
    assert sweep_cluster(second, ports=world, former=lost).deleted == 1
    assert world.cluster.all_bindings() == (alive,)


def test_two_replicas_that_see_it_at_once_tell_it_once(world: World) -> None:
    """Both looked and found that nobody had told; one of them is first."""
    late(world, binding(world))
    other = []
    world.store.before_write(lambda: other.append(swept(world).foreign))
    assert swept(world).foreign == 1
    assert other == [1]
    assert len(findings(world, "foreign-overdue")) == 1
    assert len(told(world, "binding-foreign-overdue")) == 1
