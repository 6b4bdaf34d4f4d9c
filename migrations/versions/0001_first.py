"""Everything that the main job needs, the record append-only from the first day."""

import time

import sqlalchemy as sa
from alembic import op

from grants.ids import Prefix, new_id

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# REPLACE deletes without a delete trigger, so inserting checks number and id as well.
SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER events_in_order BEFORE INSERT ON events
    WHEN NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM events)
      OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'events are numbered without gaps'); END
    """,
    """
    CREATE TRIGGER events_not_updated BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """,
    """
    CREATE TRIGGER events_not_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are append-only'); END
    """,
)

POSTGRES_TRIGGERS = (
    """
    CREATE FUNCTION events_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.number IS DISTINCT FROM (SELECT coalesce(max(number), 0) + 1 FROM events) THEN
        RAISE EXCEPTION 'events are numbered without gaps' USING ERRCODE = 'integrity_constraint_violation';
      END IF;
      RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION events_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER events_in_order BEFORE INSERT ON events
    FOR EACH ROW EXECUTE FUNCTION events_in_order()
    """,
    """
    CREATE TRIGGER events_not_changed BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_append_only()
    """,
    """
    CREATE TRIGGER events_not_truncated BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_append_only()
    """,
)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("secret_digest", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("browser_digest", sa.Text(), nullable=True),
        sa.Column("link", sa.Boolean(), nullable=False),
        sa.Column("draft", sa.Text(), nullable=True),
        sa.Column("slack", sa.Text(), nullable=False),
        sa.Column("company", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "step IN ('offered', 'opened', 'slack-proven', 'done', 'refused')",
            name="ck_attempts_step",
        ),
        sa.CheckConstraint("version > 0", name="ck_attempts_version"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint("secret_digest", name="uq_attempts_secret_digest"),
    )


def _clusters() -> None:
    op.create_table(
        "clusters",
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alias", name="pk_clusters"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("place_kind", sa.Text(), nullable=False),
        sa.Column("place_ref", sa.Text(), nullable=False),
        sa.Column("wanted", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.Column("sending_since", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.CheckConstraint("(kind = 'notice') = (code <> '')", name="ck_deliveries_code"),
        sa.CheckConstraint(
            "kind IN ('approval', 'request', 'stuck', 'notice')", name="ck_deliveries_kind"
        ),
        sa.CheckConstraint(
            "place_kind IN ('person', 'account', 'channel', 'user-group')",
            name="ck_deliveries_place_kind",
        ),
        sa.CheckConstraint(
            "sent >= 0 AND sent <= wanted AND dropped <= wanted", name="ck_deliveries_versions"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_deliveries"),
        sa.UniqueConstraint("id", name="uq_deliveries_id"),
    )
    op.create_index("ix_deliveries_about", "deliveries", ["about"])
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_at"],
        sqlite_where=sa.text("wanted > sent AND wanted > dropped"),
        postgresql_where=sa.text("wanted > sent AND wanted > dropped"),
    )
    op.create_index(
        "uq_deliveries_card",
        "deliveries",
        ["kind", "about", "place_kind", "place_ref"],
        unique=True,
        sqlite_where=sa.text("kind <> 'notice'"),
        postgresql_where=sa.text("kind <> 'notice'"),
    )


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=True),
        sa.Column("grant_id", sa.Text(), nullable=True),
        sa.Column("canonical", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number > 0", name="ck_events_number"),
        sa.PrimaryKeyConstraint("number", name="pk_events"),
        sa.UniqueConstraint("id", name="uq_events_id"),
    )
    op.create_index("ix_events_actor", "events", ["actor"])
    op.create_index("ix_events_grant_id", "events", ["grant_id"])
    op.create_index("ix_events_request", "events", ["request"])


def _inbound() -> None:
    op.create_table(
        "inbound",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_inbound"),
    )
    op.create_index("ix_inbound_at", "inbound", ["at"])


def _installation() -> None:
    op.create_table(
        "installation",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one = 1", name="ck_installation_one_row"),
        sa.PrimaryKeyConstraint("one", name="pk_installation"),
    )


def _people() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("issuer", "subject", name="uq_people_issuer_subject"),
    )


def _policies() -> None:
    op.create_table(
        "policies",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_policies"),
    )


def _record_order() -> None:
    op.create_table(
        "record_order",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one = 1", name="ck_record_order_one_row"),
        sa.PrimaryKeyConstraint("one", name="pk_record_order"),
    )


def _roles() -> None:
    op.create_table(
        "roles",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_roles"),
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_accounts_person"),
        sa.PrimaryKeyConstraint("team", "user", name="pk_accounts"),
    )
    op.create_index("ix_accounts_person", "accounts", ["person"])


def _emails() -> None:
    op.create_table(
        "emails",
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_emails_person"),
        sa.PrimaryKeyConstraint("email", name="pk_emails"),
    )
    op.create_index("ix_emails_person", "emails", ["person"])


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.Column("policy_digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("pending_until", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("stages", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_detail", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (state IN ('draft', 'pending'))", name="ck_requests_closed"
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'pending', 'approved', 'denied', 'cancelled', 'expired')",
            name="ck_requests_state",
        ),
        sa.CheckConstraint("stage >= 0 AND stages > 0", name="ck_requests_stage"),
        sa.CheckConstraint("version > 0", name="ck_requests_version"),
        sa.ForeignKeyConstraint(["recipient"], ["people.id"], name="fk_requests_recipient"),
        sa.ForeignKeyConstraint(["requester"], ["people.id"], name="fk_requests_requester"),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
    )
    op.create_index("ix_requests_created_at", "requests", ["created_at"])
    op.create_index(
        "ix_requests_open",
        "requests",
        ["pending_until"],
        sqlite_where=sa.text("state IN ('draft', 'pending')"),
        postgresql_where=sa.text("state IN ('draft', 'pending')"),
    )
    op.create_index("ix_requests_recipient", "requests", ["recipient"])
    op.create_index("ix_requests_requester", "requests", ["requester"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("secret_digest", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_sessions_person"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("secret_digest", name="uq_sessions_secret_digest"),
    )
    op.create_index("ix_sessions_person", "sessions", ["person"])


def _sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("auth_time", sa.BigInteger(), nullable=False),
        sa.Column("groups", sa.Text(), nullable=True),
        sa.Column("acr", sa.Text(), nullable=True),
        sa.Column("amr", sa.Text(), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_sign_ins_person"),
        sa.PrimaryKeyConstraint("id", name="pk_sign_ins"),
    )
    op.create_index("ix_sign_ins_person", "sign_ins", ["person"])


def _subject_names() -> None:
    op.create_table(
        "subject_names",
        sa.Column("cluster_uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_subject_names_person"),
        sa.PrimaryKeyConstraint("cluster_uid", "name", name="pk_subject_names"),
    )
    op.create_index("ix_subject_names_person", "subject_names", ["person"])


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("terms_hash", sa.Text(), nullable=False),
        sa.Column("sign_in", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("verdict IN ('approve', 'deny')", name="ck_decisions_verdict"),
        sa.ForeignKeyConstraint(["approver"], ["people.id"], name="fk_decisions_approver"),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_decisions_request"),
        sa.PrimaryKeyConstraint("seq", name="pk_decisions"),
        sa.UniqueConstraint("id", name="uq_decisions_id"),
        sa.UniqueConstraint(
            "request", "stage", "approver", name="uq_decisions_request_stage_approver"
        ),
    )


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("cluster_uid", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=True),
        sa.Column("role_kind", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.Column("role_digest", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("entitlement", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_items_request"),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
        sa.UniqueConstraint("request", "ordinal", name="uq_items_request_ordinal"),
    )


def _profiles() -> None:
    op.create_table(
        "profiles",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("sign_in", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_profiles_person"),
        sa.ForeignKeyConstraint(["sign_in"], ["sign_ins.id"], name="fk_profiles_sign_in"),
        sa.PrimaryKeyConstraint("person", name="pk_profiles"),
    )


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("approvers", sa.Text(), nullable=False),
        sa.Column("cluster_uid", sa.Text(), nullable=False),
        sa.Column("cluster", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=True),
        sa.Column("role_kind", sa.Text(), nullable=False),
        sa.Column("role_name", sa.Text(), nullable=False),
        sa.Column("role_digest", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.Column("entitlement", sa.Text(), nullable=False),
        sa.Column("duration", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("activate_until", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("binding_name", sa.Text(), nullable=False),
        sa.Column("binding_uid", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("active_at", sa.BigInteger(), nullable=True),
        sa.Column("revoking_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("cause_detail", sa.Text(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("stuck", sa.Boolean(), nullable=False),
        sa.Column("warned", sa.Boolean(), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(ended_at IS NOT NULL) = (state = 'ended')", name="ck_grants_ended"),
        sa.CheckConstraint(
            "cause IN ('expired', 'given-back', 'revoked', 'revoked-outside', 'altered-outside', 'never-active', 'renamed')",
            name="ck_grants_cause",
        ),
        sa.CheckConstraint(
            "state <> 'active' OR (binding_uid IS NOT NULL AND expires_at IS NOT NULL)",
            name="ck_grants_active",
        ),
        sa.CheckConstraint(
            "state IN ('activating', 'active', 'revoking', 'ended')", name="ck_grants_state"
        ),
        sa.CheckConstraint(
            "state NOT IN ('revoking', 'ended') OR cause IS NOT NULL", name="ck_grants_caused"
        ),
        sa.CheckConstraint("version > 0", name="ck_grants_version"),
        sa.ForeignKeyConstraint(["item"], ["items.id"], name="fk_grants_item"),
        sa.ForeignKeyConstraint(["recipient"], ["people.id"], name="fk_grants_recipient"),
        sa.ForeignKeyConstraint(["request"], ["requests.id"], name="fk_grants_request"),
        sa.ForeignKeyConstraint(["requester"], ["people.id"], name="fk_grants_requester"),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.UniqueConstraint("item", name="uq_grants_item"),
    )
    op.create_index(
        "ix_grants_due",
        "grants",
        ["due_at"],
        sqlite_where=sa.text("state <> 'ended'"),
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index("ix_grants_recipient", "grants", ["recipient"])
    op.create_index("ix_grants_request", "grants", ["request"])
    op.create_index("ix_grants_requester", "grants", ["requester"])
    op.create_index(
        "uq_grants_binding",
        "grants",
        ["cluster_uid", "binding_uid"],
        unique=True,
        sqlite_where=sa.text("binding_uid IS NOT NULL"),
        postgresql_where=sa.text("binding_uid IS NOT NULL"),
    )


def _proofs() -> None:
    op.create_table(
        "proofs",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("binding_uid", sa.Text(), nullable=True),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("unsampled", sa.Integer(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('before', 'active', 'gone')", name="ck_proofs_kind"),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name="fk_proofs_grant_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_proofs"),
        sa.UniqueConstraint("id", name="uq_proofs_id"),
    )
    op.create_index("ix_proofs_grant_id_kind", "proofs", ["grant_id", "kind"])


_TABLES = (
    ("attempts", _attempts),
    ("clusters", _clusters),
    ("deliveries", _deliveries),
    ("events", _events),
    ("inbound", _inbound),
    ("installation", _installation),
    ("people", _people),
    ("policies", _policies),
    ("record_order", _record_order),
    ("roles", _roles),
    ("accounts", _accounts),
    ("emails", _emails),
    ("requests", _requests),
    ("sessions", _sessions),
    ("sign_ins", _sign_ins),
    ("subject_names", _subject_names),
    ("decisions", _decisions),
    ("items", _items),
    ("profiles", _profiles),
    ("grants", _grants),
    ("proofs", _proofs),
)


def upgrade() -> None:
    for _, create in _TABLES:
        create()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_TRIGGERS if sqlite else POSTGRES_TRIGGERS:
        op.execute(statement)
    op.execute("INSERT INTO record_order (one, number) VALUES (1, 0)")
    made_at = time.time_ns() // 1000
    row = sa.table("installation", sa.column("one"), sa.column("id"), sa.column("made_at"))
    op.execute(row.insert().values(one=1, id=new_id(Prefix.INSTALLATION), made_at=made_at))


def downgrade() -> None:
    for name, _ in reversed(_TABLES):
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION events_in_order()")
        op.execute("DROP FUNCTION events_append_only()")
