"""A run: one stage executed by a worker, from its settings and dataset to the checkpoint that it produced."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class Stage(StrEnum):
    PRETRAIN = "pretrain"
    SFT = "sft"
    REWARD = "reward"
    PPO = "ppo"
    ALIGN = "align"
    SAMPLE = "sample"
    SCORE = "score"


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Run(Base):
    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_queue", "created_at", postgresql_where=text("state = 'queued'")),
        CheckConstraint("progress BETWEEN 0 AND 1", name="progress_in_range"),
        CheckConstraint("state <> 'running' OR heartbeat_at IS NOT NULL", name="running_runs_have_a_heartbeat"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    stage: Mapped[Stage] = mapped_column(choices(Stage, "stage"))
    state: Mapped[RunState] = mapped_column(choices(RunState, "state"), server_default=RunState.QUEUED)
    settings: Mapped[dict[str, Any]]  # the stage's own settings (trainer.config); paths are filled in by the worker
    produced_checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"), unique=True)
    progress: Mapped[float] = mapped_column(Double, server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    worker: Mapped[str | None]  # host and process that runs it
    heartbeat_at: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    error: Mapped[str | None]
    log_tail: Mapped[str | None]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    @property
    def location(self) -> str:
        """The run folder, below the files folder."""
        return f"runs/{self.id}-{self.stage}"


class RunInput(Base):
    """What a run reads, by the name of the setting that it fills: a dataset or a checkpoint."""

    __tablename__ = "run_inputs"
    __table_args__ = (CheckConstraint("num_nonnulls(dataset_id, checkpoint_id) = 1", name="one_input"),)

    id: Mapped[PrimaryKey]
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    setting: Mapped[str]
    dataset_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id"), index=True)
    checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"), index=True)


class RunMetric(Base):
    """One line of `metrics.jsonl`."""

    __tablename__ = "run_metrics"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    values: Mapped[dict[str, Any]]
    at: Mapped[Created]
