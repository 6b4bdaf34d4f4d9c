"""What reviews knew of findings."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    text,
)

from grants.review.answers import AnswerKind, Ended
from grants.store.tables.base import id_column, metadata, one_of, person_column, text_column
from grants.store.types import JsonText, PlainText, UtcMicros

review_findings = Table(
    "review_findings",
    metadata,
    Column("key", PlainText, primary_key=True),
    Column("cluster", PlainText, nullable=False, index=True),
    text_column("rule"),
    # As JSON: names from outside may hold what no column takes.
    Column("subject", JsonText, nullable=False),
    Column("first_at", UtcMicros, nullable=False),
    Column("resolved_at", UtcMicros),
    CheckConstraint("resolved_at IS NULL OR first_at <= resolved_at", name="order"),
)

review_details = Table(
    "review_details",
    metadata,
    Column("key", PlainText, primary_key=True),
    text_column("cluster"),
    # How much it presses, so that a list of the worst need not read every body.
    Column("weight", Integer, nullable=False),
    # What people heard of it last: nothing, that it is there, or that it is gone.
    text_column("told"),
    text_column("body"),
    CheckConstraint("told IN ('', 'there', 'gone')", name="told"),
    Index(None, "cluster", "weight"),
)

review_answers = Table(
    "review_answers",
    metadata,
    id_column(),
    text_column("finding"),
    Column("cluster", PlainText, nullable=False, index=True),
    text_column("kind"),
    person_column("person"),
    Column("sign_in", PlainText, ForeignKey("sign_ins.id"), nullable=False),
    Column("at", UtcMicros, nullable=False),
    text_column("substance"),
    # The last day, as 2031-12-31.
    Column("until", PlainText),
    text_column("reason"),
    Column("salt", LargeBinary, nullable=False),
    Column("ended_at", UtcMicros),
    Column("ended", PlainText),
    text_column("ended_by"),
    one_of("kind", AnswerKind, "kind"),
    CheckConstraint(
        "ended IS NULL OR " + str(one_of("ended", Ended, "ended").sqltext), name="ended"
    ),
    CheckConstraint("(ended IS NULL) = (ended_at IS NULL)", name="end"),
    CheckConstraint("(kind = 'kept') = (until IS NOT NULL)", name="until"),
    Index(None, "finding", "at"),
)
Index(
    "uq_review_answers_kept",
    review_answers.c.finding,
    unique=True,
    sqlite_where=text("kind = 'kept' AND ended IS NULL"),
    postgresql_where=text("kind = 'kept' AND ended IS NULL"),
)
Index(
    "uq_review_answers_not_mine",
    review_answers.c.finding,
    review_answers.c.person,
    unique=True,
    sqlite_where=text("kind = 'not-mine' AND ended IS NULL"),
    postgresql_where=text("kind = 'not-mine' AND ended IS NULL"),
)
