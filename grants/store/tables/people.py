"""Who somebody is. Names and emails stand here alone."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    UniqueConstraint,
)

from grants.people.model import AttemptStep
from grants.store.tables.base import id_column, metadata, one_of, person_column, text_column
from grants.store.types import JsonText, PlainText, UtcMicros

people = Table(
    "people",
    metadata,
    id_column(),
    text_column("issuer"),
    text_column("subject"),
    Column("at", UtcMicros, nullable=False),
    UniqueConstraint("issuer", "subject"),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    id_column(),
    person_column("person"),
    Column("at", UtcMicros, nullable=False),
    Column("auth_time", UtcMicros, nullable=False),
    Column("groups", JsonText),
    Column("acr", PlainText),
    Column("amr", JsonText, nullable=False),
    Column("claims", JsonText, nullable=False),
    Index(None, "person"),
)

profiles = Table(
    "profiles",
    metadata,
    Column("person", PlainText, ForeignKey("people.id"), primary_key=True),
    Column("sign_in", PlainText, ForeignKey("sign_ins.id"), nullable=False),
    text_column("name"),
    Column("email", PlainText),
    Column("email_verified", Boolean, nullable=False),
)

emails = Table(
    "emails",
    metadata,
    Column("email", PlainText, primary_key=True),
    person_column("person"),
    Column("at", UtcMicros, nullable=False),
    Index(None, "person"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("team", PlainText, primary_key=True),
    Column("user", PlainText, primary_key=True),
    person_column("person"),
    Column("at", UtcMicros, nullable=False),
    Index(None, "person"),
)

attempts = Table(
    "attempts",
    metadata,
    id_column(),
    Column("version", BigInteger, nullable=False),
    text_column("team"),
    text_column("user"),
    Column("secret_digest", PlainText, nullable=False, unique=True),
    text_column("step"),
    Column("expires_at", UtcMicros, nullable=False),
    Column("browser_digest", PlainText),
    Column("link", Boolean, nullable=False),
    Column("draft", PlainText),
    Column("slack", JsonText, nullable=False),
    Column("company", JsonText, nullable=False),
    one_of("step", AttemptStep, "step"),
    CheckConstraint("version > 0", name="version"),
)

sessions = Table(
    "sessions",
    metadata,
    id_column(),
    Column("secret_digest", PlainText, nullable=False, unique=True),
    person_column("person"),
    Column("created_at", UtcMicros, nullable=False),
    Column("expires_at", UtcMicros, nullable=False),
    Index(None, "person"),
)
