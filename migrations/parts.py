"""What revisions are written with. A revision that has been released must go on to make the same.

Add to this; never change what is made.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from alembic import op

NOTHING: Mapping[str, str] = MappingProxyType({})


def _columns(kind: Any, names: tuple[str, ...], *, null: bool) -> "list[sa.Column[Any]]":
    return [sa.Column(name, kind, nullable=null, autoincrement=False) for name in names]


def texts(*names: str, null: bool = False) -> "list[sa.Column[Any]]":
    """Give columns of text."""
    return _columns(sa.Text(), names, null=null)


def longs(*names: str, null: bool = False) -> "list[sa.Column[Any]]":
    """Give columns of 64-bit integers: numbers, times and durations in microseconds."""
    return _columns(sa.BigInteger(), names, null=null)


def ints(*names: str) -> "list[sa.Column[Any]]":
    """Give columns of small integers."""
    return _columns(sa.Integer(), names, null=False)


def flags(*names: str) -> "list[sa.Column[Any]]":
    """Give columns of yes or no."""
    return _columns(sa.Boolean(), names, null=False)


def blobs(*names: str) -> "list[sa.Column[Any]]":
    """Give columns of bytes."""
    return _columns(sa.LargeBinary(), names, null=False)


def seq() -> "sa.Column[Any]":
    """Give a key that counts up by itself."""
    # SQLite gives automatic numbers only to a column of exactly the type INTEGER.
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("seq", number, autoincrement=True, nullable=False)


def table(
    name: str,
    columns: "list[sa.Column[Any]]",
    *,
    key: str,
    unique: tuple[str, ...] = (),
    refers: Mapping[str, str] = NOTHING,
    words: Mapping[str, str] = NOTHING,
    checks: Mapping[str, str] = NOTHING,
) -> None:
    """Make a table; columns are named in one string, `words` are what a column may hold."""
    listed = {column: _one_of(column, allowed) for column, allowed in words.items()}
    op.create_table(
        name,
        *columns,
        sa.PrimaryKeyConstraint(*key.split(), name=op.f(f"pk_{name}")),
        *(
            sa.UniqueConstraint(*each.split(), name=op.f(f"uq_{name}_{each.replace(' ', '_')}"))
            for each in unique
        ),
        *(
            sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{name}_{column}"))
            for target, from_columns in refers.items()
            for column in from_columns.split()
        ),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_{name}_{check}"))
            for check, condition in {**listed, **checks}.items()
        ),
    )


def index(name: str, table: str, columns: str, *, unique: bool = False, where: str = "") -> None:
    """Make an index, of all rows or of those where a condition holds."""
    partial: dict[str, Any] = {}
    if where:
        partial = {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}
    op.create_index(op.f(name), table, columns.split(), unique=unique, **partial)


def words(table: str, column: str, allowed: str) -> None:
    """Change what a column of words may hold; rows that hold another must be gone."""
    name = f"ck_{table}_{column}"
    condition = _one_of(column, allowed)
    if op.get_bind().dialect.name == "sqlite":
        _rebuild(table, name, condition)
        return
    op.drop_constraint(op.f(name), table, type_="check")
    op.create_check_constraint(op.f(name), table, sa.text(condition))


def _one_of(column: str, allowed: str) -> str:
    return f"{column} IN ({', '.join(map(repr, allowed.split()))})"


def _rebuild(table: str, check: str, condition: str) -> None:
    """SQLite can't alter a check: a table with the new one takes the rows and the name."""
    bind = op.get_bind()
    listed = "SELECT sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL AND type = "
    made = bind.execute(sa.text(f"{listed} 'table'"), {"table": table}).scalar_one()
    indexes = bind.execute(sa.text(f"{listed} 'index'"), {"table": table}).scalars().all()
    new = re.sub(rf"(CONSTRAINT {check} CHECK) \(.*\)(?=,? *\n)", rf"\1 ({condition})", made)
    # A table that was renamed once stands there in quotes.
    bind.exec_driver_sql(re.sub(rf'^CREATE TABLE "?{table}"? ', f"CREATE TABLE {table}_new ", new))
    bind.exec_driver_sql(f"INSERT INTO {table}_new SELECT * FROM {table}")  # noqa: S608 -- a revision's own name
    bind.exec_driver_sql(f"DROP TABLE {table}")
    bind.exec_driver_sql(f"ALTER TABLE {table}_new RENAME TO {table}")
    for index_made in indexes:
        bind.exec_driver_sql(index_made)


def may_go_on(revision: str, *code: str) -> None:
    """Declare which older code may go on with the schema of this revision, all of it by name.

    Say so only when that code can neither misread what is new nor write what is wrong here: the
    schema adds what it never asks for, and every new column has a default.
    """
    for each in code:
        op.execute(_fits().insert().values(schema_revision=revision, code_revision=each))


def _fits() -> sa.TableClause:
    return sa.table("schema_fits", sa.column("schema_revision"), sa.column("code_revision"))
