"""Clocks held against each other: what is read, what is told, and which witnesses are believed."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from grants.access.skew import (
    Reading,
    may_follow,
    note_reading,
    note_set_back,
    read_cluster,
    read_database,
)
from grants.clock import Offset, SteadyClock
from grants.errors import ClusterUnavailable, StoreUnavailable
from grants.record.model import Event
from tests.support.fake_cluster import FakeCluster
from tests.support.machine import Machine
from tests.support.world import START, World

HOST = "valetkey-0"
A, B = "https://a", "https://b"
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
ALARM = 2 * SECOND


@pytest.fixture
def world() -> World:
    world = World()
    assert world.times.skew_alarm == ALARM
    return world


@pytest.fixture
def machine() -> Machine:
    return Machine()


def read(
    ahead: float = 0,
    *,
    unsure: float = 0.001,
    set_back: float = 0,
    cluster: str = "",
    endpoint: str = "",
) -> Reading:
    """Give a reading, in seconds; without a cluster it is the database's."""
    offset = Offset(ahead * SECOND, unsure * SECOND)
    return Reading(offset, set_back * SECOND, cluster, endpoint)


def note(
    world: World, reading: Reading, alarm: str | None = None, *, host: str = HOST
) -> str | None:
    return note_reading(reading, host, alarm=alarm, ports=world)


def told(world: World) -> list[str]:
    return [notice.code for notice in world.store.notices]


def clock_events(world: World) -> list[Event]:
    return [event for event in world.store.events if event.type.startswith("clock.")]


def kinds(world: World) -> list[str]:
    return [str(event.type) for event in clock_events(world)]


def no_write(world: World) -> None:
    """Let the next write be a failure of the test."""
    world.store.before_write(lambda: pytest.fail("what was no news was written"))


@dataclass
class Database:
    """A database that tells how far our clock is ahead of its own, where it has one."""

    told: Offset | None = None
    is_away: bool = False

    def offset(self) -> Offset | None:
        if self.is_away:
            raise StoreUnavailable("down")
        return self.told


def test_a_database_is_read_beside_how_far_this_machine_was_set_back(machine: Machine) -> None:
    clock = machine.steady()
    offset = Offset(3 * SECOND, SECOND)
    assert read_database(Database(offset), clock) == (Reading(offset, timedelta(0)),)
    machine.wall -= HOUR
    (found,) = read_database(Database(offset), clock)
    assert found == Reading(offset, HOUR)
    assert (found.witness, found.cluster, found.endpoint) == ("database", "", "")


def test_a_database_that_has_no_clock_is_no_witness(machine: Machine) -> None:
    assert read_database(Database(None), machine.steady()) == ()


def test_a_database_that_is_away_is_told_to_the_caller(machine: Machine) -> None:
    with pytest.raises(StoreUnavailable):
        read_database(Database(is_away=True), machine.steady())


def two_servers(clock: SteadyClock) -> FakeCluster:
    """A cluster of two API servers, seen by a process that goes by this clock."""
    return FakeCluster("prod", clock=clock, installation="inst-x", endpoints=(A, B))


def test_each_api_server_is_read_under_the_name_of_its_cluster(machine: Machine) -> None:
    clock = machine.steady()
    cluster = two_servers(clock)
    cluster.clock_ahead = 7 * SECOND
    machine.wall -= 30 * SECOND
    found = read_cluster(cluster, clock)
    assert [(one.cluster, one.endpoint) for one in found] == [("prod", A), ("prod", B)]
    assert {one.witness for one in found} == {"cluster:prod"}
    assert {one.set_back for one in found} == {30 * SECOND}
    assert all(abs(one.offset.ahead - 7 * SECOND) <= one.offset.uncertainty for one in found)


