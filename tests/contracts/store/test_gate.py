"""The queue before SQLite's one writer: whoever a person waits for goes first, for a while."""

import threading
from collections.abc import Callable

from grants.store.gate import IN_A_ROW, Gate


class Queue:
    """Threads that wait at a gate, in the order in which they came and went in."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.went_in: list[str] = []
        self.threads: list[threading.Thread] = []

    def wait(self, name: str, *, first: bool, within_seconds: float = 10.0) -> threading.Thread:
        """Have somebody wait; returns when they do."""
        before = self.gate._first_waiting + self.gate._others_waiting

        def go() -> None:
            if self.gate.acquire(first=first, within_seconds=within_seconds):
                self.went_in.append(name)
                self.gate.release()
            else:
                self.went_in.append(f"{name} gave up")

        thread = threading.Thread(target=go)
        thread.start()
        self.threads.append(thread)
        until(lambda: self.gate._first_waiting + self.gate._others_waiting == before + 1)
        return thread

    def end(self) -> list[str]:
        for thread in self.threads:
            thread.join(10)
        return self.went_in


def until(is_so: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(2000):
        if is_so():
            return
        pause.wait(0.005)
    raise AssertionError("it did not come to be so in time")


def held() -> Queue:
    queue = Queue()
    assert queue.gate.acquire(first=False, within_seconds=1)
    return queue


def test_an_open_gate_is_passed_at_once() -> None:
    gate = Gate()
    for first in (True, False, True):
        assert gate.acquire(first=first, within_seconds=0.0)
        gate.release()


def test_one_is_in_at_a_time() -> None:
    gate, inside, most = Gate(), [0], [0]

    def pass_through(*, first: bool) -> None:
        for _ in range(200):
            assert gate.acquire(first=first, within_seconds=10)
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            gate.release()

    threads = [
        threading.Thread(target=pass_through, kwargs={"first": n % 2 == 0}) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert most == [1]
    assert (gate._held, gate._first_waiting, gate._others_waiting) == (False, 0, 0)


def test_whoever_a_person_waits_for_goes_before_those_who_came_earlier() -> None:
    queue = held()
    queue.wait("worker", first=False)
    queue.wait("click", first=True)
    queue.gate.release()
    assert queue.end() == ["click", "worker"]


def test_clicks_without_end_do_not_keep_access_from_ending() -> None:
    queue = held()
    queue.wait("worker", first=False)
    for number in range(IN_A_ROW + 2):
        queue.wait(f"click {number}", first=True)
    queue.gate.release()
    assert queue.end().index("worker") == IN_A_ROW


def test_who_waits_too_long_gives_up_and_the_next_goes_in() -> None:
    queue = held()
    gives_up = queue.wait("click", first=True, within_seconds=0.05)
    gives_up.join(10)
    queue.wait("worker", first=False)
    queue.gate.release()
    assert queue.end() == ["click gave up", "worker"]
