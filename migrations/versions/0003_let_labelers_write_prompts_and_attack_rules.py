"""Let labelers write prompts and attack rules

Also: content warnings, reports on prompts, guidelines acknowledged, evidence, and texts kept as sanitised HTML.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

KINDS_BEFORE = ("demonstrate", "compare", "rate", "write_prompts", "evaluate")
KINDS = (*KINDS_BEFORE, "red_team")
PROMPT_KINDS_BEFORE = ("plain", "few_shot", "user_based")
PROMPT_KINDS = (*PROMPT_KINDS_BEFORE, "attack")


def upgrade() -> None:
    make_rules()
    add_columns()
    make_reports()
    make_acknowledgements()
    make_rendered_texts()
    op.create_index(
        op.f("ix_assignments_unfinished"),
        "assignments",
        ["labeler_id"],
        postgresql_where=sa.text("state IN ('leased', 'expired')"),
    )
    for table in ("campaigns", "tasks"):
        replace_choices(table, "kind", KINDS)
    replace_choices("prompts", "kind", PROMPT_KINDS)
    op.create_check_constraint(
        op.f("ck_campaigns_red_team_names_a_rule"), "campaigns", "kind <> 'red_team' OR rule_id IS NOT NULL"
    )
    op.create_check_constraint(
        op.f("ck_prompts_attacks_name_a_rule"),
        "prompts",
        "(kind IS NOT DISTINCT FROM 'attack') = (rule_id IS NOT NULL)",
    )
    op.drop_constraint(op.f("ck_tasks_only_write_prompts_has_no_prompt"), "tasks", type_="check")
    op.create_check_constraint(
        op.f("ck_tasks_only_writing_has_no_prompt"),
        "tasks",
        "(kind IN ('write_prompts', 'red_team')) = (prompt_id IS NULL)",
    )
    op.create_check_constraint(
        op.f("ck_tasks_writing_has_a_brief"), "tasks", "(prompt_id IS NULL) = (brief IS NOT NULL)"
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_assignments_unfinished"), table_name="assignments")
    op.drop_constraint(op.f("ck_tasks_writing_has_a_brief"), "tasks", type_="check")
    op.drop_constraint(op.f("ck_tasks_only_writing_has_no_prompt"), "tasks", type_="check")
    op.create_check_constraint(
        op.f("ck_tasks_only_write_prompts_has_no_prompt"), "tasks", "(kind = 'write_prompts') = (prompt_id IS NULL)"
    )
    op.drop_constraint(op.f("ck_prompts_attacks_name_a_rule"), "prompts", type_="check")
    op.drop_constraint(op.f("ck_campaigns_red_team_names_a_rule"), "campaigns", type_="check")
    replace_choices("prompts", "kind", PROMPT_KINDS_BEFORE)
    for table in ("tasks", "campaigns"):
        replace_choices(table, "kind", KINDS_BEFORE)
    for table in ("rendered_texts", "guidelines_acknowledgements", "prompt_reports"):
        op.drop_table(table)
    for table, column in reversed(columns()):
        op.drop_column(table, column.name)
    op.drop_table("rules")


def replace_choices(table: str, column: str, values: tuple[str, ...]) -> None:
    """A downgrade fails, and changes nothing, where rows hold a value that it would take away."""
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, sa.column(column).in_(values))


def numbered() -> list[sa.Column[int]]:
    return [sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)]


def moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False)


def make_rules() -> None:
    op.create_table(
        "rules",
        *numbered(),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        moment("created_at"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_rules_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_rules_project_id_name")),
    )


def columns() -> tuple[tuple[str, sa.Column[object]], ...]:
    return (
        ("form_versions", sa.Column("rule_id", sa.BigInteger(), nullable=True)),
        ("form_versions", sa.Column("ready_made", sa.String(), nullable=True)),
        ("campaigns", sa.Column("rule_id", sa.BigInteger(), nullable=True)),
        ("campaigns", sa.Column("content_warning", sa.String(), nullable=True)),
        ("tasks", sa.Column("brief", postgresql.JSONB(), nullable=True)),
        ("prompts", sa.Column("rule_id", sa.BigInteger(), nullable=True)),
        ("prompts", sa.Column("content_warning", sa.String(), nullable=True)),
        ("prompts", sa.Column("in_use", sa.Boolean(), server_default=sa.text("true"), nullable=False)),
        (
            "completions",
            sa.Column("evidence", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        ),
        ("users", sa.Column("sees_sensitive", sa.Boolean(), server_default=sa.text("true"), nullable=False)),
    )


def add_columns() -> None:
    for table, column in columns():
        op.add_column(table, column)
        if column.name == "rule_id":
            op.create_foreign_key(op.f(f"fk_{table}_rule_id"), table, "rules", ["rule_id"], ["id"])


def make_reports() -> None:
    op.create_table(
        "prompt_reports",
        *numbered(),
        sa.Column("prompt_id", sa.BigInteger(), nullable=False),
        sa.Column("reporter_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        moment("created_at"),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(resolved_at IS NULL) = (resolved_by_id IS NULL)", name=op.f("ck_prompt_reports_somebody_resolved_it")
        ),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name=op.f("fk_prompt_reports_prompt_id")),
        sa.ForeignKeyConstraint(["reporter_id"], ["users.id"], name=op.f("fk_prompt_reports_reporter_id")),
        sa.ForeignKeyConstraint(["resolved_by_id"], ["users.id"], name=op.f("fk_prompt_reports_resolved_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_reports")),
        sa.UniqueConstraint("prompt_id", "reporter_id", name=op.f("uq_prompt_reports_prompt_id_reporter_id")),
    )


def make_acknowledgements() -> None:
    op.create_table(
        "guidelines_acknowledgements",
        sa.Column("guidelines_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        moment("created_at"),
        sa.ForeignKeyConstraint(
            ["guidelines_id"], ["guidelines.id"], name=op.f("fk_guidelines_acknowledgements_guidelines_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_guidelines_acknowledgements_user_id")),
        sa.PrimaryKeyConstraint("guidelines_id", "user_id", name=op.f("pk_guidelines_acknowledgements")),
    )


def make_rendered_texts() -> None:
    op.create_table(
        "rendered_texts",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("renderer", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "renderer", "language", name=op.f("pk_rendered_texts")),
    )
