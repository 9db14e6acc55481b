"""Know the workers and pause runs

Also: what a run needs of its worker, how far its tries came, its curves in bands and what it wrote last; runs that
align a policy without reinforcement learning.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"

STAGES_BEFORE = ("pretrain", "sft", "reward", "ppo", "sample", "score")
STAGES = ("pretrain", "sft", "reward", "ppo", "align", "sample", "score")
STATES_BEFORE = ("queued", "running", "finished", "failed", "cancelled")
STATES = ("queued", "running", "paused", "finished", "failed", "cancelled")

BAND_RUNS_THAT_ARE_THERE = """
    INSERT INTO run_metric_bands (run_id, band, lines, low, high)
    SELECT run_id, band, max(lines), jsonb_object_agg(name, low), jsonb_object_agg(name, high)
      FROM (SELECT run_id, step / 64 AS band, key AS name, count(*) AS lines,
                   min(value::float8) AS low, max(value::float8) AS high
              FROM run_metrics, jsonb_each(values)
             WHERE jsonb_typeof(value) = 'number' AND key NOT IN ('step', 'time')
             GROUP BY run_id, band, key) AS numbers
     GROUP BY run_id, band
"""


def upgrade() -> None:
    replace_choices("runs", "stage", STAGES)
    replace_choices("runs", "state", STATES)
    for column in columns():
        op.add_column("runs", column)
    op.create_check_constraint(op.f("ck_runs_needs_some_memory"), "runs", "needs_memory > 0")
    make_bands()
    make_glimpses()
    make_workers()
    op.execute(BAND_RUNS_THAT_ARE_THERE)


def downgrade() -> None:
    for table in ("workers", "run_glimpses", "run_metric_bands"):
        op.drop_table(table)
    for column in reversed(columns()):
        op.drop_column("runs", column.name)
    replace_choices("runs", "state", STATES_BEFORE)
    replace_choices("runs", "stage", STAGES_BEFORE)


def replace_choices(table: str, column: str, values: tuple[str, ...]) -> None:
    """A downgrade fails, and changes nothing, where rows hold a value that it would take away."""
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, sa.column(column).in_(values))


def columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("reached", sa.Double(), server_default="0", nullable=False),
        sa.Column("fruitless", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("needs_gpu", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("needs_memory", sa.BigInteger(), nullable=True),
        sa.Column("needs_label", sa.String(), nullable=True),
        sa.Column("pause_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def of_run(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f(f"fk_{table}_run_id"), ondelete="CASCADE")


def moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False)


def make_bands() -> None:
    op.create_table(
        "run_metric_bands",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("band", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("low", postgresql.JSONB(), nullable=False),
        sa.Column("high", postgresql.JSONB(), nullable=False),
        of_run("run_metric_bands"),
        sa.PrimaryKeyConstraint("run_id", "band", name=op.f("pk_run_metric_bands")),
    )


def make_glimpses() -> None:
    op.create_table(
        "run_glimpses",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("outputs", postgresql.JSONB(), nullable=False),
        sa.Column("log", sa.String(), nullable=False),
        moment("at"),
        of_run("run_glimpses"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_glimpses")),
    )


def make_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("process", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("cores", sa.BigInteger(), nullable=False),
        sa.Column("gpus", sa.BigInteger(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=False),
        sa.Column("free_memory", sa.BigInteger(), nullable=False),
        sa.Column("gpu_memory", sa.BigInteger(), nullable=True),
        sa.Column("load", sa.Double(), nullable=False),
        sa.Column("labels", postgresql.JSONB(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=True),
        moment("started_at"),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
        sa.UniqueConstraint("name", name=op.f("uq_workers_name")),
    )
