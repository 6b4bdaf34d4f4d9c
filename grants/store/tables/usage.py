"""What was seen of clusters in their audit logs: who did what, and when anything was seen."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table

from grants.store.tables.base import metadata, text_column
from grants.store.types import PlainText, UtcMicros

# The key is a digest, because an index can't hold all the texts that make an act.
usage = Table(
    "usage",
    metadata,
    Column("key", PlainText, primary_key=True),
    # What it becomes one row with, once there are too many; "" for what stands alone.
    text_column("family"),
    text_column("cluster"),
    text_column("user"),
    text_column("via"),
    text_column("verb"),
    text_column("api_group"),
    text_column("resource"),
    text_column("subresource"),
    text_column("namespace"),
    text_column("name"),
    text_column("path"),
    Column("allowed", Boolean, nullable=False),
    text_column("reason"),
    Column("first_at", UtcMicros, nullable=False),
    Column("last_at", UtcMicros, nullable=False, index=True),
    Column("count", BigInteger, nullable=False),
    CheckConstraint("first_at <= last_at", name="order"),
    Index(None, "cluster", "user"),
    Index(None, "family"),
)

# A bit for each minute of the hour in which anything was seen.
usage_hours = Table(
    "usage_hours",
    metadata,
    Column("cluster", PlainText, primary_key=True),
    Column("hour_at", UtcMicros, primary_key=True),
    Column("minutes", BigInteger, nullable=False),
)

# A bit for each day of the month (bits 1 to 31) on which that kind was seen.
usage_months = Table(
    "usage_months",
    metadata,
    Column("cluster", PlainText, primary_key=True),
    Column("verb_class", PlainText, primary_key=True),
    Column("api_group", PlainText, primary_key=True),
    Column("resource", PlainText, primary_key=True),
    Column("whose", PlainText, primary_key=True),
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("days", BigInteger, nullable=False),
)

usage_losses = Table(
    "usage_losses",
    metadata,
    Column("cluster", PlainText, primary_key=True),
    Column("hour_at", UtcMicros, primary_key=True),
    Column("word", PlainText, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
