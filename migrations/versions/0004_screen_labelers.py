"""Screen labelers"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

PURPOSES_BEFORE = ("real", "gold", "repeat", "training")
PURPOSES = (*PURPOSES_BEFORE, "screening")
PARTS = ("flags", "rankings", "demonstrations", "self_assessment")
STATES = ("in_progress", "waiting", "passed", "failed", "admitted", "refused")


def upgrade() -> None:
    replace_purposes(PURPOSES)
    make_screenings()
    make_parts()
    make_answers()
    make_attempts()
    make_scores()
    make_marks()


def downgrade() -> None:
    for table in ("marks", "scores", "attempts", "answers", "parts"):
        op.drop_table(f"screening_{table}")
    op.drop_table("screenings")
    replace_purposes(PURPOSES_BEFORE)


def replace_purposes(values: tuple[str, ...]) -> None:
    """A downgrade fails, and changes nothing, where there are screening tasks."""
    op.drop_constraint(op.f("ck_tasks_purpose"), "tasks", type_="check")
    op.create_check_constraint(op.f("ck_tasks_purpose"), "tasks", sa.column("purpose").in_(values))


def number(name: str, default: str | None = None, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default=default, nullable=nullable)


def share(name: str, default: str | None = None) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), server_default=sa.text(default) if default else None, nullable=False)


def truth(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False)


def data(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(), server_default=sa.text(f"'{default}'::jsonb"), nullable=False)


def identity() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False)


def later(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def refers(table: str, column: str, target: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def one_of(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    return sa.CheckConstraint(sa.column(column).in_(values), name=op.f(f"ck_{table}_{column}"))


def check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def make_screenings() -> None:
    op.create_table(
        "screenings",
        identity(),
        number("project_id"),
        truth("is_open"),
        truth("required"),
        share("flags_cutoff", "0.75"),
        share("rankings_cutoff", "0.75"),
        share("demonstrations_cutoff", "6"),
        number("retake_days", nullable=True),
        data("flags", "[]"),
        data("topics", "[]"),
        data("needed_topics", "[]"),
        moment("created_at"),
        check("screenings", "flags_cutoff_is_a_share", "flags_cutoff BETWEEN 0 AND 1"),
        check("screenings", "rankings_cutoff_is_a_share", "rankings_cutoff BETWEEN 0 AND 1"),
        check("screenings", "demonstrations_cutoff_is_a_mark", "demonstrations_cutoff BETWEEN 1 AND 7"),
        check("screenings", "retakes_are_in_the_future", "retake_days >= 0"),
        refers("screenings", "project_id", "projects"),
        key("screenings", "id"),
        sa.UniqueConstraint("project_id", name=op.f("uq_screenings_project_id")),
    )


def make_parts() -> None:
    op.create_table(
        "screening_parts",
        number("campaign_id"),
        number("screening_id"),
        sa.Column("part", sa.String(32), nullable=False),
        number("sitting", "1"),
        one_of("screening_parts", "part", PARTS),
        check("screening_parts", "only_these_have_tasks", "part <> 'self_assessment'"),
        check("screening_parts", "sittings_count_from_one", "sitting >= 1"),
        refers("screening_parts", "campaign_id", "campaigns"),
        refers("screening_parts", "screening_id", "screenings"),
        key("screening_parts", "campaign_id"),
        sa.UniqueConstraint(
            "screening_id", "part", "sitting", name=op.f("uq_screening_parts_screening_id_part_sitting")
        ),
    )


def make_answers() -> None:
    op.create_table(
        "screening_answers",
        number("task_id"),
        sa.Column("ranks", postgresql.JSONB(), nullable=True),
        data("ratings", "{}"),
        data("prompt_ratings", "{}"),
        number("given_by_id", nullable=True),
        moment("created_at"),
        refers("screening_answers", "task_id", "tasks", ondelete="CASCADE"),
        refers("screening_answers", "given_by_id", "users"),
        key("screening_answers", "task_id"),
    )


def make_attempts() -> None:
    table = "screening_attempts"
    op.create_table(
        table,
        identity(),
        number("screening_id"),
        number("labeler_id"),
        number("number", "1"),
        sa.Column("state", sa.String(32), server_default="in_progress", nullable=False),
        sa.Column("comfort", postgresql.JSONB(), nullable=True),
        moment("began_at"),
        later("finished_at"),
        later("retake_from"),
        later("decided_at"),
        number("decided_by_id", nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        one_of(table, "state", STATES),
        check(table, "finished_once_it_is_over", "(state = 'in_progress') = (finished_at IS NULL)"),
        check(table, "decided_once_judged", "(state IN ('admitted', 'refused')) = (decided_at IS NOT NULL)"),
        check(table, "attempts_count_from_one", "number >= 1"),
        refers(table, "screening_id", "screenings"),
        refers(table, "labeler_id", "users"),
        refers(table, "decided_by_id", "users"),
        key(table, "id"),
        sa.UniqueConstraint(
            "screening_id", "labeler_id", "number", name=op.f("uq_screening_attempts_screening_id_labeler_id_number")
        ),
    )
    op.create_index(
        op.f("uq_screening_attempts_begun"),
        table,
        ["screening_id", "labeler_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('in_progress', 'waiting')"),
    )
    op.create_index(op.f("ix_screening_attempts_labeler_id"), table, ["labeler_id"])


def make_scores() -> None:
    op.create_table(
        "screening_scores",
        number("attempt_id"),
        sa.Column("part", sa.String(32), nullable=False),
        share("score"),
        share("cutoff"),
        number("rests_on"),
        one_of("screening_scores", "part", PARTS),
        refers("screening_scores", "attempt_id", "screening_attempts", ondelete="CASCADE"),
        key("screening_scores", "attempt_id", "part"),
    )


def make_marks() -> None:
    op.create_table(
        "screening_marks",
        number("annotation_id"),
        number("reviewer_id"),
        number("mark"),
        moment("created_at"),
        check("screening_marks", "mark_in_range", "mark BETWEEN 1 AND 7"),
        refers("screening_marks", "annotation_id", "annotations"),
        refers("screening_marks", "reviewer_id", "users"),
        key("screening_marks", "annotation_id", "reviewer_id"),
    )
