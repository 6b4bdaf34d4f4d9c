"""Writes that come at the same moment, in one transaction: each as if it were alone."""

import json
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from grants.access.ending import _store_ends
from grants.access.model import Cause, GrantState, ProofKind
from grants.errors import ChangedMeanwhile, StoreOutcomeUnknown, StoreUnavailable
from grants.record.model import Event, EventType
from grants.store.errors import LOCKED
from grants.store.together import MOST, Together
from tests.support.fault_worker import wait_for
from tests.support.store_values import (
    NOW,
    a_grant,
    a_request,
    active,
    an_end,
    populate,
    some_terms,
)


class Desk:
    """Writes down what it is given; the first to come is kept in hand until the desk opens."""

    def __init__(self, fails: Callable[[str], BaseException | None] = lambda _: None) -> None:
        self.groups: list[list[str]] = []
        self.written: list[str] = []
        self._fails = fails
        self._open = threading.Event()
        self._begun = threading.Event()
        self.together = Together(self.write, most=4, gather_seconds=0.0)
        self._pool = ThreadPoolExecutor(16)

    def write(self, these: Sequence[str]) -> list[str]:
        self.groups.append(list(these))
        self._begun.set()
        assert self._open.wait(10)
        for one in these:
            if error := self._fails(one):
                raise error
        self.written += these
        return [f"{one} is written" for one in these]

    def bring(self, *these: str) -> list["Future[str]"]:
        """Have each brought by a thread of its own, the first one first."""
        brought = []
        for one in these:
            before = len(self.together._waiting)
            brought.append(self._pool.submit(self.together.run, one))
            if self._begun.wait(10) and len(brought) > 1:
                until(lambda: len(self.together._waiting) == before + 1)  # noqa: B023 - at once
        return brought

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._pool.shutdown()
        assert not self.together._is_led
        assert not self.together._waiting


def until(is_so: Callable[[], bool]) -> None:
    wait_for(is_so, 10, "it has come to be so")


def outcome(one: "Future[str]") -> str:
    error = one.exception(10)
    return one.result() if error is None else type(error).__name__


def test_what_comes_while_one_is_written_is_written_together() -> None:
    desk = Desk()
    brought = desk.bring("a", "b", "c", "d")
    assert [one.done() for one in brought] == [False] * 4
    desk.open()
    assert [outcome(one) for one in brought] == [f"{one} is written" for one in "abcd"]
    assert desk.groups == [["a"], ["b", "c", "d"]]
    desk.close()


def test_there_are_never_too_many_in_one() -> None:
    desk = Desk()
    brought = desk.bring(*"abcdefghij")
    desk.open()
    assert [outcome(one) for one in brought] == [f"{one} is written" for one in "abcdefghij"]
    assert [len(group) for group in desk.groups] == [1, 4, 4, 1]
    desk.close()


def test_what_fails_fails_alone() -> None:
    desk = Desk(lambda one: ChangedMeanwhile("grant", one) if one == "c" else None)
    brought = desk.bring("a", "b", "c", "d")
    desk.open()
    assert [outcome(one) for one in brought] == [
        "a is written",
        "b is written",
        "ChangedMeanwhile",
        "d is written",
    ]
    assert desk.groups == [["a"], ["b", "c", "d"], ["b"], ["c"], ["d"]]
    desk.close()


def test_a_bug_in_one_is_that_ones_alone() -> None:
    desk = Desk(lambda one: ValueError(one) if one == "b" else None)
    brought = desk.bring("a", "b", "c")
    desk.open()
    assert [outcome(one) for one in brought] == ["a is written", "ValueError", "c is written"]
    desk.close()


@pytest.mark.parametrize("error", [StoreUnavailable, StoreOutcomeUnknown])
def test_a_database_that_is_away_is_away_for_all_and_not_tried_for_each(
    error: type[StoreUnavailable],
) -> None:
    desk = Desk(lambda one: error("away") if one == "b" else None)
    brought = desk.bring("a", "b", "c", "d")
    desk.open()
    assert [outcome(one) for one in brought] == ["a is written", *[error.__name__] * 3]
    assert desk.groups == [["a"], ["b", "c", "d"]]
    desk.close()


