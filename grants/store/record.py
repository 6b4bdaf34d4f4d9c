"""Rows of the record: events, appended last of all."""

from sqlalchemy import Connection, bindparam, insert, select, update

from grants.errors import StoreSchemaWrong
from grants.record.model import EVENT_SCHEMA, Event, StoredEvent
from grants.record.writer import EventBuffer
from grants.store import tables as t
from grants.store.base import TxBase
from grants.store.engine import Database
from grants.store.marks import MARKS

_ORDER = t.record_order.c.number
_TAKE_NUMBERS = update(t.record_order).values(number=_ORDER + bindparam("count")).returning(_ORDER)
_APPEND = insert(t.events)
# Marks ride along, for no statement more should go between the order lock and the commit.
_TAKE_NUMBERS_MARKED = _TAKE_NUMBERS.returning(*MARKS)


class RecordRows(TxBase):
    """What EventLog asks for."""

    def __init__(self, connection: Connection, database: Database, *, writable: bool) -> None:
        super().__init__(connection, database, writable=writable)
        self._pending = EventBuffer()

    def append(self, event: Event) -> None:
        """Add an event; it is numbered and written when the transaction commits."""
        self._must_write()
        self._pending.add(event)

    def flush(self) -> None:
        """Write the gathered events; the order lock, taken here, is held until the commit."""
        if not len(self._pending):
            return
        take = _TAKE_NUMBERS if self._database.is_sqlite else _TAKE_NUMBERS_MARKED
        row = self._row(take, {"count": len(self._pending)})
        if row is None:
            raise StoreSchemaWrong("the record has no order")
        numbered = self._pending.numbered(row.number)
        self._database.note(self._connection, row, numbered[-1][1].id)
        self._run(_APPEND, [_values(*one) for one in numbered])
        self._pending = EventBuffer()

    def events(self, after: int = 0, limit: int = 1000) -> tuple[StoredEvent, ...]:
        """Read the log in order, from the number after `after`."""
        columns = t.events.c
        rows = self._rows(
            select(columns.number, columns.id, columns.canonical)
            .where(columns.number > after)
            .order_by(columns.number)
            .limit(limit)
        )
        return tuple(StoredEvent(row.number, row.id, bytes(row.canonical)) for row in rows)


def _values(event: Event, stored: StoredEvent) -> dict[str, object]:
    return {
        "number": stored.number,
        "id": stored.id,
        "type": str(event.type),
        "schema": EVENT_SCHEMA,
        "at": event.at,
        "actor": event.actor,
        "recipient": event.recipient,
        "request": event.request,
        "grant_id": event.grant,
        "canonical": stored.canonical,
    }
