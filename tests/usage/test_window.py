"""Which requests were counted is known for a while, and never for less than was said."""

import pytest

from grants.usage.blocks import lines_of
from grants.usage.window import Window

MINUTE, NEXT = "2026-01-31T18:00", "2026-01-31T18:01"


def counted(window: Window, minute: str, *ids: str) -> list[bool]:
    """Count requests as a folder does; says of each whether it was counted before."""
    recent, older = window.at(minute)
    told = []
    for audit_id in ids:
        told.append(audit_id in older or audit_id in recent)
        if not told[-1]:
            recent.add(audit_id)
    window.turn()
    return told


def test_what_was_counted_is_known_for_as_many_requests_as_are_kept():
    window = Window(kept=100)
    counted(window, MINUTE, *map(str, range(100)))
    counted(window, NEXT, *map(str, range(100, 200)))
    assert all(counted(window, NEXT, *map(str, range(100, 200))))
    assert all(counted(window, MINUTE, *map(str, range(100))))


def test_what_was_counted_is_forgotten_after_twice_as_many():
    window = Window(kept=100)
    for start in range(0, 404, 101):
        counted(window, MINUTE, *map(str, range(start, start + 101)))
    assert not any(counted(window, MINUTE, *map(str, range(101))))


def test_what_has_no_id_always_looks_counted():
    assert counted(Window(), MINUTE, "") == [True]


def test_a_batch_knows_what_was_counted_before_and_adds_nothing_until_it_is_stored():
    window = Window()
    counted(window, MINUTE, "one")
    batch = window.behind()
    assert counted(batch, MINUTE, "one", "two") == [True, False]
    assert counted(window.behind(), MINUTE, "two") == [False]
    window.add(batch)
    assert counted(window.behind(), MINUTE, "one", "two") == [True, True]


def test_a_batch_knows_what_both_generations_before_it_hold():
    window = Window(kept=1)
    counted(window, MINUTE, "one", "two")
    counted(window, MINUTE, "three")
    assert counted(window.behind(), MINUTE, "one", "three", "four") == [True, True, False]


@pytest.mark.parametrize("data", [b"", b"one", b"one\n", b"\n\none\n\ntwo", b"\n"])
def test_ends_of_lines_are_counted_as_they_stand(data: bytes):
    assert lines_of(data) == data.count(b"\n")