def test_a_database_that_goes_away_meanwhile_keeps_nobody_waiting_once_for_each() -> None:
    def fails(one: str) -> BaseException | None:
        if len(desk.groups) == 2:
            return ChangedMeanwhile("grant", one)
        return StoreUnavailable("away") if one == "c" else None

    desk = Desk(fails)
    brought = desk.bring("a", "b", "c", "d", "e")
    desk.open()
    said = ["a is written", "b is written", *["StoreUnavailable"] * 3]
    assert [outcome(one) for one in brought] == said
    assert desk.groups == [["a"], ["b", "c", "d", "e"], ["b"], ["c"]]
    desk.close()


def test_rows_of_one_that_somebody_holds_keep_the_others_from_nothing() -> None:
    desk = Desk(lambda one: StoreUnavailable(LOCKED) if one == "c" else None)
    brought = desk.bring("a", "b", "c", "d")
    desk.open()
    said = ["a is written", "b is written", "StoreUnavailable", "d is written"]
    assert [outcome(one) for one in brought] == said
    desk.close()


def test_where_all_is_locked_not_each_waits_for_all_the_others_before_it() -> None:
    desk = Desk(lambda one: StoreUnavailable(LOCKED) if one != "a" else None)
    brought = desk.bring("a", "b", "c", "d", "e")
    desk.open()
    assert [outcome(one) for one in brought] == ["a is written", *["StoreUnavailable"] * 4]
    assert desk.groups == [["a"], ["b", "c", "d", "e"], ["b"], ["c"]]
    desk.close()


def test_whoever_is_broken_off_while_writing_for_others_leaves_none_waiting() -> None:
    """They are told what is true: nobody knows whether theirs was stored."""
    desk = Desk(lambda one: SystemExit() if one == "b" else None)
    brought = desk.bring("a", "b", "c", "d", "e", "f")
    desk.open()
    assert [outcome(one) for one in brought] == [
        "a is written",
        "SystemExit",
        *["StoreOutcomeUnknown"] * 3,
        "f is written",
    ]
    desk.close()


def test_whoever_is_first_waits_until_enough_have_come_where_others_come() -> None:
    groups: list[list[int]] = []

    def write(these: Sequence[int]) -> Sequence[int]:
        groups.append(sorted(these))
        return these

    together = Together(write, most=3, gather_seconds=30.0)
    assert together.run(0) == 0, "nobody else has come: it must not wait"
    together._others_come = True
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(together.run, (1, 2, 3))) == [1, 2, 3]
    assert groups == [[0], [1, 2, 3]]


def test_nobody_waits_twice_for_others_who_do_not_come() -> None:
    together = Together(lambda these: these, gather_seconds=0.01)
    together._others_come = True
    assert together.run(1) == 1
    assert not together._others_come


def test_of_many_at_once_each_is_written_once_and_told_what_became_of_it(seed: int) -> None:
    dice = random.Random(seed)
    bad = {number for number in range(400) if dice.random() < 0.05}
    written: list[int] = []

    def write(these: Sequence[int]) -> list[int]:
        assert 0 < len(these) <= MOST
        for one in these:
            if one in bad:
                raise ChangedMeanwhile("grant", str(one))
        written.extend(these)
        return [-one for one in these]

    together = Together(write, gather_seconds=0.001)

    def run(one: int) -> int | None:
        try:
            return together.run(one)
        except ChangedMeanwhile as error:
            return None if error.name == str(one) else one

    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(run, range(400)))
    assert told == [None if one in bad else -one for one in range(400)]
    assert sorted(written) == [one for one in range(400) if one not in bad]


@pytest.fixture
def grants(real_store):
    """Five active grants."""
    stored = populate(real_store)
    request = a_request(stored.ann, *(some_terms() for _ in range(5)))
    made = [a_grant(request, number) for number in range(5)]
    with real_store.write() as tx:
        tx.add_request(request)
        for grant in made:
            tx.add_grant(grant)
        return tx.save_grants([active(grant) for grant in made])