@pytest.mark.parametrize(("silent", "read_still"), [(A, B), (B, A)])
def test_an_api_server_that_is_silent_keeps_no_other_from_being_read(
    machine: Machine, silent: str, read_still: str
) -> None:
    """The first that was silent ended the reading: those named after it were never held against
    this clock, and a cluster whose first API server was down was no witness at all.
    """
    clock = machine.steady()
    cluster = two_servers(clock)
    cluster.cut_off(silent)
    assert [one.endpoint for one in read_cluster(cluster, clock)] == [read_still]


def test_a_cluster_that_does_not_answer_is_no_witness_and_no_error(machine: Machine) -> None:
    clock = machine.steady()
    cluster = two_servers(clock)
    cluster.fail_all(ClusterUnavailable)
    assert read_cluster(cluster, clock) == ()


@pytest.mark.parametrize(
    ("ahead", "set_back", "machine_is", "worst"),
    [(3, 0, 3, 3), (0, 5, -5, -5), (5, 5, 0, 5), (4, 10, -6, -6), (-3, 1, -4, -4)],
)
def test_what_is_told_and_what_the_machine_shows_are_both_held_against_a_witness(
    ahead: float, set_back: float, machine_is: float, worst: float
) -> None:
    """The one decides now; the other would at a restart."""
    found = read(ahead, set_back=set_back)
    assert found.machine == Offset(machine_is * SECOND, found.offset.uncertainty)
    assert found.worst.ahead == worst * SECOND


def test_clocks_that_agree_are_told_to_nobody(world: World) -> None:
    no_write(world)
    for ahead in (0, 2, -2):
        assert note(world, read(ahead)) is None


def test_a_clock_apart_is_recorded_and_told_once_an_hour(world: World) -> None:
    apart = read(5, unsure=0.5, cluster="prod", endpoint=A)
    alarm = note(world, apart)
    no_write(world)
    for _look in range(3):
        assert note(world, apart, alarm) == alarm is not None
    (event,) = clock_events(world)
    assert (event.type, event.actor, event.at) == ("clock.skewed", "system", world.clock.now())
    assert event.facts == {
        "host": HOST,
        "witness": "cluster:prod",
        "endpoint": A,
        "ahead_ms": 5000,
        "uncertainty_ms": 500,
        "set_back_ms": 0,
    }
    (notice,) = world.store.notices
    assert (notice.code, notice.about) == ("clock-ahead", "cluster:prod")
    assert notice.place.ref == "C0ADMINS"
    assert notice.facts == {"host": HOST, "cluster": "prod", "endpoint": A, "seconds": "5.0"}


def test_a_measure_that_is_rougher_than_the_alarm_ends_none(world: World) -> None:
    alarm = note(world, read(5))
    assert note(world, read(0, unsure=3), alarm) == alarm
    assert kinds(world) == ["clock.skewed"]
    assert note(world, read(0, unsure=2), alarm) is None
    assert kinds(world) == ["clock.skewed", "clock.agrees"]


def test_clocks_that_stay_apart_are_told_in_the_next_hour_too(world: World) -> None:
    alarm = note(world, read(5))
    world.clock.forward(hours=1)
    assert note(world, read(5), alarm) not in {alarm, None}
    assert told(world) == ["clock-ahead"] * 2


def test_each_witness_api_server_and_machine_is_an_alarm_of_its_own(world: World) -> None:
    apart = [read(5), *(read(5, cluster=c, endpoint=e) for c, e in (("x", A), ("x", B), ("y", A)))]
    alarms = {note(world, one) for one in apart} | {note(world, apart[0], host="valetkey-1")}
    assert len(alarms) == len(told(world)) == 5


def test_ahead_and_behind_are_two_alarms(world: World) -> None:
    ahead = note(world, read(5))
    behind = note(world, read(-5), ahead)
    assert ahead != behind
    assert told(world) == ["clock-ahead", "clock-behind"]


