"""Delivering the outbox: claims on its rows, and what became of them."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal,
    not_,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from grants.errors import ChangedMeanwhile
from grants.outbox.model import (
    BROKEN,
    CHANGES,
    EVERYWHERE,
    FIRST_SENDS,
    URGENCY,
    CardKind,
    Delivery,
    Pace,
)
from grants.store import tables as t
from grants.store.engine import Database
from grants.store.types import UtcMicros, as_micros, from_micros
from grants.store.undelivered import WANTED, Undeliverable, place_of
from grants.store.unreadable import readable

_C: Final = t.deliveries.c
_H: Final = t.delivery_holds.c
_URGENCY: Final = case(
    *((_C.kind == str(kind), urgency) for kind, urgency in URGENCY.items()), else_=len(URGENCY)
)
_FIRST: Final = 1_000
"""Rows among which it is first looked for what may go: after a long outage many more wait."""
_NOW: Final = bindparam("now", type_=UtcMicros)
_TOLD: Final = bindparam("told", type_=Integer)
_SENT: Final = (
    update(t.deliveries)
    .where(_C.id == bindparam("this"))
    .values(
        sent=case((_C.sent > _TOLD, _C.sent), else_=_TOLD),
        wanted=case((_C.sent > _TOLD, _C.wanted + 1), else_=_C.wanted),
        channel=bindparam("at_channel"),
        ts=bindparam("at_ts"),
        attempts=0,
        problem="",
        sending_since=None,
        claimed_until=None,
    )
)
_LET_GO: Final = delete(t.delivery_holds).where(_H.scope == bindparam("scope"))
_IS_FIRST: Final = and_(_C.ts.is_(None), _C.problem != BROKEN)


class Deliveries(Undeliverable):
    """What DeliveryStore asks for; each call is its own transaction."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        # Made once: making such a statement costs more than a database needs to execute it.
        now: ColumnElement[Any] = _NOW if database.is_sqlite else database.now()
        self._first_turns, self._turns = _turns(now, among=_FIRST), _turns(now)
        self._picked = (
            select(t.deliveries)
            .where(_C.id.in_(bindparam("turns", expanding=True)), WANTED, _unclaimed(now))
            .order_by(_URGENCY, _C.seq)
            .with_for_update(skip_locked=True)
        )
        self._claimed = (
            update(t.deliveries)
            .where(_C.id.in_(bindparam("rows", expanding=True)))
            .values(claimed_until=database.until())
        )

    def claim(self, limit: int, hold: timedelta) -> tuple[Delivery, ...]:
        """Claim rows whose wanted version is not told, at most one of each place.

        Whose turn it is takes a look at every row that waits, thousands after an outage, so it is
        asked in a transaction that keeps no writer waiting. What it saw may be another's by the
        time that a row is claimed, and is looked at again.
        """
        clock = {"now": self._database.clock.now()} if self._database.is_sqlite else {}
        asked = clock | {"most": limit}
        with self._database.reading() as connection:
            turns = list(connection.execute(self._first_turns, asked).scalars())
            if not turns:
                turns = list(connection.execute(self._turns, asked).scalars())
        if not turns:
            return ()
        with self._database.writing() as connection:
            rows = list(connection.execute(self._picked, clock | {"turns": turns}))
            if rows:
                until = self._database.holding(hold)
                connection.execute(self._claimed, until | {"rows": [row.id for row in rows]})
        return readable("delivery", rows, _delivery, self._database.told)

    def renew(self, ids: Collection[str], hold: timedelta) -> None:
        """Keep claims for `hold` from now on; those that have lapsed or were given back stay so."""
        with self._database.writing() as connection:
            connection.execute(
                update(t.deliveries)
                .where(_C.id.in_(ids), _C.claimed_until > self._database.now())
                .values(claimed_until=self._database.later(hold))
            )

    def sending(self, row: Delivery, at: datetime) -> None:
        """Note that a first send begins; ChangedMeanwhile when another has begun one meanwhile."""
        as_claimed = and_(
            _C.id == row.id,
            _C.ts.is_not_distinct_from(row.ts),
            _C.sending_since.is_not_distinct_from(row.sending_since),
        )
        noted = update(t.deliveries).where(as_claimed).values(sending_since=at)
        with self._database.writing() as connection:
            if not connection.execute(noted).rowcount:
                raise ChangedMeanwhile("delivery", row.id)

    def sent(
        self,
        row: Delivery,
        channel: str | None,
        ts: str | None,
        paces: Collection[Pace] = (),
    ) -> None:
        """Note that `row.wanted` stands at a message; gives the claim back."""
        told = {"this": row.id, "told": row.wanted, "at_channel": channel, "at_ts": ts}
        with self._database.writing() as connection:
            connection.execute(_SENT, told)
            for pace in paces:
                self._count(connection, pace)
            _let_go(connection, row)

    def put_back(self, row: Delivery, problem: str = "") -> None:
        """Give a claim back without counting a failure."""
        with self._database.writing() as connection:
            _set(connection, row, problem=problem, claimed_until=None)

    def retry(self, row: Delivery, wait: timedelta, problem: str) -> None:
        """Note a failure by its code; the row is due again after `wait`."""
        with self._database.writing() as connection:
            _set(connection, row, problem=problem, attempts=_C.attempts + 1, claimed_until=None)
            self._hold(connection, _scope_of_row(row.id), wait)

    def dropped(self, row: Delivery, problem: str) -> None:
        """Give up on `row.wanted`; a later version is tried again."""
        newer = _C.dropped > row.wanted
        with self._database.writing() as connection:
            _set(
                connection,
                row,
                problem=problem,
                dropped=case((newer, _C.dropped), else_=row.wanted),
                sending_since=None,
                claimed_until=None,
            )
            _let_go(connection, row)

    def hold(self, scope: str, wait: timedelta) -> None:
        """Leave a scope alone for that long, in every replica; a longer hold stays."""
        with self._database.writing() as connection:
            self._hold(connection, scope, wait)

    def _hold(self, connection: Connection, scope: str, wait: timedelta) -> None:
        until = self._database.later(wait)
        longer = case((_H.until > until, _H.until), else_=until)
        self._upsert(connection, scope, until, longer)

    def _count(self, connection: Connection, pace: Pace) -> None:
        """Count one send: the scope is held once its burst is used up."""
        earliest = self._database.later(-pace.every * (pace.burst - 1))
        from_then = type_coerce(
            cast(case((_H.until > earliest, _H.until), else_=earliest), BigInteger)
            + literal(as_micros(from_micros(0) + pace.every), BigInteger),
            UtcMicros,
        )
        first = self._database.later(-pace.every * (pace.burst - 2))
        self._upsert(connection, pace.scope, first, from_then)

    def _upsert(
        self, connection: Connection, scope: str, first: Any, later: ColumnElement[Any]
    ) -> None:
        dialect = sqlite if self._database.is_sqlite else postgresql
        connection.execute(
            dialect.insert(t.delivery_holds)
            .values(scope=scope, until=first)
            .on_conflict_do_update(index_elements=[_H.scope], set_={"until": later})
        )


