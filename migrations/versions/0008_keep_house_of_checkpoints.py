"""Keep house of checkpoints: their size, whether they are pinned or archived, and when their files were deleted"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

CHECKS = {
    "pinned_keep_their_files": "NOT pinned OR files_deleted_at IS NULL",
    "size_is_not_negative": "size >= 0",
}


def columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("files_deleted_at", sa.DateTime(timezone=True), nullable=True),
    )


def upgrade() -> None:
    for column in columns():
        op.add_column("checkpoints", column)
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_checkpoints_{name}"), "checkpoints", condition)
    op.create_index(op.f("ix_checkpoints_parent_id"), "checkpoints", ["parent_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_checkpoints_parent_id"), table_name="checkpoints")
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_checkpoints_{name}"), "checkpoints", type_="check")
    for column in reversed(columns()):
        op.drop_column("checkpoints", column.name)
