"""What clusters held at each look, object by object in versions."""

from alembic import op

from migrations.parts import index, longs, may_go_on, seq, table, texts

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table(
        "inventory_looks",
        [*texts("cluster"), *longs("at"), *texts("cluster_uid", "seen", "problems")],
        key="cluster at",
    )
    table(
        "inventory_objects",
        [
            seq(),
            *texts("cluster", "kind", "key", "digest", "body"),
            *longs("from_at"),
            *longs("to_at", null=True),
        ],
        key="seq",
        checks={"order": "to_at IS NULL OR from_at < to_at"},
    )
    index(
        "ix_inventory_objects_cluster_kind_key_from_at",
        "inventory_objects",
        "cluster kind key from_at",
        unique=True,
    )
    index("ix_inventory_objects_cluster_to_at", "inventory_objects", "cluster to_at")
    index(
        "uq_inventory_objects_now",
        "inventory_objects",
        "cluster kind key",
        unique=True,
        where="to_at IS NULL",
    )
    # The code before asks for none of these tables.
    may_go_on("0004", "0003", "0002")


def downgrade() -> None:
    for name in (
        "uq_inventory_objects_now",
        "ix_inventory_objects_cluster_to_at",
        "ix_inventory_objects_cluster_kind_key_from_at",
    ):
        op.drop_index(name, "inventory_objects")
    op.drop_table("inventory_objects")
    op.drop_table("inventory_looks")
    op.execute("DELETE FROM schema_fits WHERE schema_revision = '0004'")
