"""Delivering the outbox: claims on its rows, and what became of them."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, and_, case, func, or_, select, update

from grants.outbox.model import CardKind, Delivery, Place, PlaceKind
from grants.store import tables as t
from grants.store.engine import Database

_C: Final = t.deliveries.c
WANTED: Final = and_(_C.wanted > _C.sent, _C.wanted > _C.dropped)


class Deliveries:
    """What DeliveryStore asks for; each call is its own transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, limit: int, hold: timedelta) -> tuple[Delivery, ...]:
        """Claim rows whose wanted version is not sent, on the database's clock."""
        now = self._database.now()
        free = or_(_C.claimed_until.is_(None), _C.claimed_until <= now)
        picked = (
            select(t.deliveries)
            .where(WANTED, _C.next_at <= now, free)
            .order_by(_C.next_at, _C.seq)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.writing() as connection:
            rows = list(connection.execute(picked))
            if rows:
                connection.execute(
                    update(t.deliveries)
                    .where(_C.id.in_([row.id for row in rows]))
                    .values(claimed_until=self._database.later(hold))
                )
        return tuple(_delivery(row) for row in rows)

    def next_due_at(self) -> datetime | None:
        """Tell when the next row is to be delivered or tried again; None when all is told."""
        free_at = case((_C.claimed_until > _C.next_at, _C.claimed_until), else_=_C.next_at)
        with self._database.reading() as connection:
            at: datetime | None = connection.execute(
                select(func.min(free_at, type_=_C.next_at.type)).where(WANTED)
            ).scalar()
        return at

    def sending(self, row: Delivery, at: datetime) -> None:
        """Note that a first send begins, so that one lost in a crash is looked for."""
        self._set(row, sending_since=at)

    def sent(self, row: Delivery, channel: str | None, ts: str | None) -> None:
        """Note that `row.wanted` stands at a message; gives the claim back."""
        newer = _C.sent > row.wanted
        self._set(
            row,
            sent=case((newer, _C.sent), else_=row.wanted),
            wanted=case((newer, _C.wanted + 1), else_=_C.wanted),
            channel=channel,
            ts=ts,
            attempts=0,
            problem="",
            sending_since=None,
            claimed_until=None,
        )

    def retry(self, row: Delivery, at: datetime, problem: str) -> None:
        """Note a failure by its code; the row is due again at that time."""
        self._set(row, problem=problem, next_at=at, attempts=_C.attempts + 1, claimed_until=None)

    def dropped(self, row: Delivery, problem: str) -> None:
        """Give up on `row.wanted`; a later version is tried again."""
        newer = _C.dropped > row.wanted
        self._set(
            row,
            problem=problem,
            dropped=case((newer, _C.dropped), else_=row.wanted),
            sending_since=None,
            claimed_until=None,
        )

    def _set(self, row: Delivery, **values: Any) -> None:
        with self._database.writing() as connection:
            connection.execute(update(t.deliveries).where(_C.id == row.id).values(**values))


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        kind=CardKind(row.kind),
        about=row.about,
        place=Place(PlaceKind(row.place_kind), row.place_ref),
        wanted=row.wanted,
        sent=row.sent,
        attempts=row.attempts,
        code=row.code,
        facts=row.facts,
        channel=row.channel,
        ts=row.ts,
        sending_since=row.sending_since,
    )
