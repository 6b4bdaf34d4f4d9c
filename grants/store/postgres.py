"""PostgreSQL, opened so that every wait ends: for a lock, a statement, an answer, a connection."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event

from grants.store.errors import READ_ONLY
from grants.store.sqlite import POOL

T = TypeVar("T")

_BEGIN: Final = "valetkey_begin"
_WRITE: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
_READ: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_ANSWER_MARGIN: Final = timedelta(milliseconds=500)


@dataclass(frozen=True)
class Waits:
    """How long is waited for what, all from one patience.

    `lock` for a row or table that another holds; `statement` for one statement with its locks;
    `begin` for an answer that needs no lock; `answer` for any other (a server or a relay that
    hangs keeps connections open and says nothing: no time-out of the server's own helps then);
    `idle` until the server ends a writing transaction whose owner says nothing: a process that is
    stopped in the middle of one keeps everybody from writing for so long. `idle_reading` may be
    long, because a reader is in nobody's way.
    """

    lock: timedelta
    statement: timedelta
    begin: timedelta
    answer: timedelta
    idle: timedelta
    idle_reading: timedelta

    @classmethod
    def of(cls, patience: timedelta) -> Self:
        """Give the waits that follow from a patience."""
        statement = 2 * patience
        return cls(
            lock=patience,
            statement=statement,
            begin=patience,
            answer=statement + _ANSWER_MARGIN,
            idle=2 * patience,
            idle_reading=12 * patience,
        )

    def begun(self, begin: str) -> str:
        """Give the one message that begins a transaction with its time-outs.

        They are set for the transaction alone: a pooler may refuse them at the connection's start,
        and may give the connection to somebody else after the commit. In one message with BEGIN
        they cost no round trip.
        """
        limits = {
            "lock_timeout": self.lock,
            "statement_timeout": self.statement,
            "idle_in_transaction_session_timeout": self.idle_reading
            if begin == _READ
            else self.idle,
        }
        sets = (f"SET LOCAL {name} = {_ms(limit)}" for name, limit in limits.items())
        return "; ".join((begin, *sets))


class NoAnswerError(psycopg.OperationalError):
    """The server said nothing for too long; the connection has been dropped."""


class _Cursor(psycopg.Cursor[Any]):
    """Never prepares what begins a transaction: several statements can't be prepared as one."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        if params is None and isinstance(query, str) and query.startswith("BEGIN"):
            options["prepare"] = False
        return super().execute(query, params, **options)


class _PatientConnection(psycopg.Connection[Any]):
    """A connection that waits for no answer longer than `waits` allows."""

    waits: Waits = Waits.of(timedelta(seconds=5))

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is None:
            idle = self.pgconn.transaction_status == TransactionStatus.IDLE
            timeout = (self.waits.begin if idle else self.waits.answer).total_seconds()
        try:
            return super().wait(gen, interval, timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            # An answer is still owed: nothing more can be asked on this connection.
            self.pgconn.finish()
            raise NoAnswerError("no answer in time") from None


def postgres_engine(url: URL, patience: timedelta) -> Engine:
    """Make the engine for writing; `read_only` makes the one that can't write from it.

    `prepared_statements=off` in the URL's query is for poolers that know none.
    """
    waits = Waits.of(patience)
    prepared = url.query.get("prepared_statements", "on") != "off"
    engine = create_engine(
        url.difference_update_query(["prepared_statements"]),
        hide_parameters=True,
        use_native_hstore=False,
        pool_size=POOL,
        max_overflow=POOL,
        pool_timeout=patience.total_seconds(),
        # The one used last knows the tables and has the statements prepared. In turns, each of
        # twenty would be strange to a statement five times before it is.
        pool_use_lifo=True,
        connect_args=_arguments(waits) | ({} if prepared else {"prepare_threshold": None}),
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, args: Any, named: Any) -> Any:
        return _connected(waits, args, named)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        begin = connection.get_execution_options().get(_BEGIN, _WRITE)
        connection.exec_driver_sql(waits.begun(begin))

    @event.listens_for(engine, "handle_error")
    def _failed(context: ExceptionContext) -> None:
        if _is_demoted(context):
            # The writer is another server by now: all connections to this one are of no use.
            context.is_disconnect = True

    return engine


def _is_demoted(context: ExceptionContext) -> bool:
    """Tell whether a server refuses to write in a transaction that was begun for writing."""
    if getattr(context.original_exception, "sqlstate", None) != READ_ONLY:
        return False
    connection = context.connection
    return connection is not None and _BEGIN not in connection.get_execution_options()


def read_only(engine: Engine) -> Engine:
    """Give an engine on the same connections whose transactions see one moment and can't write."""
    return engine.execution_options(**{_BEGIN: _READ})


def _arguments(waits: Waits) -> dict[str, Any]:
    return {
        # The driver waits at least two seconds, for each host that the URL names.
        "connect_timeout": max(2, int(waits.begin.total_seconds())),
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": _ms(waits.answer),
        "application_name": "valetkey",
        "cursor_factory": _Cursor,
    }


def _connected(waits: Waits, args: Any, named: Any) -> _PatientConnection:
    connection = _PatientConnection.connect(*args, **named)
    connection.waits = waits
    # The driver's own BEGIN would be a round trip of its own: we begin ourselves.
    connection.autocommit = True
    return connection


def _ms(limit: timedelta) -> int:
    return int(limit.total_seconds() * 1000)
