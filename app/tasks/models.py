"""A task, the outputs it shows, and one labeler's lease on it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.campaigns.models import CampaignKind
from app.db import Base, Created, PrimaryKey, choices


class Purpose(StrEnum):
    REAL = "real"
    GOLD = "gold"
    REPEAT = "repeat"
    TRAINING = "training"
    SCREENING = "screening"


CHECKS = (Purpose.GOLD, Purpose.REPEAT, Purpose.TRAINING)  # given to one labeler at a time by `quality`, never claimed


class Task(Base):
    """`remaining` counts the slots nobody holds; it changes in the transaction that takes or returns one."""

    __tablename__ = "tasks"
    __table_args__ = (
        ForeignKeyConstraint(["campaign_id", "kind"], ["campaigns.id", "campaigns.kind"]),
        UniqueConstraint("id", "prompt_id"),
        CheckConstraint(
            "(kind IN ('write_prompts', 'red_team')) = (prompt_id IS NULL)", name="only_writing_has_no_prompt"
        ),
        CheckConstraint("(prompt_id IS NULL) = (brief IS NOT NULL)", name="writing_has_a_brief"),
        CheckConstraint("remaining BETWEEN 0 AND overlap", name="remaining_in_range"),
        Index(
            "ix_tasks_claimable",
            "campaign_id",
            "position",
            postgresql_where=text("remaining > 0 AND NOT set_aside"),
        ),
    )

    id: Mapped[PrimaryKey]
    campaign_id: Mapped[int]
    kind: Mapped[CampaignKind] = mapped_column(choices(CampaignKind, "kind"))
    prompt_id: Mapped[int | None] = mapped_column(ForeignKey("prompts.id"), index=True)
    brief: Mapped[dict[str, Any] | None]  # what to write, where a prompt is to be written
    purpose: Mapped[Purpose] = mapped_column(choices(Purpose, "purpose"), server_default=Purpose.REAL)
    position: Mapped[float] = mapped_column(Double, server_default=func.random())  # random once, then fixed
    overlap: Mapped[int]
    remaining: Mapped[int]
    skips: Mapped[int] = mapped_column(server_default="0")
    set_aside: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[Created]


class TaskCompletion(Base):
    """The task's outputs in a fixed order; each answers the task's own prompt."""

    __tablename__ = "task_completions"
    __table_args__ = (
        UniqueConstraint("task_id", "position"),
        ForeignKeyConstraint(["task_id", "prompt_id"], ["tasks.id", "tasks.prompt_id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["completion_id", "prompt_id"], ["completions.id", "completions.prompt_id"]),
        CheckConstraint("position BETWEEN 0 AND 8", name="at_most_nine"),
        Index("ix_task_completions_completion_id", "completion_id"),
    )

    task_id: Mapped[int] = mapped_column(primary_key=True)
    completion_id: Mapped[int] = mapped_column(primary_key=True)
    prompt_id: Mapped[int]
    position: Mapped[int]


class AssignmentState(StrEnum):
    """`leased` holds a slot (one at a time); `expired` gave it back but its work stays and may still be submitted."""

    LEASED = "leased"
    EXPIRED = "expired"
    SUBMITTED = "submitted"
    SKIPPED = "skipped"


class Assignment(Base):
    __tablename__ = "assignments"
    __table_args__ = (
        UniqueConstraint("labeler_id", "task_id"),  # led by the labeler: the claim's NOT EXISTS needs it so
        UniqueConstraint("id", "task_id", "labeler_id"),
        Index("ix_assignments_task_id", "task_id"),
        Index("ix_assignments_leases", "deadline", postgresql_where=text("state = 'leased'")),
        Index("uq_assignments_one_lease", "labeler_id", unique=True, postgresql_where=text("state = 'leased'")),
        Index("ix_assignments_unfinished", "labeler_id", postgresql_where=text("state IN ('leased', 'expired')")),
        CheckConstraint("active_seconds >= 0", name="time_is_not_negative"),
    )

    id: Mapped[PrimaryKey]
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    labeler_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    state: Mapped[AssignmentState] = mapped_column(
        choices(AssignmentState, "state"), server_default=AssignmentState.LEASED
    )
    shown_order: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))  # completion ids, letter A first
    draft: Mapped[dict[str, Any] | None]
    draft_version: Mapped[int] = mapped_column(server_default="0")
    draft_saved_at: Mapped[datetime | None]
    active_seconds: Mapped[float] = mapped_column(Double, server_default="0")
    heartbeat_at: Mapped[Created]
    deadline: Mapped[datetime]
    created_at: Mapped[Created]

    @property
    def was_sent(self) -> bool:
        """Whether there is an annotation of it, if only one that says why it was skipped."""
        return self.state in (AssignmentState.SUBMITTED, AssignmentState.SKIPPED)
