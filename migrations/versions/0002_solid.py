"""How each cluster is, what holds deliveries up, and which code may go on with which schema."""

import sqlalchemy as sa
from alembic import op

from migrations.parts import longs, may_go_on, table, texts

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "clusters", sa.Column("problem", sa.Text(), nullable=False, server_default=sa.text("''"))
    )
    for column in longs("failing_since", "looked_at", null=True):
        op.add_column("clusters", column)
    table("delivery_holds", [*texts("scope"), *longs("until")], key="scope")
    table(
        "schema_fits",
        texts("schema_revision", "code_revision"),
        key="schema_revision code_revision",
    )
    may_go_on(revision, "0001")


def downgrade() -> None:
    op.drop_table("schema_fits")
    op.drop_table("delivery_holds")
    for column in ("looked_at", "failing_since", "problem"):
        op.drop_column("clusters", column)
