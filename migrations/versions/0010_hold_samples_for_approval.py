"""Hold samples until somebody approves them, and count what no labeler sees of them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

BEFORE = ("running", "waiting", "finished", "failed", "cancelled")
AFTER = ("running", "waiting", "finished", "rejected", "failed", "cancelled")
COUNTS = ("sampled", "alike", "left_out")


def upgrade() -> None:
    _take_states(AFTER)
    for name in COUNTS:
        op.add_column("round_campaigns", sa.Column(name, sa.BigInteger(), nullable=True))
    op.create_table(
        "round_approvals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("state", sa.String(32), server_default="asked", nullable=False),
        sa.Column("seen", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('asked', 'approved', 'rejected')", name=op.f("ck_round_approvals_state")),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL)", name=op.f("ck_round_approvals_decided_at_some_time")
        ),
        sa.CheckConstraint(
            "(state = 'rejected') = (reason IS NOT NULL)", name=op.f("ck_round_approvals_rejected_for_a_reason")
        ),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("fk_round_approvals_round_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_round_approvals_run_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["users.id"], name=op.f("fk_round_approvals_decided_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_round_approvals")),
        sa.UniqueConstraint("run_id", name=op.f("uq_round_approvals_run_id")),
    )
    op.create_index(op.f("ix_round_approvals_round_id"), "round_approvals", ["round_id"])


def downgrade() -> None:
    op.drop_table("round_approvals")
    for name in COUNTS:
        op.drop_column("round_campaigns", name)
    op.execute("UPDATE rounds SET state = 'failed', error = 'The samples were rejected.' WHERE state = 'rejected'")
    _take_states(BEFORE)


def _take_states(states: tuple[str, ...]) -> None:
    name = op.f("ck_rounds_state")
    op.drop_constraint(name, "rounds", type_="check")
    op.create_check_constraint(name, "rounds", f"state IN ({', '.join(repr(state) for state in states)})")