def _turns(now: ColumnElement[Any], among: int | None = None) -> Select[Any]:
    """Pick whose turn it is: one row of each place that is free, the most urgent first.

    `among`: only look at so many rows, the first by urgency and age. What goes before a row at
    its place is then among them too.

    `head` counts the rows that have no message yet, `turn` all rows that may go now. One that
    can't be drawn stands in no line.
    """
    place = (_C.place_kind, _C.place_ref)
    wanted = (
        select(
            _C.id,
            _C.seq,
            _C.place_kind,
            _C.place_ref,
            _URGENCY.label("urgency"),
            _IS_FIRST.label("is_first"),
            func.row_number()
            .over(partition_by=(*place, _IS_FIRST), order_by=(_URGENCY, _C.seq))
            .label("head"),
            func.max(_C.claimed_until).over(partition_by=place).label("busy_until"),
        )
        .where(WANTED if among is None else _C.id.in_(_first(among)))
        .subquery("wanted")
    )
    w = wanted.c
    scopes = (
        EVERYWHERE,
        literal("row:") + w.id,
        case((w.is_first, FIRST_SENDS), else_=CHANGES),
        # How fast a place may be posted to says nothing about changing what stands there.
        case((w.is_first, literal("place:") + w.place_kind + ":" + w.place_ref), else_=""),
    )
    held = select(_H.scope).where(_H.scope.in_(scopes), _H.until > now).exists()
    free = (
        select(
            w.id,
            w.seq,
            w.urgency,
            func.row_number()
            .over(partition_by=(w.place_kind, w.place_ref), order_by=(w.urgency, w.seq))
            .label("turn"),
        )
        .where(
            or_(w.busy_until.is_(None), w.busy_until <= now),
            or_(not_(w.is_first), w.head == 1),
            ~held,
        )
        .subquery("free")
    )
    f = free.c
    return select(f.id).where(f.turn == 1).order_by(f.urgency, f.seq).limit(bindparam("most"))


def _first(count: int) -> Select[Any]:
    return select(_C.id).where(WANTED).order_by(_URGENCY, _C.seq).limit(count)


def _unclaimed(now: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(_C.claimed_until.is_(None), _C.claimed_until <= now)


def _set(connection: Connection, row: Delivery, **values: Any) -> None:
    connection.execute(update(t.deliveries).where(_C.id == row.id).values(**values))


def _let_go(connection: Connection, row: Delivery) -> None:
    """Forget when a row was to be tried again: it is over, whichever way."""
    connection.execute(_LET_GO, {"scope": _scope_of_row(row.id)})


def _scope_of_row(delivery: str) -> str:
    return f"row:{delivery}"


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        kind=CardKind(row.kind),
        about=row.about,
        place=place_of(row),
        wanted=row.wanted,
        sent=row.sent,
        attempts=row.attempts,
        since=row.next_at,
        code=row.code,
        facts=row.facts,
        channel=row.channel,
        ts=row.ts,
        sending_since=row.sending_since,
    )
