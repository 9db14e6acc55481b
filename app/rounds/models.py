"""A round: one turn of the loop, from what was collected to the tasks that its policy's samples became."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class RoundState(StrEnum):
    RUNNING = "running"
    WAITING = "waiting"  # for people: its samples are to be approved, or are being ranked
    FINISHED = "finished"
    REJECTED = "rejected"  # its samples were, so it stopped; it can sample again
    FAILED = "failed"
    CANCELLED = "cancelled"


class Round(Base):
    __tablename__ = "rounds"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    number: Mapped[int]
    state: Mapped[RoundState] = mapped_column(choices(RoundState, "state"), server_default=RoundState.RUNNING)
    plan: Mapped[dict[str, Any]]  # app.rounds.plan.RoundPlan: stages, settings, sampling, campaigns
    error: Mapped[str | None]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]
    finished_at: Mapped[datetime | None]


class RoundRun(Base):
    """The run that does one step of the round's plan; a step has one live run."""

    __tablename__ = "round_runs"
    __table_args__ = (UniqueConstraint("round_id", "step"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"))
    step: Mapped[str]


class RoundDataset(Base):
    __tablename__ = "round_datasets"
    __table_args__ = (UniqueConstraint("round_id", "step"),)

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id"), primary_key=True)
    step: Mapped[str]


class RoundCampaign(Base):
    """A campaign that the round's samples became; how many there were, and what of them no labeler sees.

    `alike`: outputs that look like another one for the same prompt; `left_out`: prompts with too few different ones.
    """

    __tablename__ = "round_campaigns"
    __table_args__ = (UniqueConstraint("round_id", "step"),)

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    step: Mapped[str]
    sampled: Mapped[int | None]
    alike: Mapped[int | None]
    left_out: Mapped[int | None]


class ApprovalState(StrEnum):
    ASKED = "asked"
    APPROVED = "approved"
    REJECTED = "rejected"


class RoundApproval(Base):
    """Whether what a run sampled may reach labelers, what there was to see of it, and who decided.

    Of one run once: samples that are made anew are asked about anew. Nobody decided where a command did.
    """

    __tablename__ = "round_approvals"
    __table_args__ = (
        CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided_at_some_time"),
        CheckConstraint("(state = 'rejected') = (reason IS NOT NULL)", name="rejected_for_a_reason"),
    )

    id: Mapped[PrimaryKey]
    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), index=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id"), unique=True)
    step: Mapped[str]
    state: Mapped[ApprovalState] = mapped_column(choices(ApprovalState, "state"), server_default=ApprovalState.ASKED)
    seen: Mapped[dict[str, Any]]  # app.rounds.approval.seen.Seen
    reason: Mapped[str | None]
    asked_at: Mapped[Created]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
