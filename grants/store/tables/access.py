"""Requests, decisions, grants and proofs. Reasons and terms stand here alone."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    text,
)

from grants.access.model import Cause, GrantState, ProofKind, RequestState, Verdict
from grants.store.tables.base import id_column, metadata, one_of, person_column, text_column
from grants.store.types import JsonText, Micros, PlainText, Sequence, UtcMicros

clusters = Table(
    "clusters",
    metadata,
    Column("alias", PlainText, primary_key=True),
    text_column("uid"),
    Column("at", UtcMicros, nullable=False),
    Column("problem", PlainText, nullable=False, server_default=text("''")),
    Column("failing_since", UtcMicros),
    Column("looked_at", UtcMicros),
)

subject_names = Table(
    "subject_names",
    metadata,
    Column("cluster_uid", PlainText, primary_key=True),
    Column("name", PlainText, primary_key=True),
    person_column("person"),
    Index(None, "person"),
)

roles = Table(
    "roles",
    metadata,
    Column("digest", PlainText, primary_key=True),
    text_column("kind"),
    text_column("name"),
    Column("rules", JsonText, nullable=False),
    Column("read_at", UtcMicros, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    id_column(),
    Column("version", BigInteger, nullable=False),
    text_column("state"),
    person_column("requester"),
    person_column("recipient"),
    Column("salt", LargeBinary, nullable=False),
    Column("groups", JsonText, nullable=False),
    text_column("policy_digest"),
    Column("created_at", UtcMicros, nullable=False, index=True),
    Column("pending_until", UtcMicros, nullable=False),
    Column("stage", Integer, nullable=False),
    Column("stages", Integer, nullable=False),
    Column("closed_at", UtcMicros),
    text_column("closed_detail"),
    one_of("state", RequestState, "state"),
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
    id_column(),
    Column("request", PlainText, ForeignKey("requests.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    text_column("cluster_uid"),
    text_column("cluster"),
    Column("namespace", PlainText),
    text_column("role_kind"),
    text_column("role_name"),
    text_column("role_digest"),
    text_column("subject"),
    Column("duration", Micros, nullable=False),
    text_column("reason"),
    text_column("entitlement"),
    UniqueConstraint("request", "ordinal"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("id", PlainText, nullable=False, unique=True),
    Column("request", PlainText, ForeignKey("requests.id"), nullable=False),
    Column("stage", Integer, nullable=False),
    person_column("approver"),
    text_column("verdict"),
    Column("at", UtcMicros, nullable=False),
    text_column("terms_hash"),
    text_column("sign_in"),
    text_column("reason"),
    UniqueConstraint("request", "stage", "approver"),
    one_of("verdict", Verdict, "verdict"),
)

grants = Table(
    "grants",
    metadata,
    id_column(),
    Column("version", BigInteger, nullable=False),
    text_column("state"),
    Column("request", PlainText, ForeignKey("requests.id"), nullable=False),
    Column("item", PlainText, ForeignKey("items.id"), nullable=False, unique=True),
    person_column("requester"),
    person_column("recipient"),
    Column("approvers", JsonText, nullable=False),
    text_column("cluster_uid"),
    text_column("cluster"),
    Column("namespace", PlainText),
    text_column("role_kind"),
    text_column("role_name"),
    text_column("role_digest"),
    text_column("subject"),
    Column("groups", JsonText, nullable=False),
    text_column("entitlement"),
    Column("duration", Micros, nullable=False),
    Column("created_at", UtcMicros, nullable=False, index=True),
    Column("activate_until", UtcMicros, nullable=False),
    Column("due_at", UtcMicros, nullable=False),
    text_column("binding_name"),
    Column("binding_uid", PlainText),
    Column("expires_at", UtcMicros),
    Column("active_at", UtcMicros),
    Column("revoking_at", UtcMicros),
    Column("ended_at", UtcMicros),
    Column("cause", PlainText),
    text_column("cause_detail"),
    Column("ended_by", PlainText),
    text_column("end_reason"),
    Column("attempts", Integer, nullable=False),
    text_column("problem"),
    Column("failing_since", UtcMicros),
    Column("stuck", Boolean, nullable=False),
    Column("warned", Boolean, nullable=False),
    Column("claimed_by", PlainText),
    Column("claimed_until", UtcMicros),
    Column("role_now", PlainText, nullable=False, server_default=text("''")),
    one_of("state", GrantState, "state"),
    one_of("cause", Cause, "cause"),
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
    text_column("kind"),
    Column("at", UtcMicros, nullable=False),
    Column("binding_uid", PlainText),
    Column("seen", JsonText, nullable=False),
    Column("unsampled", Integer, nullable=False),
    Column("notes", JsonText, nullable=False),
    one_of("kind", ProofKind, "kind"),
    Index(None, "grant_id", "kind"),
)
