"""Four approvers at once: one decision, one grant, on both databases, a hundred times."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from grants.access.decide import Decide, decide
from grants.access.model import AccessRequest, Verdict
from grants.errors import ValetkeyError
from grants.people.model import Account
from grants.store.engine import Database, open_database
from grants.store.schema import upgrade
from grants.store.store import Store
from tests.support.stores import sqlite_url
from tests.support.world import World

TIMES = 100
APPROVERS = 4
# Without guards one of four may still happen to be alone; hardly ten times over.
ROUNDS = 10


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        found = str(request.getfixturevalue("postgres_url"))
    else:
        found = sqlite_url(tmp_path / "database" / "valetkey.db")
    upgrade(found)
    return found


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = open_database(url)
    yield opened
    opened.close()


class StoredWorld(World):
    """The small world, over real rows."""

    def __init__(self, store: Any) -> None:
        self._store = store
        super().__init__()

    def new_store(self) -> Any:
        return self._store


def _approvers(world: World) -> list[Account]:
    return [world.person(f"ada{n}", "approvers") for n in range(APPROVERS)]


def _click_at_once(world: World, approvers: list[Account], request: AccessRequest) -> list[str]:
    """Have everybody approve at the same moment; gives the grants that came of it."""
    together = threading.Barrier(APPROVERS)

    def click(account: Account) -> tuple[str, ...]:
        key = f"{request.id}:{account.user}"
        command = Decide(key, account, request.id, request.terms_hash, Verdict.APPROVE)
        together.wait(timeout=30)
        try:
            return decide(command, ports=world).grants
        except ValetkeyError:
            return ()

    with ThreadPoolExecutor(APPROVERS) as pool:
        return [grant for grants in pool.map(click, approvers) for grant in grants]


@pytest.mark.security("P8")
def test_four_approvers_at_once_make_one_decision_and_one_grant(database: Database) -> None:
    world = StoredWorld(Store(database))
    erin, approvers = world.person("erin", "engineers"), _approvers(world)
    for _time in range(TIMES):
        request = world.ask(erin)
        assert len(_click_at_once(world, approvers, request)) == 1
        with world.store.read() as tx:
            assert len(tx.grant_of_request(request.id)) == 1
            assert len(tx.decisions(request.id)) == 1


class Unguarded:
    """The store with its guards out: each call is a transaction of its own, and no version counts.

    Everybody waits after reading the request, so that the race is there each time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.all_read: Callable[[], object] = lambda: None

    @contextmanager
    def write(self) -> Iterator[Any]:
        yield _EachAlone(self)

    read = write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def call(self, name: str, *args: Any) -> Any:
        with self._store.write() as tx:
            return getattr(tx, name)(*args)


class _EachAlone:
    def __init__(self, store: Unguarded) -> None:
        self._store = store

    def request(self, request: str, seen: AccessRequest | None = None) -> AccessRequest | None:
        found: AccessRequest | None = self._store.call("request", request, seen)
        self._store.all_read()
        return found

    def save_request(self, request: AccessRequest) -> AccessRequest:
        now = self._store.call("request", request.id)
        saved: AccessRequest = self._store.call(
            "save_request", replace(request, version=now.version)
        )
        return saved

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: self._store.call(name, *args)


def _drop_unique_item(database: Database) -> None:
    """Take the guard out of the schema: an item may then have many grants."""
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("ALTER TABLE grants DROP CONSTRAINT uq_grants_item"))
            return
        made = connection.execute(
            text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'grants'")
        ).scalar_one()
        assert "CONSTRAINT uq_grants_item UNIQUE (item)" in made
        connection.execute(text("DROP TABLE grants"))
        open_ended = made.replace("CONSTRAINT uq_grants_item UNIQUE (item)", "CHECK (1 = 1)")
        connection.exec_driver_sql(open_ended)


@pytest.mark.security("P8")
def test_with_the_guards_taken_out_the_same_clicks_make_doubles(database: Database) -> None:
    _drop_unique_item(database)
    store = Unguarded(Store(database))
    world = StoredWorld(store)
    erin, approvers = world.person("erin", "engineers"), _approvers(world)
    together = threading.Barrier(APPROVERS)
    waited = threading.local()

    def all_read() -> None:
        # Twice: before the transaction, and in what should have been one.
        waited.times = getattr(waited, "times", 0) + 1
        if waited.times <= 2:
            together.wait(timeout=30)

    store.all_read = all_read
    rounds = [_click_at_once(world, approvers, world.ask(erin)) for _time in range(ROUNDS)]
    assert max(map(len, rounds)) > 1
