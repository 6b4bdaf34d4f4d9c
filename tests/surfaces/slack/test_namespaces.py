"""Lists of namespaces kept warm: whoever types waits for no cluster."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from bot.slack.namespaces import FAILED_SECONDS, FRESH_SECONDS, KEPT_SECONDS, Namespaces
from bot.slack.recent import Recent
from grants.errors import ClusterError, ClusterUnavailable


class Ticks:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Cluster:
    """Lists its namespaces when it is let, or fails."""

    def __init__(self) -> None:
        self.names: list[str] = ["a"]
        self.asked = threading.Semaphore(0)
        self.count = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.error: ClusterError | None = None

    def __call__(self, alias: str) -> Sequence[str]:
        self.count += 1
        self.asked.release()
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        return tuple(self.names)


class LateList(dict[str, Any]):
    """Shows nothing to the next look, as to one that came a moment too early."""

    hidden = 0

    def get(self, alias: str, default: Any = None) -> Any:
        if self.hidden:
            self.hidden -= 1
            return default
        return super().get(alias, default)


class Table:
    def __init__(self) -> None:
        self.ticks, self.cluster = Ticks(), Cluster()
        self.namespaces = Namespaces(self.cluster, self.ticks)

    def settle(self) -> None:
        """Wait until nothing is read any more."""
        pause = threading.Event()
        for _ in range(1000):
            if not self.namespaces._reading:
                return
            pause.wait(0.005)
        raise AssertionError("it is read for ever")


@pytest.fixture
def table() -> Iterator[Table]:
    made = Table()
    yield made
    made.cluster.go_on.set()
    made.namespaces.stop()


def test_the_first_asker_waits_and_others_do_not(table: Table) -> None:
    assert table.namespaces.get("prod") == ("a",)
    table.cluster.names = ["a", "b"]
    table.ticks.at += FRESH_SECONDS - 1
    assert table.namespaces.get("prod") == ("a",)
    table.settle()
    assert table.cluster.count == 1, "it is fresh"
    table.ticks.at += 2
    table.cluster.go_on.clear()
    assert table.namespaces.get("prod") == ("a",), "at once, while it is read anew behind"
    table.cluster.go_on.set()
    table.settle()
    assert table.namespaces.get("prod") == ("a", "b")


def test_many_who_ask_at_once_are_answered_by_one_look(table: Table) -> None:
    table.cluster.go_on.clear()
    found: list[Sequence[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append(table.namespaces.get("prod")))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    assert table.cluster.asked.acquire(timeout=5)
    table.cluster.go_on.set()
    for thread in threads:
        thread.join()
    assert found == [("a",)] * 5
    assert table.cluster.count == 1


def test_who_found_no_list_a_moment_before_it_was_there_has_none_read_again(table: Table) -> None:
    table.namespaces._lists = lists = LateList()
    assert table.namespaces.get("prod") == ("a",)
    table.settle()
    lists.hidden = 1
    assert table.namespaces.get("prod") == ("a",)
    assert table.cluster.count == 1


def test_what_will_be_asked_for_is_read_before(table: Table) -> None:
    table.namespaces.look_soon("prod")
    table.settle()
    table.cluster.go_on.clear()
    assert table.namespaces.get("prod") == ("a",)


def test_a_cluster_that_fails_is_said_and_not_waited_for_again_at_once(table: Table) -> None:
    table.cluster.error = ClusterUnavailable("prod", "list namespaces", "down")
    for _ in range(3):
        with pytest.raises(ClusterUnavailable):
            table.namespaces.get("prod")
    table.settle()
    assert table.cluster.count == 1
    table.cluster.error = None
    table.ticks.at += FAILED_SECONDS
    assert table.namespaces.get("prod") == ("a",)


def test_while_a_cluster_is_away_its_last_list_is_offered_for_a_while(table: Table) -> None:
    table.namespaces.get("prod")
    table.cluster.error = ClusterUnavailable("prod", "list namespaces", "down")
    table.ticks.at += KEPT_SECONDS - 1
    assert table.namespaces.get("prod") == ("a",)
    table.settle()
    table.ticks.at += 1
    with pytest.raises(ClusterUnavailable):
        table.namespaces.get("prod")


def test_what_is_kept_for_a_moment_is_not_kept_longer_by_being_asked_for() -> None:
    ticks = Ticks()
    recent: Recent[str, int] = Recent(5.0, ticks)
    recent.keep("a", 1)
    ticks.at += 4
    assert recent.get("a") == 1
    recent.keep("a", 2)
    assert recent.get("a") == 1
    ticks.at += 1
    assert recent.get("a") is None
    for number in range(3000):
        recent.keep(str(number), number)
    assert len(recent._kept) == 2000
