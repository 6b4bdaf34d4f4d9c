"""Column types: the one place where values change form on their way to a database."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)

# SQLite gives automatic numbers only to a column of exactly this type.
Sequence = BigInteger().with_variant(Integer(), "sqlite")


def as_micros(at: datetime) -> int:
    """Give an aware time as microseconds since 1970; a naive one is refused."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Give microseconds since 1970 as an aware time in UTC."""
    return EPOCH + timedelta(microseconds=micros)


class UtcMicros(TypeDecorator[datetime]):
    """Aware UTC in code, integer microseconds in the database: exact, sortable, without zones."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Write a time."""
        return None if value is None else as_micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Read a time."""
        return None if value is None else from_micros(int(value))


class Micros(TypeDecorator[timedelta]):
    """A duration as integer microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Write a duration."""
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> timedelta | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Read a duration."""
        return None if value is None else timedelta(microseconds=int(value))


class JsonText(TypeDecorator[Any]):
    """JSON as text with sorted keys: one form on both databases, also for NUL and surrogates."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Write a JSON value; NaN and unknown types are refused."""
        return None if value is None else json_text(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:  # noqa: ARG002 -- SQLAlchemy's signature
        """Read a JSON value."""
        return None if value is None else json.loads(value)


class PlainText(TypeDecorator[str]):
    """Text that both databases can hold: PostgreSQL takes no NUL, neither takes half a character.

    What people type is checked long before; this refuses in the same way whatever slips through.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 -- SQLAlchemy's signature
        """Write a text."""
        return None if value is None else storable(value)


def storable(text: str) -> str:
    """Give the text back, or ValueError when it holds NUL or a lone surrogate."""
    if "\x00" in text:
        raise ValueError("text with NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("text with half a character") from None
    return text


def json_text(value: Any) -> str:
    """Give the one text of a JSON value: sorted keys, no spaces, ASCII alone."""
    return _JSON.encode(value)
