"""When a project's rounds start by themselves, and which ones did."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, choices


class Trigger(StrEnum):
    RANKINGS = "rankings"
    SCHEDULE = "schedule"


class Automation(Base):
    """A project's settings. Where `starts` is false, `rankings` only says from how many on people are told."""

    __tablename__ = "automations"
    __table_args__ = (
        CheckConstraint("NOT starts OR copied_round_id IS NOT NULL", name="starts_copy_a_round"),
        CheckConstraint("rankings >= 1", name="some_rankings"),
        CheckConstraint("per_week BETWEEN 1 AND 100", name="per_week_in_range"),
        CheckConstraint("most_failures BETWEEN 1 AND 20", name="most_failures_in_range"),
        CheckConstraint("(cron IS NULL) = (due_at IS NULL)", name="a_schedule_has_a_next_time"),
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    starts: Mapped[bool] = mapped_column(server_default=text("false"))
    rankings: Mapped[int | None]  # new ones, since a round froze its comparisons
    cron: Mapped[str | None]
    zone: Mapped[str] = mapped_column(server_default="UTC")
    due_at: Mapped[datetime | None]  # the schedule's next time; one that passed stays due until a round starts
    copied_round_id: Mapped[int | None] = mapped_column(ForeignKey("rounds.id"))
    per_week: Mapped[int] = mapped_column(server_default="2")
    most_failures: Mapped[int] = mapped_column(server_default="2")  # in a row
    failures_since: Mapped[Created]  # earlier ones were looked at by a person
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class AutomaticRound(Base):
    """A round that nobody started, and why it did."""

    __tablename__ = "automatic_rounds"
    __table_args__ = (Index("ix_automatic_rounds_project_id_created_at", "project_id", "created_at"),)

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    trigger: Mapped[Trigger] = mapped_column(choices(Trigger, "trigger"))
    new_rankings: Mapped[int]
    created_at: Mapped[Created]
