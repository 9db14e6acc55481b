"""Let reward models be cross-validated by groups of labelers"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

STATES = ("running", "finished", "failed", "cancelled")


def upgrade() -> None:
    op.create_table(
        "cross_validations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("reward_model_id", sa.BigInteger(), nullable=False),
        sa.Column("folds", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(*STATES, name="state", native_enum=False, create_constraint=True, length=32),
            server_default="running",
            nullable=False,
        ),
        sa.Column("judged_id", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_by_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("folds BETWEEN 2 AND 20", name=op.f("ck_cross_validations_has_several_folds")),
        *_keys("cross_validations", created_by_id="users", judged_id="datasets", project_id="projects"),
        *_keys("cross_validations", reward_model_id="checkpoints"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cross_validations")),
    )
    op.create_index(op.f("ix_cross_validations_project_id"), "cross_validations", ["project_id"])
    op.create_index(
        "uq_cross_validations_under_way",
        "cross_validations",
        ["project_id"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "cross_validation_folds",
        sa.Column("cross_validation_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("taught_id", sa.BigInteger(), nullable=True),
        sa.Column("training_id", sa.BigInteger(), nullable=True),
        sa.Column("scoring_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["cross_validation_id"],
            ["cross_validations.id"],
            name=op.f("fk_cross_validation_folds_cross_validation_id"),
            ondelete="CASCADE",
        ),
        *_keys("cross_validation_folds", taught_id="datasets", training_id="runs", scoring_id="runs"),
        sa.PrimaryKeyConstraint("cross_validation_id", "number", name=op.f("pk_cross_validation_folds")),
        sa.UniqueConstraint("training_id", name=op.f("uq_cross_validation_folds_training_id")),
        sa.UniqueConstraint("scoring_id", name=op.f("uq_cross_validation_folds_scoring_id")),
    )
    op.create_table(
        "cross_validation_labelers",
        sa.Column("cross_validation_id", sa.BigInteger(), nullable=False),
        sa.Column("labeler_id", sa.BigInteger(), nullable=False),
        sa.Column("fold", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cross_validation_id", "fold"],
            ["cross_validation_folds.cross_validation_id", "cross_validation_folds.number"],
            name=op.f("fk_cross_validation_labelers_cross_validation_id_fold"),
            ondelete="CASCADE",
        ),
        *_keys("cross_validation_labelers", labeler_id="users"),
        sa.PrimaryKeyConstraint("cross_validation_id", "labeler_id", name=op.f("pk_cross_validation_labelers")),
    )


def _keys(table: str, **tables: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))
        for column, other in tables.items()
    ]


def downgrade() -> None:
    for table in ("cross_validation_labelers", "cross_validation_folds", "cross_validations"):
        op.drop_table(table)