def test_what_is_not_sure_is_not_told(world: World) -> None:
    """API servers tell whole seconds: 2.4 s ahead may be 1.9 s."""
    no_write(world)
    for ahead, unsure in ((2.4, 0.5), (-2.4, 0.5), (2.5, 0.5), (9, 7)):
        assert note(world, read(ahead, unsure=unsure)) is None
    assert kinds(world) == []


def test_what_is_not_sure_says_not_that_it_is_over(world: World) -> None:
    alarm = note(world, read(5))
    no_write(world)
    assert note(world, read(2.4, unsure=0.5), alarm) == alarm
    assert told(world) == ["clock-ahead"]


def test_a_machine_that_was_set_back_is_told_as_behind_though_what_is_told_is_right(
    world: World,
) -> None:
    """A process that is started anew would go by the machine's clock."""
    assert note(world, read(0, set_back=3600)) is not None
    assert told(world) == ["clock-behind"]
    (event,) = clock_events(world)
    assert (event.facts["ahead_ms"], event.facts["set_back_ms"]) == (0, 3_600_000)
    assert world.store.notices[0].facts["seconds"] == "3600.0"


def test_that_clocks_agree_again_is_told_once_to_those_who_heard_that_they_did_not(
    world: World,
) -> None:
    alarm = note(world, read(5, cluster="prod", endpoint=A))
    world.clock.forward(minutes=10)
    assert note(world, read(1, cluster="prod", endpoint=A), alarm) is None
    no_write(world)
    for before in (None, alarm):
        assert note(world, read(1, cluster="prod", endpoint=A), before) is None
    assert kinds(world) == ["clock.skewed", "clock.agrees"]
    assert clock_events(world)[-1].facts["ahead_ms"] == 1000
    notice = world.store.notices[-1]
    assert (notice.code, notice.about) == ("clock-agrees", "cluster:prod")
    assert notice.place.ref == "C0ADMINS"
    assert notice.facts == {"host": HOST, "cluster": "prod", "endpoint": A}


def test_an_alarm_of_many_hours_is_answered_once(world: World) -> None:
    alarm = None
    for _hour in range(3):
        alarm = note(world, read(5), alarm)
        world.clock.forward(hours=1)
    world.clock.forward(hours=-1)
    for before in (alarm, None):
        assert note(world, read(0), before) is None
    assert kinds(world) == ["clock.skewed"] * 3 + ["clock.agrees"]


def test_a_clock_that_was_ahead_and_then_behind_is_answered_once(world: World) -> None:
    """The look after the one that answered found the alarm before it unanswered."""
    alarm = note(world, read(-5), note(world, read(5)))
    for before in (alarm, None):
        assert note(world, read(0), before) is None
    assert told(world) == ["clock-ahead", "clock-behind", "clock-agrees"]


@pytest.mark.parametrize("minutes", [1, 60])
def test_an_alarm_is_answered_by_a_process_started_since_though_one_the_other_way_was_before(
    world: World, minutes: float
) -> None:
    """The clock was ahead and was put right; then it fell behind, and the process was started
    anew. The answer to the first alarm was taken for one to the second: nobody heard that it was
    over.
    """
    note(world, read(0), note(world, read(5)))
    world.clock.forward(minutes=minutes)
    note(world, read(-5))
    for _look in range(2):
        assert note(world, read(0)) is None
    assert told(world) == ["clock-ahead", "clock-agrees", "clock-behind", "clock-agrees"]


def test_an_alarm_that_stood_unanswered_for_long_is_answered_by_whoever_kept_it(
    world: World,
) -> None:
    """The witness was silent for a night."""
    alarm = note(world, read(5))
    world.clock.forward(hours=8)
    assert note(world, read(0), alarm) is None
    assert told(world) == ["clock-ahead", "clock-agrees"]


