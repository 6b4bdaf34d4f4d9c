"""What clusters held: looks at them, and each object in versions from one look until another."""

from sqlalchemy import CheckConstraint, Column, Index, Table, text

from grants.store.tables.base import metadata, text_column
from grants.store.types import JsonText, PlainText, Sequence, UtcMicros

inventory_looks = Table(
    "inventory_looks",
    metadata,
    Column("cluster", PlainText, primary_key=True),
    Column("at", UtcMicros, primary_key=True),
    # kube-system's, "" where it was not seen: an alias may come to lead elsewhere.
    text_column("cluster_uid"),
    Column("seen", JsonText, nullable=False),
    Column("problems", JsonText, nullable=False),
)

inventory_objects = Table(
    "inventory_objects",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    text_column("cluster"),
    text_column("kind"),
    # Namespace and name as JSON: names from outside may hold what no column takes.
    text_column("key"),
    text_column("digest"),
    text_column("body"),
    Column("from_at", UtcMicros, nullable=False),
    Column("to_at", UtcMicros),
    CheckConstraint("to_at IS NULL OR from_at < to_at", name="order"),
    Index(None, "cluster", "kind", "key", "from_at", unique=True),
    Index(None, "cluster", "to_at"),
)
# Of each object one version is of now.
Index(
    "uq_inventory_objects_now",
    inventory_objects.c.cluster,
    inventory_objects.c.kind,
    inventory_objects.c.key,
    unique=True,
    sqlite_where=text("to_at IS NULL"),
    postgresql_where=text("to_at IS NULL"),
)
