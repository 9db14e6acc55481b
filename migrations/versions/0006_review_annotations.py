"""Review annotations

Decisions of reviewers with what was excluded and why, adjudications, and who made a revision in review.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

DECISIONS = ("approved", "corrected", "sent_back", "excluded", "restored")
REASONS = ("careless", "mistaken", "against_guidelines", "personal_information", "duplicate", "other")


def upgrade() -> None:
    op.add_column("annotations", sa.Column("reviewer_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_annotations_reviewer_id"), "annotations", "users", ["reviewer_id"], ["id"])
    make_decisions()
    make_adjudications()


def downgrade() -> None:
    op.drop_table("adjudications")
    op.drop_table("review_decisions")
    op.drop_column("annotations", "reviewer_id")


def numbered() -> list[sa.Column[int]]:
    return [sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)]


def references(table: str, *columns: tuple[str, str]) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
        for column, other in columns
    ]


def last_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("standing", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
    ]


def make_decisions() -> None:
    table = "review_decisions"
    op.create_table(
        table,
        *numbered(),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("annotation_id", sa.BigInteger(), nullable=False),
        sa.Column("reviewer_id", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(32), nullable=True),
        sa.Column("comment", sa.String(), server_default="", nullable=False),
        sa.Column("correction_id", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        *last_columns(),
        sa.CheckConstraint(sa.column("decision").in_(DECISIONS), name=op.f("ck_review_decisions_decision")),
        sa.CheckConstraint(sa.column("reason").in_(REASONS), name=op.f("ck_review_decisions_reason")),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_review_decisions_{name}")) for name, rule in RULES.items()),
        *references(
            table,
            ("assignment_id", "assignments"),
            ("annotation_id", "annotations"),
            ("reviewer_id", "users"),
            ("correction_id", "annotations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_decisions")),
    )
    op.create_index(
        "uq_review_decisions_standing",
        table,
        ["assignment_id"],
        unique=True,
        postgresql_where=sa.text("standing"),
    )
    op.create_index("ix_review_decisions_assignment_id", table, ["assignment_id"])
    op.create_index("ix_review_decisions_annotation_id", table, ["annotation_id"])
    op.create_index(
        "ix_review_decisions_came_back",
        table,
        ["assignment_id"],
        postgresql_where=sa.text("standing AND decision = 'sent_back' AND answer IS NULL"),
    )


RULES = {
    "exclusions_have_a_reason": "(decision = 'excluded') = (reason IS NOT NULL)",
    "corrections_are_there": "(decision = 'corrected') = (correction_id IS NOT NULL)",
    "what_is_sent_back_says_why": "decision <> 'sent_back' OR comment <> ''",
    "only_what_is_sent_back_is_answered": "answer IS NULL OR decision = 'sent_back'",
    "answers_have_a_time": "(answer IS NULL) = (answered_at IS NULL)",
}


def make_adjudications() -> None:
    table = "adjudications"
    op.create_table(
        table,
        *numbered(),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("annotation_id", sa.BigInteger(), nullable=False),
        sa.Column("adjudicator_id", sa.BigInteger(), nullable=False),
        sa.Column("comment", sa.String(), server_default="", nullable=False),
        *last_columns(),
        *references(table, ("task_id", "tasks"), ("annotation_id", "annotations"), ("adjudicator_id", "users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjudications")),
    )
    op.create_index("uq_adjudications_standing", table, ["task_id"], unique=True, postgresql_where=sa.text("standing"))
    op.create_index("ix_adjudications_annotation_id", table, ["annotation_id"])
