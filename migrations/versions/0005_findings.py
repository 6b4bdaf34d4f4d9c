"""What reviews knew of findings: since when, and since when one is gone."""

from alembic import op

from migrations.parts import index, longs, may_go_on, table, texts

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table(
        "review_findings",
        [
            *texts("key", "cluster", "rule", "subject"),
            *longs("first_at"),
            *longs("resolved_at", null=True),
        ],
        key="key",
        checks={"order": "resolved_at IS NULL OR first_at <= resolved_at"},
    )
    index("ix_review_findings_cluster", "review_findings", "cluster")
    # The code before asks for no such table.
    may_go_on("0005", "0004", "0003", "0002")


def downgrade() -> None:
    op.drop_index("ix_review_findings_cluster", "review_findings")
    op.drop_table("review_findings")
    op.execute("DELETE FROM schema_fits WHERE schema_revision = '0005'")
