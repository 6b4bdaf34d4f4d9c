"""Python's cycle collection: what it passes over."""

import gc
from collections.abc import Iterator

import pytest

from grants.garbage import leave_what_stands


@pytest.fixture
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_as_before")
def test_what_stands_is_looked_at_no_more() -> None:
    stands = [[] for _ in range(1000)]
    leave_what_stands()
    assert gc.get_freeze_count() > len(stands)
    assert not any(one is stands for one in gc.get_objects())


@pytest.mark.usefixtures("_as_before")
def test_what_comes_later_is_collected_as_ever() -> None:
    leave_what_stands()
    later: list[object] = []
    later.append(later)
    del later
    assert gc.collect() > 0
