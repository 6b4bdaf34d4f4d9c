"""All that the main job needs; the record is append-only from the first day.

Nothing here is taken from the code of today: this revision stays as it is when that moves on.
"""

import base64
import secrets
import time

import sqlalchemy as sa
from alembic import op

from migrations.append_only import POSTGRES_TRIGGERS, SQLITE_TRIGGERS
from migrations.parts import blobs, flags, index, ints, longs, seq, table, texts

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _attempts() -> None:
    table(
        "attempts",
        [
            *texts("id"),
            *longs("version"),
            *texts("team", "user", "secret_digest", "step"),
            *longs("expires_at"),
            *texts("browser_digest", null=True),
            *flags("link"),
            *texts("draft", null=True),
            *texts("slack", "company"),
        ],
        key="id",
        unique=("secret_digest",),
        words={"step": "offered opened slack-proven done refused"},
        checks={"version": "version > 0"},
    )


def _clusters() -> None:
    table(
        "clusters",
        [
            *texts("alias", "uid"),
            *longs("at"),
        ],
        key="alias",
    )


def _deliveries() -> None:
    table(
        "deliveries",
        [
            seq(),
            *texts("id", "kind", "about", "place_kind", "place_ref"),
            *longs("wanted", "sent", "dropped"),
            *ints("attempts"),
            *texts("code", "facts"),
            *texts("channel", "ts", null=True),
            *longs("sending_since", null=True),
            *longs("next_at"),
            *longs("claimed_until", null=True),
            *texts("problem"),
        ],
        key="seq",
        unique=("id",),
        words={
            "kind": "approval request stuck notice",
            "place_kind": "person account channel user-group",
        },
        checks={
            "code": "(kind = 'notice') = (code <> '')",
            "versions": "sent >= 0 AND sent <= wanted AND dropped <= wanted",
        },
    )
    index("ix_deliveries_about", "deliveries", "about")
    index("ix_deliveries_due", "deliveries", "next_at", where="wanted > sent AND wanted > dropped")
    index(
        "uq_deliveries_card",
        "deliveries",
        "kind about place_kind place_ref",
        unique=True,
        where="kind <> 'notice'",
    )


def _events() -> None:
    table(
        "events",
        [
            *longs("number"),
            *texts("id", "type"),
            *ints("schema"),
            *longs("at"),
            *texts("actor"),
            *texts("recipient", "request", "grant_id", null=True),
            *blobs("canonical"),
        ],
        key="number",
        unique=("id",),
        checks={"number": "number > 0"},
    )
    index("ix_events_actor", "events", "actor")
    index("ix_events_grant_id", "events", "grant_id")
    index("ix_events_request", "events", "request")


def _inbound() -> None:
    table(
        "inbound",
        [
            *texts("key"),
            *longs("at"),
        ],
        key="key",
    )
    index("ix_inbound_at", "inbound", "at")


def _installation() -> None:
    table(
        "installation",
        [
            *ints("one"),
            *texts("id"),
            *longs("made_at"),
        ],
        key="one",
        checks={"one_row": "one = 1"},
    )


def _people() -> None:
    table(
        "people",
        [
            *texts("id", "issuer", "subject"),
            *longs("at"),
        ],
        key="id",
        unique=("issuer subject",),
    )


def _policies() -> None:
    table(
        "policies",
        [
            *texts("digest"),
            *blobs("body"),
            *longs("at"),
        ],
        key="digest",
    )


def _record_order() -> None:
    table(
        "record_order",
        [
            *ints("one"),
            *longs("number"),
        ],
        key="one",
        checks={"one_row": "one = 1"},
    )


def _roles() -> None:
    table(
        "roles",
        [
            *texts("digest", "kind", "name", "rules"),
            *longs("read_at"),
        ],
        key="digest",
    )


def _accounts() -> None:
    table(
        "accounts",
        [
            *texts("team", "user", "person"),
            *longs("at"),
        ],
        key="team user",
        refers={"people.id": "person"},
    )
    index("ix_accounts_person", "accounts", "person")


def _emails() -> None:
    table(
        "emails",
        [
            *texts("email", "person"),
            *longs("at"),
        ],
        key="email",
        refers={"people.id": "person"},
    )
    index("ix_emails_person", "emails", "person")


def _requests() -> None:
    table(
        "requests",
        [
            *texts("id"),
            *longs("version"),
            *texts("state", "requester", "recipient"),
            *blobs("salt"),
            *texts("groups", "policy_digest"),
            *longs("created_at", "pending_until"),
            *ints("stage", "stages"),
            *longs("closed_at", null=True),
            *texts("closed_detail"),
        ],
        key="id",
        refers={"people.id": "recipient requester"},
        words={"state": "draft pending approved denied cancelled expired"},
        checks={
            "closed": "(closed_at IS NULL) = (state IN ('draft', 'pending'))",
            "stage": "stage >= 0 AND stages > 0",
            "version": "version > 0",
        },
    )
    index("ix_requests_created_at", "requests", "created_at")
    index("ix_requests_open", "requests", "pending_until", where="state IN ('draft', 'pending')")
    index("ix_requests_recipient", "requests", "recipient")
    index("ix_requests_requester", "requests", "requester")


