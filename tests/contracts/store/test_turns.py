"""Turns: one replica of many does what need not be done by each."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest

from grants.store.store import Store
from tests.support.stores import opened

LONG, SHORT = timedelta(hours=1), timedelta(microseconds=1)


@pytest.fixture
def replicas(migrated_postgres_url: str) -> Iterator[tuple[Store, Store]]:
    """Two processes' stores on one PostgreSQL."""
    with closing(opened(migrated_postgres_url)) as one, closing(opened(migrated_postgres_url)) as b:
        yield one, b


@pytest.mark.needs_postgres
def test_a_turn_is_taken_by_one_and_comes_again(replicas: tuple[Store, Store]) -> None:
    one, other = replicas
    assert one.turns.take("sweep:prod", LONG)
    assert not other.turns.take("sweep:prod", LONG)
    assert not one.turns.take("sweep:prod", LONG)
    assert other.turns.take("sweep:second", LONG)
    assert other.turns.take("sweep:prod", SHORT), "whoever took it last need not be alive"


@pytest.mark.needs_postgres
def test_of_many_at_once_one_has_the_turn(replicas: tuple[Store, Store]) -> None:
    for number in range(20):
        with ThreadPoolExecutor(8) as threads:
            scope = f"sweep:{number}"
            took = list(threads.map(lambda s: s.turns.take(scope, LONG), replicas * 4))  # noqa: B023
        assert took.count(True) == 1


def test_on_sqlite_it_is_always_the_one_process_turn(sqlite_url: str) -> None:
    with closing(opened(sqlite_url)) as store:
        assert store.turns.take("sweep:prod", LONG)
        assert store.turns.take("sweep:prod", LONG)
