"""Know the workers and pause runs

Also: runs that align a policy without reinforcement learning.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

STAGES_BEFORE = ("pretrain", "sft", "reward", "ppo", "sample", "score")
STAGES = ("pretrain", "sft", "reward", "ppo", "align", "sample", "score")


def upgrade() -> None:
    replace_choices("runs", "stage", STAGES)


def downgrade() -> None:
    replace_choices("runs", "stage", STAGES_BEFORE)


def replace_choices(table: str, column: str, values: tuple[str, ...]) -> None:
    """A downgrade fails, and changes nothing, where rows hold a value that it would take away."""
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, sa.column(column).in_(values))