def _sessions() -> None:
    table(
        "sessions",
        [
            *texts("id", "secret_digest", "person"),
            *longs("created_at", "expires_at"),
        ],
        key="id",
        unique=("secret_digest",),
        refers={"people.id": "person"},
    )
    index("ix_sessions_person", "sessions", "person")


def _sign_ins() -> None:
    table(
        "sign_ins",
        [
            *texts("id", "person"),
            *longs("at", "auth_time"),
            *texts("groups", "acr", null=True),
            *texts("amr", "claims"),
        ],
        key="id",
        refers={"people.id": "person"},
    )
    index("ix_sign_ins_person", "sign_ins", "person")


def _subject_names() -> None:
    table(
        "subject_names",
        [
            *texts("cluster_uid", "name", "person"),
        ],
        key="cluster_uid name",
        refers={"people.id": "person"},
    )
    index("ix_subject_names_person", "subject_names", "person")


def _decisions() -> None:
    table(
        "decisions",
        [
            seq(),
            *texts("id", "request"),
            *ints("stage"),
            *texts("approver", "verdict"),
            *longs("at"),
            *texts("terms_hash", "sign_in", "reason"),
        ],
        key="seq",
        unique=("id", "request stage approver"),
        refers={"people.id": "approver", "requests.id": "request"},
        words={"verdict": "approve deny"},
    )


def _items() -> None:
    table(
        "items",
        [
            *texts("id", "request"),
            *ints("ordinal"),
            *texts("cluster_uid", "cluster"),
            *texts("namespace", null=True),
            *texts("role_kind", "role_name", "role_digest", "subject"),
            *longs("duration"),
            *texts("reason", "entitlement"),
        ],
        key="id",
        unique=("request ordinal",),
        refers={"requests.id": "request"},
    )


def _profiles() -> None:
    table(
        "profiles",
        [
            *texts("person", "sign_in", "name"),
            *texts("email", null=True),
            *flags("email_verified"),
        ],
        key="person",
        refers={"people.id": "person", "sign_ins.id": "sign_in"},
    )


def _grants() -> None:
    table(
        "grants",
        [
            *texts("id"),
            *longs("version"),
            *texts(
                "state",
                "request",
                "item",
                "requester",
                "recipient",
                "approvers",
                "cluster_uid",
                "cluster",
            ),
            *texts("namespace", null=True),
            *texts("role_kind", "role_name", "role_digest", "subject", "groups", "entitlement"),
            *longs("duration", "created_at", "activate_until", "due_at"),
            *texts("binding_name"),
            *texts("binding_uid", null=True),
            *longs("expires_at", "active_at", "revoking_at", "ended_at", null=True),
            *texts("cause", null=True),
            *texts("cause_detail"),
            *texts("ended_by", null=True),
            *texts("end_reason"),
            *ints("attempts"),
            *texts("problem"),
            *longs("failing_since", null=True),
            *flags("stuck", "warned"),
            *texts("claimed_by", null=True),
            *longs("claimed_until", null=True),
        ],
        key="id",
        unique=("item",),
        refers={"items.id": "item", "people.id": "recipient requester", "requests.id": "request"},
        words={
            "cause": "expired given-back revoked revoked-outside altered-outside never-active"
            " renamed",
            "state": "activating active revoking ended",
        },
        checks={
            "active": "state <> 'active' OR (binding_uid IS NOT NULL AND expires_at IS NOT NULL)",
            "caused": "state NOT IN ('revoking', 'ended') OR cause IS NOT NULL",
            "ended": "(ended_at IS NOT NULL) = (state = 'ended')",
            "version": "version > 0",
        },
    )
    index("ix_grants_due", "grants", "due_at", where="state <> 'ended'")
    index("ix_grants_recipient", "grants", "recipient")
    index("ix_grants_request", "grants", "request")
    index("ix_grants_requester", "grants", "requester")
    index(
        "uq_grants_binding",
        "grants",
        "cluster_uid binding_uid",
        unique=True,
        where="binding_uid IS NOT NULL",
    )


def _proofs() -> None:
    table(
        "proofs",
        [
            seq(),
            *texts("id", "grant_id", "kind"),
            *longs("at"),
            *texts("binding_uid", null=True),
            *texts("seen"),
            *ints("unsampled"),
            *texts("notes"),
        ],
        key="seq",
        unique=("id",),
        refers={"grants.id": "grant_id"},
        words={"kind": "before active gone"},
    )
    index("ix_proofs_grant_id_kind", "proofs", "grant_id kind")


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
    row = sa.table("installation", sa.column("one"), sa.column("id"), sa.column("made_at"))
    made_at = time.time_ns() // 1000
    op.execute(row.insert().values(one=1, id=_installation_id(), made_at=made_at))


def downgrade() -> None:
    for name, _ in reversed(_TABLES):
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION events_in_order()")
        op.execute("DROP FUNCTION events_append_only()")


def _installation_id() -> str:
    random = base64.b32encode(secrets.token_bytes(16)).decode("ascii")
    return f"inst-{random.rstrip('=').lower()}"
