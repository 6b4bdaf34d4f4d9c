"""What lists of findings show, how much each presses, and what people heard of it."""

from alembic import op

from migrations.parts import index, ints, may_go_on, table, texts

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table(
        "review_details",
        [*texts("key", "cluster"), *ints("weight"), *texts("told", "body")],
        key="key",
        checks={"told": "told IN ('', 'there', 'gone')"},
    )
    index("ix_review_details_cluster_weight", "review_details", "cluster weight")
    # The code before asks for no such table.
    may_go_on("0006", "0005", "0004", "0003", "0002")


def downgrade() -> None:
    op.drop_index("ix_review_details_cluster_weight", "review_details")
    op.drop_table("review_details")
    op.execute("DELETE FROM schema_fits WHERE schema_revision = '0006'")
