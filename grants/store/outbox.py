"""Rows of the outbox: what a verb wants told, in its own transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    bindparam,
    case,
    insert,
    text,
    update,
)

from grants.ids import Prefix, new_id
from grants.outbox.model import Card, CardKind, Notice, Place
from grants.store import tables as t
from grants.store.base import TxBase, upsert
from grants.store.engine import Database
from grants.store.types import UtcMicros
from grants.store.undelivered import WANTED

_C: Final = t.deliveries.c


def _since(now: ColumnElement[datetime]) -> ColumnElement[datetime]:
    """Say since when a row waits: a version that was not told yet keeps its age."""
    return case((WANTED, _C.next_at), else_=now)


_RETELL = (
    update(t.deliveries)
    .where(_C.about == bindparam("this"), _C.kind != str(CardKind.NOTICE))
    .values(wanted=_C.wanted + 1, next_at=_since(bindparam("now", type_=UtcMicros)))
)


def _tell(new: Any) -> Executable:
    """Insert a card, or want a standing one once more.

    A time to try again that a rate limit has set stays: telling more does not make it pass.
    """
    again = {"wanted": _C.wanted + 1, "next_at": _since(new.excluded.next_at)}
    told: Executable = new.on_conflict_do_update(
        index_elements=[_C.kind, _C.about, _C.place_kind, _C.place_ref],
        index_where=text("kind <> 'notice'"),
        set_=again,
    )
    return told


_TELL = upsert(t.deliveries, _tell)
_NOTIFY = insert(t.deliveries)


class OutboxRows(TxBase):
    """What Outbox asks for."""

    def __init__(self, connection: Connection, database: Database, *, writable: bool) -> None:
        super().__init__(connection, database, writable=writable)
        self._to_retell: set[str] = set()

    def tell(self, card: Card) -> None:
        """Want this card (again): its version goes up by one."""
        row = self._row_for(card.kind, card.about, card.place)
        self._run(self._own(_TELL), row | {"code": "", "facts": {}})

    def notify(self, notice: Notice) -> None:
        """Want this sentence told once."""
        self._run(_NOTIFY, self._sentence_for(notice))

    def notify_all(self, notices: Sequence[Notice]) -> None:
        """Want these sentences told once each, in this order."""
        if notices:
            self._run(_NOTIFY, [self._sentence_for(notice) for notice in notices])

    def retell(self, about: str) -> None:
        """Want every card that stands about this thing rendered again, when this commits."""
        self._must_write()
        self._to_retell.add(about)

    def retell_all(self) -> None:
        """Want what was gathered: after all rows that cards are about, and in one order.

        Else of two transactions, each with rows and cards that the other wants, one is lost.
        """
        now = self._database.clock.now()
        if self._to_retell:
            wanted = [{"this": about, "now": now} for about in sorted(self._to_retell)]
            self._run(_RETELL, wanted)
        self._to_retell.clear()

    def _sentence_for(self, notice: Notice) -> dict[str, Any]:
        row = self._row_for(CardKind.NOTICE, notice.about, notice.place)
        return row | {"code": notice.code, "facts": dict(notice.facts)}

    def _row_for(self, kind: CardKind, about: str, place: Place) -> dict[str, Any]:
        return {
            "id": new_id(Prefix.CARD),
            "kind": str(kind),
            "about": about,
            "place_kind": str(place.kind),
            "place_ref": place.ref,
            "wanted": 1,
            "sent": 0,
            "dropped": 0,
            "attempts": 0,
            "next_at": self._database.clock.now(),
            "problem": "",
        }
