"""What the tables share: their names' form, and columns that many have."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData

from grants.store.types import PlainText

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, words: Iterable[str], name: str) -> CheckConstraint:
    """Give the constraint that a column holds one of some words."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(str(w)) for w in words)})", name=name)


def id_column() -> "Column[str]":
    """Give the key of a row that has an id."""
    return Column("id", PlainText, primary_key=True)


def person_column(name: str) -> "Column[str]":
    """Give a column that names a person."""
    return Column(name, PlainText, ForeignKey("people.id"), nullable=False)


def only_row() -> "Column[int]":
    """Give the key of a table that has one row, 1."""
    return Column("one", Integer, primary_key=True, autoincrement=False)


def text_column(name: str) -> "Column[str]":
    """Give a text that is always there."""
    return Column(name, PlainText, nullable=False)
