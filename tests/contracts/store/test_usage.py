"""Rows of use, on both databases: merged as they come, in whatever order."""

from datetime import timedelta

import pytest

from grants.clock import Clock
from grants.store.store import Store
from grants.usage.folded import BROKEN
from grants.usage.model import MANY, NAMES_KEPT, Kind, VerbClass
from grants.usage.take_in import TakeIn, take_in, take_in_much
from grants.usage.times import as_time
from tests.support.audit import NOW, START, WEB, denied, event, lines, read, ref, stamp
from tests.support.stores import commit, roll_back

DAY = timedelta(days=1)


@pytest.fixture
def store(real_store: Store) -> Store:
    return real_store


class Ports:
    def __init__(self, store: Store, clock: Clock) -> None:
        self.store, self.clock = store, clock


def add(store, data: bytes, cluster: str = "prod") -> None:
    part = read(data, cluster).parts[cluster]
    commit(store, lambda tx: tx.add_usage(cluster, part))


def uses(store, **wanted):
    with store.read() as tx:
        return tx.usage(**wanted)


def test_a_row_comes_back_as_it_was_read(store):
    add(store, lines(event(1), event(2, START + DAY)))
    (use,) = uses(store)
    assert (use.cluster, use.act.user, use.act.name, use.count) == ("prod", WEB, "prices", 2)
    assert use.first_seen == START
    assert use.last_seen == START + DAY + timedelta(milliseconds=4)
    assert str(use.through) == "RoleBinding shop/web"
    assert use.question.namespace == "shop"


def test_first_is_the_earliest_last_the_latest_and_counts_add_up_in_any_order(store, dice):
    days = list(range(12))
    dice.shuffle(days)
    for day in days:
        add(store, lines(event(day, START + day * DAY)))
    (use,) = uses(store)
    assert use.first_seen == START
    assert use.last_seen.date() == (START + 11 * DAY).date()
    assert use.count == 12


def test_rows_are_found_by_cluster_and_user(store):
    add(store, lines(event(1), event(2, user={"username": "ada"})))
    add(store, lines(event(1)), "other")
    assert len(uses(store)) == 3
    assert [use.cluster for use in uses(store, user=WEB)] == ["other", "prod"]
    assert [use.act.user for use in uses(store, cluster="prod", limit=1)] == ["ada"]
    with store.read() as tx:
        assert tx.usage_clusters() == dict.fromkeys(["other", "prod"], START)


def test_names_that_come_bit_by_bit_become_one_row_as_well(store):
    """Each batch has few; together they are too many."""
    for n in range(0, NAMES_KEPT + 20, 10):
        some = (event(m, START + m * DAY, objectRef=ref(name=f"n-{m}")) for m in range(n, n + 10))
        add(store, lines(*some, denied(1000 + n)))
    allowed, refused = sorted(uses(store), key=lambda use: not use.act.allowed)
    assert (allowed.act.name, allowed.count) == (MANY, NAMES_KEPT + 20)
    assert allowed.first_seen == START
    assert allowed.last_seen.date() == (START + (NAMES_KEPT + 19) * DAY).date()
    assert refused.count == 7


def test_many_rows_are_kept_in_one_go(store):
    some = (event(n, objectRef=ref(f"r{n}"), verb="list") for n in range(1300))
    add(store, lines(*some))
    assert len(uses(store)) == 1300


def test_what_was_heard_is_kept_in_minutes_and_days(store):
    for n in range(3):
        add(store, lines(event(n, START + timedelta(days=n, minutes=7 * n)), b"{"))
    with store.read() as tx:
        coverage = tx.coverage("prod")
        assert tx.coverage("nowhere").since is None
    assert coverage.since == START
    assert {hour.day: mask for hour, mask in coverage.hours.items()} == {
        2: 1,
        3: 1 << 7,
        4: 1 << 14,
    }
    kind = Kind(VerbClass.READ, "", "configmaps")
    assert [day.day for day in coverage.heard_on(kind)] == [2, 3, 4]
    assert [(loss.hour.day, loss.word, loss.count) for loss in coverage.losses] == [
        (2, BROKEN, 1),
        (3, BROKEN, 1),
        (4, BROKEN, 1),
    ]


def test_coverage_of_a_window_leaves_out_what_was_long_before(store):
    add(store, lines(event(1), event(2, START + 9 * DAY), b"{"))
    with store.read() as tx:
        coverage = tx.coverage("prod", START + 5 * DAY)
    assert [hour.day for hour in coverage.hours] == [11]
    assert len(coverage.losses) == 1
    assert len(coverage.heard_on(Kind(VerbClass.READ, "", "configmaps"))) == 2


def test_the_last_minute_of_an_hour_is_a_bit_as_any_other(store):
    add(store, lines(*(event(m, START + timedelta(minutes=m)) for m in range(60))))
    with store.read() as tx:
        assert list(tx.coverage("prod").hours.values()) == [(1 << 60) - 1]


def test_the_same_thing_is_taken_in_once(store, clock):
    parts = read(lines(event(1))).parts
    ports = Ports(store, clock)
    assert take_in(TakeIn("file:1", parts), ports=ports)
    assert not take_in(TakeIn("file:1", parts), ports=ports)
    assert [use.count for use in uses(store)] == [1]
    assert take_in(TakeIn("file:2", parts), ports=ports)
    assert [use.count for use in uses(store)] == [2]


class BrokenOff(Exception):
    """Stands for the process's end."""


class Breaking:
    """A store that breaks off at its third transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._left = 3

    def write(self):
        self._left -= 1
        if not self._left:
            raise BrokenOff
        return self._store.write()


def test_much_that_broke_off_is_gone_on_with_and_counted_once(store, clock):
    """Rows go in portions; coverage comes last, so that none is claimed of rows not yet there."""
    some = (event(n, objectRef=ref(f"r{n % 4100}"), verb="list") for n in range(8200))
    much = TakeIn("file:1", read(lines(*some)).parts)
    with pytest.raises(BrokenOff):
        take_in_much(much, ports=Ports(Breaking(store), clock))
    with store.read() as tx:
        assert 0 < len(tx.usage()) < 4100
        assert tx.coverage("prod").since is None
    assert take_in_much(much, ports=Ports(store, clock))
    assert {use.count for use in uses(store)} == {2}
    assert len(uses(store)) == 4100
    assert not take_in_much(much, ports=Ports(store, clock))


def test_what_fails_leaves_nothing(store):
    part = read(lines(event(1))).parts["prod"]
    roll_back(store, lambda tx: (tx.first_time("usage:x", NOW), tx.add_usage("prod", part)))
    assert uses(store) == ()
    with store.read() as tx:
        assert not tx.came_before("usage:x")
        assert tx.coverage("prod").since is None


def test_times_are_kept_to_the_microsecond(store):
    at = "2026-03-02T08:00:00.123457Z"
    add(store, lines(event(1, stageTimestamp=at, requestReceivedTimestamp=stamp(START))))
    (use,) = uses(store)
    assert use.last_seen == as_time(at)