@pytest.mark.parametrize("minutes", [1, 60])
@pytest.mark.parametrize("ahead", [5, -5])
def test_that_clocks_agree_is_told_by_a_process_that_was_started_since(
    world: World, ahead: float, minutes: float
) -> None:
    note(world, read(ahead))
    world.clock.forward(minutes=minutes)
    assert note(world, read(0)) is None
    assert kinds(world) == ["clock.skewed", "clock.agrees"]


@pytest.mark.parametrize(
    "agrees",
    [
        (HOST, read(0, cluster="prod", endpoint=B)),
        (HOST, read(0)),
        ("valetkey-1", read(0, cluster="prod", endpoint=A)),
    ],
    ids=["another-server", "another-witness", "another-machine"],
)
def test_anothers_alarm_is_not_answered(world: World, agrees: tuple[str, Reading]) -> None:
    note(world, read(5, cluster="prod", endpoint=A))
    host, reading = agrees
    no_write(world)
    assert note(world, reading, host=host) is None
    assert kinds(world) == ["clock.skewed"]


def test_a_new_outage_of_the_next_hour_is_told_and_answered_anew(world: World) -> None:
    for _hour in range(2):
        alarm = note(world, read(5))
        note(world, read(0), alarm)
        world.clock.forward(hours=1)
    assert kinds(world) == ["clock.skewed", "clock.agrees"] * 2


def test_two_processes_of_one_machine_tell_it_once(world: World) -> None:
    """Each has looked and found that nobody had told; one of them is first."""
    other: list[str | None] = []
    world.store.before_write(lambda: other.append(note(world, read(5))))
    alarm = note(world, read(5))
    assert other == [alarm]
    world.store.before_write(lambda: other.append(note(world, read(0), alarm)))
    assert note(world, read(0), alarm) is None
    assert other == [alarm, None]
    assert told(world) == ["clock-ahead", "clock-agrees"]
    assert kinds(world) == ["clock.skewed", "clock.agrees"]


# Which witnesses are believed in that a clock which was set back is right now: the machine was an
# hour ahead and was put right, so that this process is an hour ahead, and the machine is not.

PUT_RIGHT = {"ahead": 3600, "set_back": 3600}
YES = read(**PUT_RIGHT)
YES_OF_PROD = read(**PUT_RIGHT, cluster="prod", endpoint=A)
NO = read(0, set_back=3600)
NO_OF_PROD = read(0, set_back=3600, cluster="prod", endpoint=A)
NO_OF_ITS_OTHER_SERVER = read(0, set_back=3600, cluster="prod", endpoint=B)
YES_OF_ITS_OTHER_SERVER = read(**PUT_RIGHT, cluster="prod", endpoint=B)
YES_OF_SECOND = read(**PUT_RIGHT, cluster="second", endpoint=A)


@pytest.mark.parametrize(
    ("readings", "witnesses"),
    [
        ([YES, YES_OF_PROD], 2),
        ([YES_OF_PROD, YES_OF_SECOND], 2),
        ([YES, YES_OF_SECOND, NO_OF_PROD], 3),
        ([YES], 1),
        ([YES_OF_PROD], 1),
        ([YES_OF_PROD, YES_OF_ITS_OTHER_SERVER], 1),
    ],
    ids=[
        "two-agree",
        "two-clusters-agree",
        "two-agree-and-one-denies",
        "the-only-one",
        "the-only-cluster",
        "two-servers-of-the-only-cluster",
    ],
)
def test_two_witnesses_that_agree_are_believed_and_the_only_one_there_is(
    readings: list[Reading], witnesses: int
) -> None:
    assert may_follow(readings, witnesses, ALARM)


