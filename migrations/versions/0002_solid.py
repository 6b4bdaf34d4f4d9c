"""How each cluster is, what holds deliveries up, and which code may go on with which schema."""

import sqlalchemy as sa
from alembic import op

from migrations.parts import index, longs, table, texts, words

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CAUSES = "expired given-back revoked revoked-outside altered-outside never-active renamed"


def upgrade() -> None:
    for name, text in (("clusters", "problem"), ("grants", "role_now")):
        op.add_column(
            name, sa.Column(text, sa.Text(), nullable=False, server_default=sa.text("''"))
        )
    for column in longs("failing_since", "looked_at", null=True):
        op.add_column("clusters", column)
    table("delivery_holds", [*texts("scope"), *longs("until")], key="scope")
    table(
        "schema_fits",
        texts("schema_revision", "code_revision"),
        key="schema_revision code_revision",
    )
    # Code of the first revision can't read a cause that it does not know: it may not go on.
    words("grants", "cause", f"{_CAUSES} role-changed")
    index("ix_grants_created_at", "grants", "created_at")
    index("ix_events_type_number", "events", "type number")


def downgrade() -> None:
    op.drop_index("ix_events_type_number", "events")
    op.drop_index("ix_grants_created_at", "grants")
    op.execute("UPDATE grants SET cause = 'revoked' WHERE cause = 'role-changed'")
    words("grants", "cause", _CAUSES)
    op.drop_column("grants", "role_now")
    op.drop_table("schema_fits")
    op.drop_table("delivery_holds")
    for column in ("looked_at", "failing_since", "problem"):
        op.drop_column("clusters", column)
