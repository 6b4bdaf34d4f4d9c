"""Whether what a database holds is whole: read in full, so it may take a while."""

from typing import Final

from sqlalchemy import Connection, func, not_, select, text

from grants.store import tables as t
from grants.store.access import LIVE, READABLE

_MOST_TOLD: Final = 5


def problems_in(connection: Connection) -> tuple[str, ...]:
    """Name what is not whole, a sentence each; none when all is well."""
    sqlite = connection.dialect.name == "sqlite"
    return (*(_in_file(connection) if sqlite else ()), *_in_record(connection), *_rows(connection))


def last_event(connection: Connection) -> int:
    """Give the number of the last event; 0 before the first."""
    return int(
        connection.execute(select(func.coalesce(func.max(t.events.c.number), 0))).scalar_one()
    )


def _in_file(connection: Connection) -> tuple[str, ...]:
    said = connection.execute(text(f"PRAGMA integrity_check({_MOST_TOLD})")).scalars().all()
    if said != ["ok"]:
        return tuple(f"the file is damaged: {one}" for one in said)
    lost = connection.execute(text("PRAGMA foreign_key_check")).all()
    told = {f"a row of {row[0]} refers to one of {row[2]} that is not there" for row in lost}
    return tuple(sorted(told))


def _in_record(connection: Connection) -> tuple[str, ...]:
    """Hold the record against its own count: its numbers begin with 1 and have no gaps."""
    count = connection.execute(select(func.count()).select_from(t.events)).scalar_one()
    order = connection.execute(select(t.record_order.c.number)).scalar()
    last = last_event(connection)
    if count == last == order:
        return ()
    return (f"the record has {count} events, the last is number {last}, and {order} were given",)


def _rows(connection: Connection) -> tuple[str, ...]:
    asked = select(func.count()).select_from(t.grants).where(LIVE, not_(READABLE))
    count = connection.execute(asked).scalar_one()
    return (f"{count} grants that are not ended can't be read by this version",) if count else ()
