"""What reviews knew of findings."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table

from grants.store.tables.base import metadata, text_column
from grants.store.types import JsonText, PlainText, UtcMicros

review_findings = Table(
    "review_findings",
    metadata,
    Column("key", PlainText, primary_key=True),
    Column("cluster", PlainText, nullable=False, index=True),
    text_column("rule"),
    # As JSON: names from outside may hold what no column takes.
    Column("subject", JsonText, nullable=False),
    Column("first_at", UtcMicros, nullable=False),
    Column("resolved_at", UtcMicros),
    CheckConstraint("resolved_at IS NULL OR first_at <= resolved_at", name="order"),
)

review_details = Table(
    "review_details",
    metadata,
    Column("key", PlainText, primary_key=True),
    text_column("cluster"),
    # How much it presses, so that a list of the worst need not read every body.
    Column("weight", Integer, nullable=False),
    # What people heard of it last: nothing, that it is there, or that it is gone.
    text_column("told"),
    text_column("body"),
    CheckConstraint("told IN ('', 'there', 'gone')", name="told"),
    Index(None, "cluster", "weight"),
)
