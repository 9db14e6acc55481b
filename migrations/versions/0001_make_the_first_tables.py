"""Make the first tables"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

CHILDREN_FIRST = (
    "dataset_annotations",
    "annotated_outputs",
    "annotations",
    "task_completions",
    "assignments",
    "tasks",
    "run_metrics",
    "run_inputs",
    "round_runs",
    "round_campaigns",
    "completion_scores",
    "completion_authors",
    "campaign_members",
    "runs",
    "round_datasets",
    "completions",
    "campaigns",
    "sessions",
    "rounds",
    "prompts",
    "one_time_links",
    "guidelines",
    "form_versions",
    "datasets",
    "checkpoints",
    "users",
    "sign_in_attempts",
    "projects",
)


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("default_k", sa.BigInteger(), server_default="4", nullable=False),
        sa.Column("default_overlap", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("default_k BETWEEN 2 AND 9", name=op.f("ck_projects_k_in_range")),
        sa.CheckConstraint("default_overlap BETWEEN 1 AND 20", name=op.f("ck_projects_overlap_in_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("name", name=op.f("uq_projects_name")),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempts")),
    )
    op.create_index("ix_sign_in_attempts_key_at", "sign_in_attempts", ["key", "at"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column(
            "role",
            sa.Enum(
                "labeler", "researcher", "admin", name="role", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "cohort",
            sa.Enum("training", "held_out", name="cohort", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column(
            "origin",
            sa.Enum(
                "person", "simulated", "imported", name="origin", native_enum=False, create_constraint=True, length=32
            ),
            server_default="person",
            nullable=False,
        ),
        sa.Column("language", sa.String(), server_default="en", nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("(role = 'labeler') = (cohort IS NOT NULL)", name=op.f("ck_users_labelers_have_a_cohort")),
        sa.CheckConstraint(
            "origin <> 'imported' OR password_hash IS NULL", name=op.f("ck_users_imported_never_sign_in")
        ),
        sa.CheckConstraint("origin = 'imported' OR email IS NOT NULL", name=op.f("ck_users_people_have_an_email")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_index(
        "uq_users_pseudonym", "users", ["name"], unique=True, postgresql_where=sa.text("origin = 'imported'")
    )
    op.create_table(
        "checkpoints",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "base",
                "sft",
                "reward",
                "policy",
                "external",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "metrics", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "(kind = 'external') = (location IS NULL)", name=op.f("ck_checkpoints_only_external_have_no_files")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["checkpoints.id"], name=op.f("fk_checkpoints_parent_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_checkpoints_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoints")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_checkpoints_project_id_name")),
    )
    op.create_table(
        "datasets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "demonstrations",
                "comparisons",
                "prompts",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("filter", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("manifest", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_datasets_created_by_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_datasets_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_datasets_project_id_name")),
    )
    op.create_table(
        "form_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("imported", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_form_versions_author_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_form_versions_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_form_versions")),
        sa.UniqueConstraint("project_id", "version", name=op.f("uq_form_versions_project_id_version")),
    )
    op.create_table(
        "guidelines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_guidelines_author_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_guidelines_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guidelines")),
        sa.UniqueConstraint("project_id", "version", name=op.f("uq_guidelines_project_id_version")),
    )
    op.create_table(
        "one_time_links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("invite", "reset", "sign_in", name="purpose", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column(
            "role",
            sa.Enum(
                "labeler", "researcher", "admin", name="role", native_enum=False, create_constraint=True, length=32
            ),
            nullable=True,
        ),
        sa.Column(
            "cohort",
            sa.Enum("training", "held_out", name="cohort", native_enum=False, create_constraint=True, length=32),
            nullable=True,
        ),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(purpose = 'invite') = (user_id IS NULL)", name=op.f("ck_one_time_links_only_invitations_lack_a_user")
        ),
        sa.CheckConstraint(
            "purpose <> 'invite' OR (email IS NOT NULL AND role IS NOT NULL)",
            name=op.f("ck_one_time_links_invitation_complete"),
        ),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_one_time_links_created_by_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_one_time_links_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_links")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_one_time_links_token_digest")),
    )
    op.create_table(
        "prompts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("messages", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "imported", "labeler", "generated", name="source", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "plain", "few_shot", "user_based", name="kind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=True,
        ),
        sa.Column("use_case", sa.String(), nullable=True),
        sa.Column("customer", sa.String(), nullable=True),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column(
            "split",
            sa.Enum("train", "validation", "test", name="split", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "(source = 'labeler') = (author_id IS NOT NULL)", name=op.f("ck_prompts_labelers_sign_their_prompts")
        ),
        sa.CheckConstraint("(source = 'labeler') = (kind IS NOT NULL)", name=op.f("ck_prompts_labelers_name_the_kind")),
        sa.CheckConstraint("jsonb_array_length(messages) > 0", name=op.f("ck_prompts_has_messages")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_prompts_author_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_prompts_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompts")),
        sa.UniqueConstraint("project_id", "digest", name=op.f("uq_prompts_project_id_digest")),
    )
    op.create_index("ix_prompts_project_split", "prompts", ["project_id", "split"], unique=False)
    op.create_index("uq_prompts_project_external", "prompts", ["project_id", "external_id"], unique=True)
    op.create_table(
        "rounds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "waiting",
                "finished",
                "failed",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="running",
            nullable=False,
        ),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_rounds_created_by_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_rounds_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rounds")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_rounds_project_id_number")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_sessions_token_digest")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "demonstrate",
                "compare",
                "rate",
                "write_prompts",
                "evaluate",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("draft", "open", "closed", name="state", native_enum=False, create_constraint=True, length=32),
            server_default="draft",
            nullable=False,
        ),
        sa.Column("imported", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("form_version_id", sa.BigInteger(), nullable=True),
        sa.Column("guidelines_id", sa.BigInteger(), nullable=True),
        sa.Column("overlap", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "cohort",
            sa.Enum("training", "held_out", name="cohort", native_enum=False, create_constraint=True, length=32),
            server_default="training",
            nullable=False,
        ),
        sa.Column("priority", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_minutes", sa.BigInteger(), server_default="60", nullable=False),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind <> 'evaluate' OR cohort = 'held_out' OR imported", name=op.f("ck_campaigns_held_out_evaluates")
        ),
        sa.CheckConstraint(
            "state = 'draft' OR form_version_id IS NOT NULL", name=op.f("ck_campaigns_form_frozen_when_open")
        ),
        sa.CheckConstraint("lease_minutes BETWEEN 1 AND 1440", name=op.f("ck_campaigns_lease_in_range")),
        sa.CheckConstraint("overlap BETWEEN 1 AND 20", name=op.f("ck_campaigns_overlap_in_range")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_campaigns_created_by_id")),
        sa.ForeignKeyConstraint(["form_version_id"], ["form_versions.id"], name=op.f("fk_campaigns_form_version_id")),
        sa.ForeignKeyConstraint(["guidelines_id"], ["guidelines.id"], name=op.f("fk_campaigns_guidelines_id")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_campaigns_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("id", "kind", name=op.f("uq_campaigns_id_kind")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_campaigns_project_id_name")),
    )
    op.create_table(
        "completions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("prompt_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "text IS NOT NULL OR external_id IS NOT NULL", name=op.f("ck_completions_text_or_external_id")
        ),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name=op.f("fk_completions_prompt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completions")),
        sa.UniqueConstraint("id", "prompt_id", name=op.f("uq_completions_id_prompt_id")),
        sa.UniqueConstraint("prompt_id", "digest", name=op.f("uq_completions_prompt_id_digest")),
    )
    op.create_table(
        "round_datasets",
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("dataset_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_round_datasets_dataset_id")),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("fk_round_datasets_round_id")),
        sa.PrimaryKeyConstraint("round_id", "dataset_id", name=op.f("pk_round_datasets")),
        sa.UniqueConstraint("round_id", "step", name=op.f("uq_round_datasets_round_id_step")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "stage",
            sa.Enum(
                "pretrain",
                "sft",
                "reward",
                "ppo",
                "sample",
                "score",
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "running",
                "finished",
                "failed",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="queued",
            nullable=False,
        ),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("produced_checkpoint_id", sa.BigInteger(), nullable=True),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("log_tail", sa.String(), nullable=True),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'running' OR heartbeat_at IS NOT NULL", name=op.f("ck_runs_running_runs_have_a_heartbeat")
        ),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name=op.f("ck_runs_progress_in_range")),
        sa.ForeignKeyConstraint(["created_by_id"], ["users.id"], name=op.f("fk_runs_created_by_id")),
        sa.ForeignKeyConstraint(
            ["produced_checkpoint_id"], ["checkpoints.id"], name=op.f("fk_runs_produced_checkpoint_id")
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_runs_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("produced_checkpoint_id", name=op.f("uq_runs_produced_checkpoint_id")),
    )
    op.create_index(op.f("ix_runs_project_id"), "runs", ["project_id"], unique=False)
    op.create_index("ix_runs_queue", "runs", ["created_at"], unique=False, postgresql_where=sa.text("state = 'queued'"))
    op.create_table(
        "campaign_members",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_members_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_campaign_members_user_id")),
        sa.PrimaryKeyConstraint("campaign_id", "user_id", name=op.f("pk_campaign_members")),
    )
    op.create_index("ix_campaign_members_user_id", "campaign_members", ["user_id", "campaign_id"], unique=False)
    op.create_table(
        "completion_authors",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("completion_id", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("token_ids", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("finish_reason", sa.String(), nullable=True),
        sa.Column("logprob", sa.Double(), nullable=True),
        sa.Column(
            "sampling", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "num_nonnulls(checkpoint_id, user_id) = 1", name=op.f("ck_completion_authors_a_checkpoint_or_a_user")
        ),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoints.id"], name=op.f("fk_completion_authors_checkpoint_id")
        ),
        sa.ForeignKeyConstraint(
            ["completion_id"], ["completions.id"], name=op.f("fk_completion_authors_completion_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_completion_authors_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completion_authors")),
    )
    op.create_index("ix_completion_authors_checkpoint_id", "completion_authors", ["checkpoint_id"], unique=False)
    op.create_index(
        "uq_completion_authors_checkpoint", "completion_authors", ["completion_id", "checkpoint_id"], unique=True
    )
    op.create_index("uq_completion_authors_user", "completion_authors", ["completion_id", "user_id"], unique=True)
    op.create_table(
        "completion_scores",
        sa.Column("completion_id", sa.BigInteger(), nullable=False),
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.id"], name=op.f("fk_completion_scores_checkpoint_id")),
        sa.ForeignKeyConstraint(
            ["completion_id"], ["completions.id"], name=op.f("fk_completion_scores_completion_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("completion_id", "checkpoint_id", name=op.f("pk_completion_scores")),
    )
    op.create_table(
        "round_campaigns",
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_round_campaigns_campaign_id")),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("fk_round_campaigns_round_id")),
        sa.PrimaryKeyConstraint("round_id", "campaign_id", name=op.f("pk_round_campaigns")),
        sa.UniqueConstraint("round_id", "step", name=op.f("uq_round_campaigns_round_id_step")),
    )
    op.create_table(
        "round_runs",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("fk_round_runs_round_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_round_runs_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_round_runs")),
        sa.UniqueConstraint("round_id", "step", name=op.f("uq_round_runs_round_id_step")),
    )
    op.create_table(
        "run_inputs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("setting", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.BigInteger(), nullable=True),
        sa.Column("checkpoint_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("num_nonnulls(dataset_id, checkpoint_id) = 1", name=op.f("ck_run_inputs_one_input")),
        sa.ForeignKeyConstraint(["checkpoint_id"], ["checkpoints.id"], name=op.f("fk_run_inputs_checkpoint_id")),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_run_inputs_dataset_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_inputs_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_inputs")),
    )
    op.create_index(op.f("ix_run_inputs_checkpoint_id"), "run_inputs", ["checkpoint_id"], unique=False)
    op.create_index(op.f("ix_run_inputs_dataset_id"), "run_inputs", ["dataset_id"], unique=False)
    op.create_index(op.f("ix_run_inputs_run_id"), "run_inputs", ["run_id"], unique=False)
    op.create_table(
        "run_metrics",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_metrics_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "step", name=op.f("pk_run_metrics")),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "demonstrate",
                "compare",
                "rate",
                "write_prompts",
                "evaluate",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("prompt_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "purpose",
            sa.Enum(
                "real",
                "gold",
                "repeat",
                "training",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="real",
            nullable=False,
        ),
        sa.Column("position", sa.Double(), server_default=sa.text("random()"), nullable=False),
        sa.Column("overlap", sa.BigInteger(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("skips", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("set_aside", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "(kind = 'write_prompts') = (prompt_id IS NULL)", name=op.f("ck_tasks_only_write_prompts_has_no_prompt")
        ),
        sa.CheckConstraint("remaining BETWEEN 0 AND overlap", name=op.f("ck_tasks_remaining_in_range")),
        sa.ForeignKeyConstraint(
            ["campaign_id", "kind"], ["campaigns.id", "campaigns.kind"], name=op.f("fk_tasks_campaign_id_kind")
        ),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name=op.f("fk_tasks_prompt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        sa.UniqueConstraint("id", "prompt_id", name=op.f("uq_tasks_id_prompt_id")),
    )
    op.create_index(
        "ix_tasks_claimable",
        "tasks",
        ["campaign_id", "position"],
        unique=False,
        postgresql_where=sa.text("remaining > 0 AND NOT set_aside"),
    )
    op.create_index(op.f("ix_tasks_prompt_id"), "tasks", ["prompt_id"], unique=False)
    op.create_table(
        "assignments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("labeler_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "leased",
                "expired",
                "submitted",
                "skipped",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="leased",
            nullable=False,
        ),
        sa.Column("shown_order", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("draft", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("draft_version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("draft_saved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active_seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column(
            "heartbeat_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("active_seconds >= 0", name=op.f("ck_assignments_time_is_not_negative")),
        sa.ForeignKeyConstraint(["labeler_id"], ["users.id"], name=op.f("fk_assignments_labeler_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_assignments_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
        sa.UniqueConstraint("id", "task_id", "labeler_id", name=op.f("uq_assignments_id_task_id_labeler_id")),
        sa.UniqueConstraint("labeler_id", "task_id", name=op.f("uq_assignments_labeler_id_task_id")),
    )
    op.create_index(
        "ix_assignments_leases", "assignments", ["deadline"], unique=False, postgresql_where=sa.text("state = 'leased'")
    )
    op.create_index("ix_assignments_task_id", "assignments", ["task_id"], unique=False)
    op.create_index(
        "uq_assignments_one_lease",
        "assignments",
        ["labeler_id"],
        unique=True,
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_table(
        "task_completions",
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("completion_id", sa.BigInteger(), nullable=False),
        sa.Column("prompt_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("position BETWEEN 0 AND 8", name=op.f("ck_task_completions_at_most_nine")),
        sa.ForeignKeyConstraint(
            ["completion_id", "prompt_id"],
            ["completions.id", "completions.prompt_id"],
            name=op.f("fk_task_completions_completion_id_prompt_id"),
        ),
        sa.ForeignKeyConstraint(
            ["task_id", "prompt_id"],
            ["tasks.id", "tasks.prompt_id"],
            name=op.f("fk_task_completions_task_id_prompt_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("task_id", "completion_id", name=op.f("pk_task_completions")),
        sa.UniqueConstraint("task_id", "position", name=op.f("uq_task_completions_task_id_position")),
    )
    op.create_index("ix_task_completions_completion_id", "task_completions", ["completion_id"], unique=False)
    op.create_table(
        "annotations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("assignment_id", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("labeler_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "demonstration",
                "ranking",
                "rating",
                "prompt",
                "skip",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("revision", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("supersedes_id", sa.BigInteger(), nullable=True),
        sa.Column("current", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("surplus", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "cohort",
            sa.Enum("training", "held_out", name="cohort", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("form_version_id", sa.BigInteger(), nullable=False),
        sa.Column("completion_id", sa.BigInteger(), nullable=True),
        sa.Column("prompt_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "prompt_ratings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("skip_reason", sa.String(), nullable=True),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "(kind = 'demonstration') = (completion_id IS NOT NULL)",
            name=op.f("ck_annotations_demonstrations_have_a_text"),
        ),
        sa.CheckConstraint(
            "(kind = 'prompt') = (prompt_id IS NOT NULL)", name=op.f("ck_annotations_written_prompts_have_a_prompt")
        ),
        sa.CheckConstraint(
            "(kind = 'skip') = (skip_reason IS NOT NULL)", name=op.f("ck_annotations_skips_have_a_reason")
        ),
        sa.CheckConstraint(
            "(revision > 1) = (supersedes_id IS NOT NULL)", name=op.f("ck_annotations_revisions_supersede")
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id", "task_id", "labeler_id"],
            ["assignments.id", "assignments.task_id", "assignments.labeler_id"],
            name=op.f("fk_annotations_assignment_id_task_id_labeler_id"),
        ),
        sa.ForeignKeyConstraint(["completion_id"], ["completions.id"], name=op.f("fk_annotations_completion_id")),
        sa.ForeignKeyConstraint(["form_version_id"], ["form_versions.id"], name=op.f("fk_annotations_form_version_id")),
        sa.ForeignKeyConstraint(["prompt_id"], ["prompts.id"], name=op.f("fk_annotations_prompt_id")),
        sa.ForeignKeyConstraint(["supersedes_id"], ["annotations.id"], name=op.f("fk_annotations_supersedes_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotations")),
        sa.UniqueConstraint(
            "assignment_id", "idempotency_key", name=op.f("uq_annotations_assignment_id_idempotency_key")
        ),
        sa.UniqueConstraint("assignment_id", "revision", name=op.f("uq_annotations_assignment_id_revision")),
        sa.UniqueConstraint("supersedes_id", name=op.f("uq_annotations_supersedes_id")),
    )
    op.create_index("ix_annotations_labeler_id_created_at", "annotations", ["labeler_id", "created_at"], unique=False)
    op.create_index("ix_annotations_task_id", "annotations", ["task_id"], unique=False)
    op.create_index(
        "uq_annotations_current", "annotations", ["assignment_id"], unique=True, postgresql_where=sa.text("current")
    )
    op.create_table(
        "annotated_outputs",
        sa.Column("annotation_id", sa.BigInteger(), nullable=False),
        sa.Column("completion_id", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=True),
        sa.Column(
            "ratings", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.CheckConstraint("rank BETWEEN 1 AND 9", name=op.f("ck_annotated_outputs_rank_in_range")),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotations.id"], name=op.f("fk_annotated_outputs_annotation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["completion_id"], ["completions.id"], name=op.f("fk_annotated_outputs_completion_id")),
        sa.PrimaryKeyConstraint("annotation_id", "completion_id", name=op.f("pk_annotated_outputs")),
    )
    op.create_table(
        "dataset_annotations",
        sa.Column("dataset_id", sa.BigInteger(), nullable=False),
        sa.Column("annotation_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"], ["annotations.id"], name=op.f("fk_dataset_annotations_annotation_id")
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.id"], name=op.f("fk_dataset_annotations_dataset_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dataset_id", "annotation_id", name=op.f("pk_dataset_annotations")),
    )
    op.create_index(
        op.f("ix_dataset_annotations_annotation_id"), "dataset_annotations", ["annotation_id"], unique=False
    )


def downgrade() -> None:
    for table in CHILDREN_FIRST:
        op.drop_table(table)