def test_ends_that_come_at_once_are_each_stored_with_proof_and_event(real_store, grants):
    """One of them was moved by somebody else meanwhile: it is told so, and nothing of it stays."""
    moved = grants[2]
    with ThreadPoolExecutor(5) as pool:
        with real_store.write() as tx:
            # Whoever comes first has to wait for this, and the others for that one.
            tx.save_grant(replace(tx.grant(moved.id), attempts=1))
            brought = [pool.submit(real_store.write_together, _store_ends, an_end(grants[0]))]
            until(lambda: _store_ends in real_store._together)
            group = real_store._together[_store_ends]
            until(lambda: group._is_led and not group._waiting)
            brought += [
                pool.submit(real_store.write_together, _store_ends, an_end(grant))
                for grant in grants[1:]
            ]
            until(lambda: len(group._waiting) == 4 or brought[0].done())
        outcomes = [outcome(one) for one in brought]
    assert [type(one).__name__ for one in outcomes[:2]] == ["Grant", "Grant"]
    assert outcomes[2] == "ChangedMeanwhile"
    with real_store.read() as tx:
        now = [tx.grant(grant.id) for grant in grants]
        proofs = [tx.proof(grant.id, ProofKind.GONE) for grant in grants]
        bodies = [json.loads(event.canonical) for event in tx.events()]
    states = [grant.state for grant in now]
    assert states == [
        GrantState.ENDED,
        GrantState.ENDED,
        GrantState.ACTIVE,
        GrantState.ENDED,
        GrantState.ENDED,
    ]
    assert [one for one in outcomes if one != "ChangedMeanwhile"] == [
        grant for grant in now if grant.id != moved.id
    ]
    assert [proof is None for proof in proofs] == [False, False, True, False, False]
    assert [body["number"] for body in bodies] == [1, 2, 3, 4]
    assert {body["grant"] for body in bodies} == {g.id for g in grants if g.id != moved.id}


def test_the_same_end_brought_twice_is_stored_once(real_store, grants):
    with pytest.raises(ChangedMeanwhile), real_store.write() as tx:
        _store_ends(tx, [an_end(grants[0]), an_end(grants[0])])
    with real_store.read() as tx:
        assert tx.grant(grants[0].id) == grants[0]
        assert tx.events() == ()


def test_ends_in_one_transaction_are_given_back_in_their_order(real_store, grants):
    mixed = [grants[number] for number in (3, 0, 4, 1, 2)]
    causes = [Cause.EXPIRED, Cause.GIVEN_BACK, Cause.REVOKED, Cause.GIVEN_BACK, Cause.EXPIRED]
    with real_store.write() as tx:
        stored = _store_ends(tx, [an_end(*one) for one in zip(mixed, causes, strict=True)])
    assert [(grant.id, grant.cause) for grant in stored] == [
        (grant.id, cause) for grant, cause in zip(mixed, causes, strict=True)
    ]
    with real_store.read() as tx:
        assert [tx.grant(grant.id) for grant in mixed] == list(stored)
        bodies = [json.loads(event.canonical) for event in tx.events()]
    assert [body["grant"] for body in bodies] == [grant.id for grant in mixed]


def test_many_threads_lose_nothing(real_store, grants):
    """Each adds to its own grant again and again, with an event each."""

    def count(tx, these):
        for grant in these:
            tx.append(Event(EventType.GRANT_STUCK, NOW, "system", grant=grant.id))
        return [tx.save_grant(replace(grant, attempts=grant.attempts + 1)) for grant in these]

    def run(grant):
        for _ in range(10):
            grant = real_store.write_together(count, grant)
        return grant

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(run, grants))
    with real_store.read() as tx:
        assert [tx.grant(grant.id).attempts for grant in grants] == [10] * 5
        numbers = [event.number for event in tx.events()]
    assert numbers == list(range(1, 51))
