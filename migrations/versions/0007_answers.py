"""What reviewers said of findings: that one may stay until a day, or that it is not theirs."""

from alembic import op

from migrations.parts import blobs, index, longs, may_go_on, table, texts

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NAME = "review_answers"


def upgrade() -> None:
    table(
        _NAME,
        [
            *texts("id", "finding", "cluster", "kind", "person", "sign_in"),
            *longs("at"),
            *texts("substance"),
            *texts("until", null=True),
            *texts("reason"),
            *blobs("salt"),
            *longs("ended_at", null=True),
            *texts("ended", null=True),
            *texts("ended_by"),
        ],
        key="id",
        refers={"people.id": "person", "sign_ins.id": "sign_in"},
        words={"kind": "kept not-mine"},
        checks={
            "ended": "ended IS NULL OR ended IN ('over', 'changed', 'gone')",
            "end": "(ended IS NULL) = (ended_at IS NULL)",
            "until": "(kind = 'kept') = (until IS NOT NULL)",
        },
    )
    index("ix_review_answers_cluster", _NAME, "cluster")
    index("ix_review_answers_finding_at", _NAME, "finding at")
    stands = "kind = '{}' AND ended IS NULL"
    kept, not_mine = stands.format("kept"), stands.format("not-mine")
    index("uq_review_answers_kept", _NAME, "finding", unique=True, where=kept)
    index("uq_review_answers_not_mine", _NAME, "finding person", unique=True, where=not_mine)
    # The code before asks for no such table. A review by it shows what was kept as open again,
    # until the next one: that hides nothing, and ends no answer.
    may_go_on("0007", "0006", "0005", "0004", "0003", "0002")


def downgrade() -> None:
    for name in ("uq_review_answers_not_mine", "uq_review_answers_kept"):
        op.drop_index(name, _NAME)
    for name in ("ix_review_answers_finding_at", "ix_review_answers_cluster"):
        op.drop_index(name, _NAME)
    op.drop_table(_NAME)
    op.execute("DELETE FROM schema_fits WHERE schema_revision = '0007'")
