"""The tables. Constraints repeat the vital rules of the models, so that no bug can break them.

Names and emails, reasons, terms and proofs stand in tables apart from `events`, which hold ids
and digests only: erasing a text never touches the log.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from grants.access.model import Cause, GrantState, ProofKind, RequestState, Verdict
from grants.outbox.model import CardKind, PlaceKind
from grants.people.model import AttemptStep
from grants.store.types import JsonText, Micros, PlainText, Sequence, UtcMicros

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, words: Iterable[str], name: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(str(w)) for w in words)})", name=name)


def _id() -> "Column[str]":
    return Column("id", PlainText, primary_key=True)


def _person(name: str) -> "Column[str]":
    return Column(name, PlainText, ForeignKey("people.id"), nullable=False)


def _only_row() -> "Column[int]":
    return Column("one", Integer, primary_key=True, autoincrement=False)


def _text(name: str) -> "Column[str]":
    return Column(name, PlainText, nullable=False)


installation = Table(
    "installation",
    metadata,
    _only_row(),
    _text("id"),
    Column("made_at", UtcMicros, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
)

inbound = Table(
    "inbound",
    metadata,
    Column("key", PlainText, primary_key=True),
    Column("at", UtcMicros, nullable=False, index=True),
)

people = Table(
    "people",
    metadata,
    _id(),
    _text("issuer"),
    _text("subject"),
    Column("at", UtcMicros, nullable=False),
    UniqueConstraint("issuer", "subject"),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    _id(),
    _person("person"),
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
    _text("name"),
    Column("email", PlainText),
    Column("email_verified", Boolean, nullable=False),
)

emails = Table(
    "emails",
    metadata,
    Column("email", PlainText, primary_key=True),
    _person("person"),
    Column("at", UtcMicros, nullable=False),
    Index(None, "person"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("team", PlainText, primary_key=True),
    Column("user", PlainText, primary_key=True),
    _person("person"),
    Column("at", UtcMicros, nullable=False),
    Index(None, "person"),
)

attempts = Table(
    "attempts",
    metadata,
    _id(),
    Column("version", BigInteger, nullable=False),
    _text("team"),
    _text("user"),
    Column("secret_digest", PlainText, nullable=False, unique=True),
    _text("step"),
    Column("expires_at", UtcMicros, nullable=False),
    Column("browser_digest", PlainText),
    Column("link", Boolean, nullable=False),
    Column("draft", PlainText),
    Column("slack", JsonText, nullable=False),
    Column("company", JsonText, nullable=False),
    _one_of("step", AttemptStep, "step"),
    CheckConstraint("version > 0", name="version"),
)

sessions = Table(
    "sessions",
    metadata,
    _id(),
    Column("secret_digest", PlainText, nullable=False, unique=True),
    _person("person"),
    Column("created_at", UtcMicros, nullable=False),
    Column("expires_at", UtcMicros, nullable=False),
    Index(None, "person"),
)

policies = Table(
    "policies",
    metadata,
    Column("digest", PlainText, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("at", UtcMicros, nullable=False),
)

clusters = Table(
    "clusters",
    metadata,
    Column("alias", PlainText, primary_key=True),
    _text("uid"),
    Column("at", UtcMicros, nullable=False),
)

subject_names = Table(
    "subject_names",
    metadata,
    Column("cluster_uid", PlainText, primary_key=True),
    Column("name", PlainText, primary_key=True),
    _person("person"),
    Index(None, "person"),
)

roles = Table(
    "roles",
    metadata,
    Column("digest", PlainText, primary_key=True),
    _text("kind"),
    _text("name"),
    Column("rules", JsonText, nullable=False),
    Column("read_at", UtcMicros, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    _id(),
    Column("version", BigInteger, nullable=False),
    _text("state"),
    _person("requester"),
    _person("recipient"),
    Column("salt", LargeBinary, nullable=False),
    Column("groups", JsonText, nullable=False),
    _text("policy_digest"),
    Column("created_at", UtcMicros, nullable=False, index=True),
    Column("pending_until", UtcMicros, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("stages", Integer, nullable=False),
    Column("closed_at", UtcMicros),
    _text("closed_detail"),
    _one_of("state", RequestState, "state"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint("stage >= 0 AND stages > 0", name="stage"),
    CheckConstraint("(closed_at IS NULL) = (state IN ('draft', 'pending'))", name="closed"),
    Index(None, "requester"),
    Index(None, "recipient"),
)
Index(
    "ix_requests_open",
    requests.c.pending_until,
    sqlite_where=text("state IN ('draft', 'pending')"),
    postgresql_where=text("state IN ('draft', 'pending')"),
)

items = Table(
    "items",
    metadata,
    _id(),
    Column("request", PlainText, ForeignKey("requests.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    _text("cluster_uid"),
    _text("cluster"),
    Column("namespace", PlainText),
    _text("role_kind"),
    _text("role_name"),
    _text("role_digest"),
    _text("subject"),
    Column("duration", Micros, nullable=False),
    _text("reason"),
    _text("entitlement"),
    UniqueConstraint("request", "ordinal"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("id", PlainText, nullable=False, unique=True),
    Column("request", PlainText, ForeignKey("requests.id"), nullable=False),
    Column("stage", Integer, nullable=False),
    _person("approver"),
    _text("verdict"),
    Column("at", UtcMicros, nullable=False),
    _text("terms_hash"),
    _text("sign_in"),
    _text("reason"),
    UniqueConstraint("request", "stage", "approver"),
    _one_of("verdict", Verdict, "verdict"),
)

grants = Table(
    "grants",
    metadata,
    _id(),
    Column("version", BigInteger, nullable=False),
    _text("state"),
    Column("request", PlainText, ForeignKey("requests.id"), nullable=False),
    Column("item", PlainText, ForeignKey("items.id"), nullable=False, unique=True),
    _person("requester"),
    _person("recipient"),
    Column("approvers", JsonText, nullable=False),
    _text("cluster_uid"),
    _text("cluster"),
    Column("namespace", PlainText),
    _text("role_kind"),
    _text("role_name"),
    _text("role_digest"),
    _text("subject"),
    Column("groups", JsonText, nullable=False),
    _text("entitlement"),
    Column("duration", Micros, nullable=False),
    Column("created_at", UtcMicros, nullable=False),
    Column("activate_until", UtcMicros, nullable=False),
    Column("due_at", UtcMicros, nullable=False),
    _text("binding_name"),
    Column("binding_uid", PlainText),
    Column("expires_at", UtcMicros),
    Column("active_at", UtcMicros),
    Column("revoking_at", UtcMicros),
    Column("ended_at", UtcMicros),
    Column("cause", PlainText),
    _text("cause_detail"),
    Column("ended_by", PlainText),
    _text("end_reason"),
    Column("attempts", Integer, nullable=False),
    _text("problem"),
    Column("failing_since", UtcMicros),
    Column("stuck", Boolean, nullable=False),
    Column("warned", Boolean, nullable=False),
    Column("claimed_by", PlainText),
    Column("claimed_until", UtcMicros),
    _one_of("state", GrantState, "state"),
    _one_of("cause", Cause, "cause"),
    CheckConstraint("version > 0", name="version"),
    CheckConstraint(
        "state <> 'active' OR (binding_uid IS NOT NULL AND expires_at IS NOT NULL)",
        name="active",
    ),
    CheckConstraint(
        "state NOT IN ('revoking', 'ended') OR cause IS NOT NULL",
        name="caused",
    ),
    CheckConstraint("(ended_at IS NOT NULL) = (state = 'ended')", name="ended"),
    Index(None, "request"),
    Index(None, "requester"),
    Index(None, "recipient"),
)
Index(
    "ix_grants_due",
    grants.c.due_at,
    sqlite_where=text("state <> 'ended'"),
    postgresql_where=text("state <> 'ended'"),
)
# One binding realises one grant.
Index(
    "uq_grants_binding",
    grants.c.cluster_uid,
    grants.c.binding_uid,
    unique=True,
    sqlite_where=text("binding_uid IS NOT NULL"),
    postgresql_where=text("binding_uid IS NOT NULL"),
)

proofs = Table(
    "proofs",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("id", PlainText, nullable=False, unique=True),
    Column("grant_id", PlainText, ForeignKey("grants.id"), nullable=False),
    _text("kind"),
    Column("at", UtcMicros, nullable=False),
    Column("binding_uid", PlainText),
    Column("seen", JsonText, nullable=False),
    Column("unsampled", Integer, nullable=False),
    Column("notes", JsonText, nullable=False),
    _one_of("kind", ProofKind, "kind"),
    Index(None, "grant_id", "kind"),
)

record_order = Table(
    "record_order",
    metadata,
    _only_row(),
    Column("number", BigInteger, nullable=False),
    CheckConstraint("one = 1", name="one_row"),
)

events = Table(
    "events",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", PlainText, nullable=False, unique=True),
    _text("type"),
    Column("schema", Integer, nullable=False),
    Column("at", UtcMicros, nullable=False),
    _text("actor"),
    Column("recipient", PlainText),
    Column("request", PlainText),
    Column("grant_id", PlainText),
    Column("canonical", LargeBinary, nullable=False),
    CheckConstraint("number > 0", name="number"),
    Index(None, "request"),
    Index(None, "grant_id"),
    Index(None, "actor"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("id", PlainText, nullable=False, unique=True),
    _text("kind"),
    _text("about"),
    _text("place_kind"),
    _text("place_ref"),
    Column("wanted", BigInteger, nullable=False),
    Column("sent", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    _text("code"),
    Column("facts", JsonText, nullable=False),
    Column("channel", PlainText),
    Column("ts", PlainText),
    Column("sending_since", UtcMicros),
    Column("next_at", UtcMicros, nullable=False),
    Column("claimed_until", UtcMicros),
    _text("problem"),
    _one_of("kind", CardKind, "kind"),
    _one_of("place_kind", PlaceKind, "place_kind"),
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
