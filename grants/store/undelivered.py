"""The rows of the outbox that were not told: counted, listed, wanted once more."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row, and_, func, select, update

from grants.outbox.model import (
    CardKind,
    Delivery,
    Figures,
    Place,
    PlaceKind,
    Reach,
    Undelivered,
)
from grants.store import tables as t
from grants.store.engine import Database

_C: Final = t.deliveries.c
WANTED: Final = and_(_C.wanted > _C.sent, _C.wanted > _C.dropped)
GIVEN_UP: Final = and_(_C.wanted > _C.sent, _C.wanted <= _C.dropped)
_TOGETHER: Final = timedelta(seconds=1)
"""Rows of one transaction are not further apart."""
_SOME: Final = 500
"""Ids of one statement: databases bound how many values one may have."""


class Undeliverable:
    """What DeliveryStore asks for of rows that were not told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def places_of(self, row: Delivery) -> frozenset[Place]:
        """Give every place at which the very same thing is or was to be told."""
        asked = select(_C.place_kind, _C.place_ref, _C.facts).where(
            _C.kind == str(row.kind), _C.about == row.about, _C.code == row.code
        )
        if row.kind is CardKind.NOTICE:
            # The same words may be told anew on another day.
            asked = asked.where(_C.next_at >= row.since - _TOGETHER)
        with self._database.reading() as connection:
            found = list(connection.execute(asked))
        alike = (one for one in found if one.facts == dict(row.facts))
        return frozenset(Place(PlaceKind(one.place_kind), one.place_ref) for one in alike)

    def reach(self, kind: CardKind, about: str) -> Reach:
        """Tell how far a card got, over all its places but user groups."""
        told = func.count().filter(_C.sent > 0)
        asked = select(
            told,
            func.count().filter(_C.sent == 0, WANTED),
            func.count().filter(_C.sent == 0, GIVEN_UP),
        ).where(_C.kind == str(kind), _C.about == about, _C.place_kind != str(PlaceKind.USER_GROUP))
        groups = select(func.count()).where(
            _C.kind == str(kind),
            _C.about == about,
            _C.place_kind == str(PlaceKind.USER_GROUP),
            WANTED,
        )
        with self._database.reading() as connection:
            reached = connection.execute(asked).one()
            to_fan_out = connection.execute(groups).scalar_one()
        return Reach(reached[0], reached[1] + to_fan_out, reached[2])

    def undelivered(self, limit: int, *, given_up: bool | None = None) -> tuple[Undelivered, ...]:
        """List rows that were not told, the oldest first; those given up the newest first."""
        which = {None: _C.wanted > _C.sent, True: GIVEN_UP, False: WANTED}[given_up]
        order = (_C.next_at.desc(), _C.seq.desc()) if given_up else (_C.next_at, _C.seq)
        asked = select(t.deliveries).where(which).order_by(*order).limit(limit)
        with self._database.reading() as connection:
            return tuple(_undelivered(row) for row in connection.execute(asked))

    def figures(self) -> Figures:
        """Count the rows that wait and those given up."""
        waiting = select(_C.kind, func.count(), func.min(_C.next_at)).where(WANTED)
        given_up = select(_C.problem, func.count()).where(GIVEN_UP).group_by(_C.problem)
        with self._database.reading() as connection:
            kinds = list(connection.execute(waiting.group_by(_C.kind)))
            reasons = list(connection.execute(given_up))
        return Figures(
            {CardKind(kind): count for kind, count, _ in kinds},
            min((oldest for _, _, oldest in kinds), default=None),
            dict(reasons),
        )

    def again(self, ids: Collection[str]) -> int:
        """Want rows that were given up once more; tells how many there were."""
        wanted, count = sorted(set(ids)), 0
        values = {"dropped": 0, "attempts": 0, "problem": "", "sending_since": None}
        with self._database.writing() as connection:
            for begin in range(0, len(wanted), _SOME):
                some = _C.id.in_(wanted[begin : begin + _SOME])
                done = connection.execute(update(t.deliveries).where(some, GIVEN_UP).values(values))
                count += done.rowcount
        return count


def place_of(row: Row[Any]) -> Place:
    """Read the place of a row."""
    return Place(PlaceKind(row.place_kind), row.place_ref)


def _undelivered(row: Row[Any]) -> Undelivered:
    return Undelivered(
        id=row.id,
        kind=CardKind(row.kind),
        about=row.about,
        place=place_of(row),
        code=row.code,
        since=row.next_at,
        tried=row.attempts,
        problem=row.problem,
        given_up=row.dropped >= row.wanted,
    )
