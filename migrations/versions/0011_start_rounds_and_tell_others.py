"""Start rounds and tell others

When rounds start by themselves, and the events that webhooks and people are told of.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"

TABLES = ("automatic_rounds", "automations", "deliveries", "mail_wishes", "webhooks", "events")
EVENTS = (
    *("round_finished", "round_failed", "round_awaits_approval", "run_failed", "campaign_done"),
    *("data_waiting", "automation_stopped", "webhook_disabled", "test"),
)


def upgrade() -> None:
    make_events()
    make_webhooks()
    make_mail_wishes()
    make_deliveries()
    make_automations()
    make_automatic_rounds()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def number(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, autoincrement=False, server_default=default)


def identity() -> sa.Column[object]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def words(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=nullable, server_default=default)


def chosen(name: str, *values: str, default: str | None = None) -> sa.Column[object]:
    kind = sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=32)
    return sa.Column(name, kind, server_default=default, nullable=False)


def flag(name: str, default: str) -> sa.Column[object]:
    return sa.Column(name, sa.Boolean(), server_default=sa.text(default), nullable=False)


def moment(name: str = "created_at") -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False)


def refers(table: str, column: str, other: str, on_delete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=on_delete)


def make_events() -> None:
    op.create_table(
        "events",
        identity(),
        words("message_id"),
        chosen("kind", *EVENTS),
        number("project_id", nullable=True),
        words("key"),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        words("path"),
        moment(),
        refers("events", "project_id", "projects"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("key", name=op.f("uq_events_key")),
        sa.UniqueConstraint("message_id", name=op.f("uq_events_message_id")),
    )
    op.create_index("ix_events_project_id", "events", ["project_id"])


def make_webhooks() -> None:
    op.create_table(
        "webhooks",
        identity(),
        number("project_id"),
        words("url"),
        words("secret"),
        sa.Column("events", postgresql.JSONB(), nullable=False),
        flag("active", "true"),
        number("failures", default="0"),
        number("created_by_id", nullable=True),
        moment(),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_webhooks_failures_are_counted")),
        refers("webhooks", "created_by_id", "users"),
        refers("webhooks", "project_id", "projects"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    op.create_index("ix_webhooks_project_id", "webhooks", ["project_id"])


def make_mail_wishes() -> None:
    op.create_table(
        "mail_wishes",
        number("user_id"),
        chosen("kind", *EVENTS),
        refers("mail_wishes", "user_id", "users", "CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_mail_wishes")),
    )


def make_deliveries() -> None:
    op.create_table(
        "deliveries",
        identity(),
        number("event_id"),
        number("webhook_id", nullable=True),
        number("user_id", nullable=True),
        chosen("state", "waiting", "delivered", "failed", default="waiting"),
        sa.Column("attempts", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        moment(),
        sa.CheckConstraint("num_nonnulls(webhook_id, user_id) = 1", name=op.f("ck_deliveries_goes_to_one")),
        refers("deliveries", "event_id", "events", "CASCADE"),
        refers("deliveries", "user_id", "users", "CASCADE"),
        refers("deliveries", "webhook_id", "webhooks", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("event_id", "user_id", name=op.f("uq_deliveries_event_id_user_id")),
        sa.UniqueConstraint("event_id", "webhook_id", name=op.f("uq_deliveries_event_id_webhook_id")),
    )
    op.create_index("ix_deliveries_user_id", "deliveries", ["user_id"])
    op.create_index("ix_deliveries_webhook_id", "deliveries", ["webhook_id"])


def make_automations() -> None:
    op.create_table(
        "automations",
        number("project_id"),
        flag("starts", "false"),
        number("rankings", nullable=True),
        words("cron", nullable=True),
        words("zone", default="UTC"),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        number("copied_round_id", nullable=True),
        number("per_week", default="2"),
        number("most_failures", default="2"),
        moment("failures_since"),
        number("changed_by_id", nullable=True),
        sa.CheckConstraint("(cron IS NULL) = (due_at IS NULL)", name=named("a_schedule_has_a_next_time")),
        sa.CheckConstraint("NOT starts OR copied_round_id IS NOT NULL", name=named("starts_copy_a_round")),
        sa.CheckConstraint("most_failures BETWEEN 1 AND 20", name=named("most_failures_in_range")),
        sa.CheckConstraint("per_week BETWEEN 1 AND 100", name=named("per_week_in_range")),
        sa.CheckConstraint("rankings >= 1", name=named("some_rankings")),
        refers("automations", "changed_by_id", "users"),
        refers("automations", "copied_round_id", "rounds"),
        refers("automations", "project_id", "projects"),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_automations")),
    )


def named(check: str) -> str:
    return op.f(f"ck_automations_{check}")


def make_automatic_rounds() -> None:
    op.create_table(
        "automatic_rounds",
        number("round_id"),
        number("project_id"),
        chosen("trigger", "rankings", "schedule"),
        number("new_rankings"),
        moment(),
        refers("automatic_rounds", "project_id", "projects"),
        refers("automatic_rounds", "round_id", "rounds"),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_automatic_rounds")),
    )
    op.create_index("ix_automatic_rounds_project_id_created_at", "automatic_rounds", ["project_id", "created_at"])
