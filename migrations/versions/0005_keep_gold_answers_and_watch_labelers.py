"""Keep gold answers and watch labelers

Known answers, repeats, how labelers did on them, what was noticed of whom; and at which rates campaigns mix them in.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

PURPOSES = ("real", "gold", "repeat", "training", "screening")
SIGNS = ("gold", "others", "repeats", "position", "sameness", "speed", "copying")
LEVELS = ("warning", "pause")
RULES = {
    "most_tasks_are_real": "gold_rate BETWEEN 0 AND 0.5 AND repeat_rate BETWEEN 0 AND 0.5",
    "warned_first": "0 <= pause_below AND pause_below <= warn_below AND warn_below <= 1",
}
TABLES = ("gold_answers", "gold_outputs", "repeated_tasks", "check_scores", "watches", "labeler_signs")


def upgrade() -> None:
    for column in settings():
        op.add_column("campaigns", column)
    for name, rule in RULES.items():
        op.create_check_constraint(op.f(f"ck_campaigns_{name}"), "campaigns", rule)
    make_answers()
    make_outputs()
    make_repeats()
    make_scores()
    make_watches()
    make_signs()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    for name in RULES:
        op.drop_constraint(op.f(f"ck_campaigns_{name}"), "campaigns", type_="check")
    for column in settings():
        op.drop_column("campaigns", column.name)


def settings() -> list[sa.Column[object]]:
    shares = {"gold_rate": "0", "repeat_rate": "0", "warn_below": "0.75", "pause_below": "0.65"}
    trains: sa.Column[object] = sa.Column("trains", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    return [*(share(name, default) for name, default in shares.items()), trains]


def share(name: str, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.Double(), server_default=default, nullable=False)


def number(name: str, default: str | None = None, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), server_default=default, nullable=nullable)


def data(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(), server_default=sa.text(f"'{default}'::jsonb"), nullable=False)


def moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False)


def word(table: str, name: str, values: tuple[str, ...]) -> list[sa.Column[object] | sa.CheckConstraint]:
    rule = sa.CheckConstraint(sa.column(name).in_(values), name=op.f(f"ck_{table}_{name}"))
    return [sa.Column(name, sa.String(32), nullable=False), rule]


def refers(table: str, column: str, target: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def make_answers() -> None:
    table = "gold_answers"
    op.create_table(
        table,
        number("task_id"),
        sa.Column("explanation", sa.String(), server_default="", nullable=False),
        number("from_task_id", nullable=True),
        number("author_id", nullable=True),
        moment("created_at"),
        refers(table, "task_id", "tasks.id", ondelete="CASCADE"),
        refers(table, "from_task_id", "tasks.id"),
        refers(table, "author_id", "users.id"),
        key(table, "task_id"),
    )


def make_outputs() -> None:
    table = "gold_outputs"
    op.create_table(
        table,
        number("task_id"),
        number("completion_id"),
        number("rank"),
        data("ratings", "{}"),
        refers(table, "task_id", "gold_answers.task_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["task_id", "completion_id"],
            ["task_completions.task_id", "task_completions.completion_id"],
            name=op.f("fk_gold_outputs_task_id_completion_id"),
        ),
        check(table, "rank_in_range", "rank BETWEEN 1 AND 9"),
        key(table, "task_id", "completion_id"),
    )


def make_repeats() -> None:
    table = "repeated_tasks"
    op.create_table(
        table,
        number("task_id"),
        number("original_id"),
        refers(table, "task_id", "tasks.id", ondelete="CASCADE"),
        refers(table, "original_id", "assignments.id"),
        sa.UniqueConstraint("original_id", name=op.f("uq_repeated_tasks_original_id")),
        key(table, "task_id"),
    )


def make_scores() -> None:
    table = "check_scores"
    op.create_table(
        table,
        number("annotation_id"),
        number("labeler_id"),
        number("campaign_id"),
        *word(table, "purpose", PURPOSES),
        number("pairs"),
        share("agreed"),
        number("questions"),
        number("alike"),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        refers(table, "annotation_id", "annotations.id"),
        refers(table, "labeler_id", "users.id"),
        refers(table, "campaign_id", "campaigns.id"),
        check(table, "agreed_in_range", "agreed BETWEEN 0 AND pairs"),
        check(table, "alike_in_range", "alike BETWEEN 0 AND questions"),
        key(table, "annotation_id"),
    )
    op.create_index("ix_check_scores_labeler_id", table, ["labeler_id", "campaign_id"])
    op.create_index("ix_check_scores_campaign_id", table, ["campaign_id"])


def make_watches() -> None:
    table = "watches"
    op.create_table(
        table,
        number("campaign_id"),
        number("labeler_id"),
        number("answered", "0"),
        number("golds", "0"),
        number("repeats", "0"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        refers(table, "campaign_id", "campaigns.id", ondelete="CASCADE"),
        refers(table, "labeler_id", "users.id"),
        check(table, "counts", "golds >= 0 AND repeats >= 0 AND answered >= 0"),
        key(table, "campaign_id", "labeler_id"),
    )


def make_signs() -> None:
    table = "labeler_signs"
    op.create_table(
        table,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        number("campaign_id"),
        number("labeler_id"),
        *word(table, "kind", SIGNS),
        *word(table, "level", LEVELS),
        share("evidence"),
        share("observed"),
        share("expected"),
        number("looked_at"),
        data("tasks", "[]"),
        number("other_id", nullable=True),
        moment("raised_at"),
        refers(table, "campaign_id", "campaigns.id", ondelete="CASCADE"),
        refers(table, "labeler_id", "users.id"),
        refers(table, "other_id", "users.id"),
        sa.UniqueConstraint(
            "campaign_id", "labeler_id", "kind", name=op.f("uq_labeler_signs_campaign_id_labeler_id_kind")
        ),
        key(table, "id"),
    )
    op.create_index("ix_labeler_signs_labeler_id", table, ["labeler_id"])