@pytest.mark.parametrize(
    ("readings", "witnesses"),
    [
        ([NO, NO_OF_PROD], 2),
        ([YES, NO_OF_PROD], 2),
        ([YES, YES_OF_PROD, NO_OF_ITS_OTHER_SERVER], 2),
        ([NO], 1),
        ([YES], 2),
        ([YES], 3),
        ([], 0),
        ([], 2),
        ([YES_OF_PROD, YES_OF_ITS_OTHER_SERVER], 2),
        ([YES_OF_PROD, NO_OF_ITS_OTHER_SERVER], 1),
        ([NO_OF_ITS_OTHER_SERVER, YES_OF_PROD], 1),
    ],
    ids=[
        "both-deny",
        "one-denies",
        "one-server-of-one-denies",
        "the-only-one-denies",
        "the-other-is-silent",
        "both-others-are-silent",
        "nobody-is-there",
        "nobody-answers",
        "two-servers-are-one-witness",
        "its-servers-differ",
        "its-servers-differ-the-other-way",
    ],
)
def test_fewer_witnesses_than_there_could_be_move_nothing(
    readings: list[Reading], witnesses: int
) -> None:
    assert not may_follow(readings, witnesses, ALARM)


def test_a_witness_agrees_only_where_that_is_sure() -> None:
    """An alarm wants to be sure that clocks are apart, and following that they are not."""

    def follows(off: float, unsure: float) -> bool:
        return may_follow([read(3600 + off, unsure=unsure, set_back=3600)], 1, ALARM)

    assert all(follows(off, unsure) for off, unsure in ((0, 2), (1.5, 0.5), (-1.5, 0.5)))
    assert not any(follows(off, unsure) for off, unsure in ((0, 2.1), (1.6, 0.5), (-1.6, 0.5)))


def test_it_is_the_machines_clock_that_must_agree_and_not_what_is_told() -> None:
    """Going by what is told, a clock that was right would be followed into the past."""
    right = read(0, set_back=3600)
    assert right.offset.is_surely_within(ALARM)
    assert not may_follow([right], 1, ALARM)


def test_going_back_is_recorded_with_who_was_believed_and_told_to_nobody(world: World) -> None:
    readings = (YES_OF_PROD, YES_OF_ITS_OTHER_SERVER, YES, YES_OF_SECOND)
    note_set_back(HOUR + SECOND / 2, readings, HOST, world)
    (event,) = clock_events(world)
    assert (event.type, event.actor, event.at) == ("clock.set-back", "system", world.clock.now())
    assert event.facts == {
        "host": HOST,
        "by_ms": 3_600_500,
        "witnesses": ["cluster:prod", "cluster:second", "database"],
    }
    assert world.store.notices == ()


def test_a_reading_is_told_anew_from_where_the_clock_went_back_to() -> None:
    """Or what was read before would alarm of a clock that has just been put right."""
    back = YES_OF_PROD.after_going_back(HOUR)
    assert (back.offset.ahead, back.set_back) == (timedelta(0), timedelta(0))
    assert (back.machine, back.worst) == (YES_OF_PROD.machine, back.offset)
    assert (back.witness, back.endpoint) == ("cluster:prod", A)
    part = YES_OF_PROD.after_going_back(HOUR / 2)
    assert (part.offset.ahead, part.set_back) == (HOUR / 2, HOUR / 2)
    assert part.machine == YES_OF_PROD.machine


def test_a_clock_that_ran_ahead_and_was_put_right_agrees_once_it_is_followed(
    machine: Machine,
) -> None:
    clock = machine.steady()
    cluster, database = two_servers(clock), Database(Offset(HOUR, SECOND / 1000))
    machine.wall += HOUR
    assert clock.now() == START + HOUR
    machine.wall -= HOUR
    machine.pass_by(SECOND)
    cluster.clock_ahead = HOUR
    readings = (*read_database(database, clock), *read_cluster(cluster, clock))
    assert may_follow(readings, 2, ALARM)
    clock.go_back(HOUR)
    assert clock.now() == machine.wall == START + SECOND
    database.told, cluster.clock_ahead = Offset(timedelta(0), SECOND / 1000), timedelta(0)
    again = (*read_database(database, clock), *read_cluster(cluster, clock))
    assert again == tuple(one.after_going_back(HOUR) for one in readings)
