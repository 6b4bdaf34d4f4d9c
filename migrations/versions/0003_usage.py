"""Who did what in which cluster, first and last seen, and when anything was seen there."""

from alembic import op

from migrations.parts import flags, index, ints, longs, may_go_on, table, texts

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ACT = "cluster user via verb api_group resource subresource namespace name path"


def upgrade() -> None:
    table(
        "usage",
        [
            *texts("key", "family", *_ACT.split()),
            *flags("allowed"),
            *texts("reason"),
            *longs("first_at", "last_at", "count"),
        ],
        key="key",
        checks={"order": "first_at <= last_at"},
    )
    index("ix_usage_cluster_user", "usage", "cluster user")
    index("ix_usage_family", "usage", "family")
    index("ix_usage_last_at", "usage", "last_at")
    table(
        "usage_hours",
        [*texts("cluster"), *longs("hour_at", "minutes")],
        key="cluster hour_at",
    )
    table(
        "usage_months",
        [
            *texts("cluster", "verb_class", "api_group", "resource", "whose"),
            *ints("month"),
            *longs("days"),
        ],
        key="cluster verb_class api_group resource whose month",
    )
    table(
        "usage_losses",
        [*texts("cluster"), *longs("hour_at"), *texts("word"), *longs("count")],
        key="cluster hour_at word",
    )
    # The code before asks for none of these tables.
    may_go_on("0003", "0002")


def downgrade() -> None:
    for name in ("usage_losses", "usage_months", "usage_hours"):
        op.drop_table(name)
    for name in ("ix_usage_last_at", "ix_usage_family", "ix_usage_cluster_user"):
        op.drop_index(name, "usage")
    op.drop_table("usage")
    op.execute("DELETE FROM schema_fits WHERE schema_revision = '0003'")
