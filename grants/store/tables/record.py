"""The installation, what came in, policy versions, the record and the outbox."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, Table, text

from grants.outbox.model import CardKind, PlaceKind
from grants.store.tables.base import metadata, one_of, only_row, text_column
from grants.store.types import JsonText, PlainText, Sequence, UtcMicros

installation = Table(
    "installation",
    metadata,
    only_row(),
    text_column("id"),
    Column("made_at", UtcMicros, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
)

# Beside Alembic's own table: which older code may go on while the schema stands at a revision.
schema_fits = Table(
    "schema_fits",
    metadata,
    Column("schema_revision", PlainText, primary_key=True),
    Column("code_revision", PlainText, primary_key=True),
)

inbound = Table(
    "inbound",
    metadata,
    Column("key", PlainText, primary_key=True),
    Column("at", UtcMicros, nullable=False, index=True),
)
policies = Table(
    "policies",
    metadata,
    Column("digest", PlainText, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("at", UtcMicros, nullable=False),
)

record_order = Table(
    "record_order",
    metadata,
    only_row(),
    Column("number", BigInteger, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
)

events = Table(
    "events",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", PlainText, nullable=False, unique=True),
    text_column("type"),
    Column("schema", Integer, nullable=False),
    Column("at", UtcMicros, nullable=False),
    text_column("actor"),
    Column("recipient", PlainText),
    Column("request", PlainText),
    Column("grant_id", PlainText),
    Column("canonical", LargeBinary, nullable=False),
    CheckConstraint("number > 0", name="number"),
    Index(None, "request"),
    Index(None, "grant_id"),
    Index(None, "actor"),
    # The last of a kind is asked for at each start, and may lie a million events back.
    Index(None, "type", "number"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("id", PlainText, nullable=False, unique=True),
    text_column("kind"),
    text_column("about"),
    text_column("place_kind"),
    text_column("place_ref"),
    Column("wanted", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    text_column("code"),
    Column("facts", JsonText, nullable=False),
    Column("channel", PlainText),
    Column("ts", PlainText),
    Column("sending_since", UtcMicros),
    # Since when the wanted version waits; when a row is tried again stands in `delivery_holds`.
    Column("next_at", UtcMicros, nullable=False),
    Column("claimed_until", UtcMicros),
    text_column("problem"),
    one_of("kind", CardKind, "kind"),
    one_of("place_kind", PlaceKind, "place_kind"),
    CheckConstraint("sent >= 0 AND sent <= wanted AND dropped <= wanted", name="versions"),
    CheckConstraint("(kind = 'notice') = (code <> '')", name="code"),
    Index(None, "about"),
)
# A card stands once at a place; a notice may be told again.
Index(
    "uq_deliveries_card",
    deliveries.c.kind,
    deliveries.c.about,
    deliveries.c.place_kind,
    deliveries.c.place_ref,
    unique=True,
    sqlite_where=text("kind <> 'notice'"),
    postgresql_where=text("kind <> 'notice'"),
)
Index(
    "ix_deliveries_due",
    deliveries.c.next_at,
    sqlite_where=text("wanted > sent AND wanted > dropped"),
    postgresql_where=text("wanted > sent AND wanted > dropped"),
)

# Until when nothing is sent in a scope (all, first sends, changes, a place, a row).
delivery_holds = Table(
    "delivery_holds",
    metadata,
    Column("scope", PlainText, primary_key=True),
    Column("until", UtcMicros, nullable=False),
)
