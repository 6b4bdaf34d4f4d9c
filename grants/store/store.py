"""The store: transactions, claims and deliveries over one opened database."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import select

from grants.access.ports import Claimed
from grants.errors import StoreSchemaWrong
from grants.store import tables as t
from grants.store.answers import AnswerRows
from grants.store.claims import Claims
from grants.store.clocks import ClockRows, Clocks
from grants.store.deliveries import Deliveries
from grants.store.engine import Database
from grants.store.findings import FindingRows
from grants.store.health import HealthRows
from grants.store.hearing import HearingRows
from grants.store.history_list import HistoryList
from grants.store.inventories import InventoryRows
from grants.store.lists import Lists
from grants.store.outbox import OutboxRows
from grants.store.policy import PolicyRows
from grants.store.readiness import Readiness
from grants.store.record import RecordRows
from grants.store.restored import RestoredRows
from grants.store.together import Together
from grants.store.turns import Turns
from grants.store.upkeep import Upkeep
from grants.store.usage import UsageRows

T = TypeVar("T")
R = TypeVar("R")


class Tx(
    AnswerRows,
    ClockRows,
    FindingRows,
    HistoryList,
    HealthRows,
    HearingRows,
    InventoryRows,
    RecordRows,
    OutboxRows,
    PolicyRows,
    RestoredRows,
    UsageRows,
):
    """One transaction, as every room asks for it."""


class Store:
    """Implements AccessStore, PeopleStore and their like; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims = Claims(database)
        self._together: dict[Any, Together[Any, Any]] = {}
        self.clocks = Clocks(database)
        self.deliveries = Deliveries(database)
        self.lists = Lists(database)
        self.readiness = Readiness(database)
        self.turns = Turns(database)
        self.upkeep = Upkeep(database)

    def ahead(self) -> "Store":
        """Give the same store for what a person waits for: its writes go before the others."""
        return Store(replace(self._database, first=True))

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Open one write transaction; leaving it without an error commits, with its events."""
        with self._database.writing() as connection:
            tx = Tx(connection, self._database, writable=True)
            yield tx
            tx.retell_all()
            tx.flush()

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Open one read transaction: one moment's state; writing in it is an error."""
        with self._database.reading() as connection:
            yield Tx(connection, self._database, writable=False)

    def write_together(self, write: Callable[[Tx, Sequence[T]], Sequence[R]], one: T) -> R:
        """Write one thing, in one transaction with others of its kind that come now."""
        group: Together[T, R] | None = self._together.get(write)
        if group is None:
            made = Together(partial(self._write_all, write))
            group = self._together.setdefault(write, made)
        return group.run(one)

    def _write_all(
        self, write: Callable[[Tx, Sequence[T]], Sequence[R]], these: Sequence[T]
    ) -> Sequence[R]:
        with self.write() as tx:
            return write(tx, these)

    def installation(self) -> str:
        """Give the id of this installation, made with the schema."""
        with self._database.reading() as connection:
            found = connection.execute(select(t.installation.c.id)).scalar()
        if found is None:
            raise StoreSchemaWrong("no installation id")
        return str(found)

    def made_at(self) -> datetime:
        """Tell when this installation was made: with the schema."""
        with self._database.reading() as connection:
            found: datetime | None = connection.execute(select(t.installation.c.made_at)).scalar()
        if found is None:
            raise StoreSchemaWrong("no installation id")
        return found

    def due_clusters(self) -> tuple[str, ...]:
        """Name the clusters in which grants that nobody holds are due, in order."""
        return self._claims.due_clusters()

    def claim_grants(
        self, worker: str, limit: int, hold: timedelta, cluster: str | None = None
    ) -> tuple[Claimed, ...]:
        """Claim grants that are due and not ended, of one cluster or of all."""
        return self._claims.claim_grants(worker, limit, hold, cluster)

    def claim_each(
        self, worker: str, limits: Mapping[str, int], hold: timedelta
    ) -> tuple[Claimed, ...]:
        """Claim grants of several clusters, of each at most so many, in one transaction."""
        return self._claims.claim_each(worker, limits, hold)

    def claim_grant(self, grant: str, worker: str, hold: timedelta) -> bool:
        """Claim one grant now, due or not; False when another worker holds it."""
        return self._claims.claim_grant(grant, worker, hold)

    def release_grant(self, grant: str, worker: str) -> None:
        """Give a claim back early."""
        self._claims.release_grant(grant, worker)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()
