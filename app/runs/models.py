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
    PAUSED = "paused"  # with a checkpoint, until somebody lets it go on
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Run(Base):
    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_queue", "created_at", postgresql_where=text("state = 'queued'")),
        CheckConstraint("progress BETWEEN 0 AND 1", name="progress_in_range"),
        CheckConstraint("state <> 'running' OR heartbeat_at IS NOT NULL", name="running_runs_have_a_heartbeat"),
        CheckConstraint("needs_memory > 0", name="needs_some_memory"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    stage: Mapped[Stage] = mapped_column(choices(Stage, "stage"))
    state: Mapped[RunState] = mapped_column(choices(RunState, "state"), server_default=RunState.QUEUED)
    settings: Mapped[dict[str, Any]]  # the stage's own settings (trainer.config); paths are filled in by the worker
    produced_checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"), unique=True)
    progress: Mapped[float] = mapped_column(Double, server_default="0")
    attempts: Mapped[int] = mapped_column(server_default="0")
    reached: Mapped[float] = mapped_column(Double, server_default="0")  # the progress at which a try broke off last
    fruitless: Mapped[int] = mapped_column(server_default="0")  # tries in a row that broke off without coming further
    needs_gpu: Mapped[bool] = mapped_column(server_default=text("false"))
    needs_memory: Mapped[int | None]  # MiB of the device that it trains on
    needs_label: Mapped[str | None]
    worker: Mapped[str | None]  # host and process that runs it
    heartbeat_at: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(server_default=text("false"))
    pause_requested: Mapped[bool] = mapped_column(server_default=text("false"))
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


class RunMetricBand(Base):
    """The least and the greatest of each number among 64 steps (`app.runs.metrics`), so that long runs open quickly."""

    __tablename__ = "run_metric_bands"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    band: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lines: Mapped[int]
    low: Mapped[dict[str, Any]]
    high: Mapped[dict[str, Any]]


class RunGlimpse(Base):
    """What a run wrote last: a few of its outputs and the end of its log, readable when its folder is out of reach."""

    __tablename__ = "run_glimpses"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    outputs: Mapped[list[Any]]
    log: Mapped[str]
    at: Mapped[Created]


class Worker(Base):
    """A process that takes runs. It says now and then that it is there, and takes its row away when it ends."""

    __tablename__ = "workers"

    id: Mapped[PrimaryKey]
    name: Mapped[str] = mapped_column(unique=True)  # signs the runs that it takes
    host: Mapped[str]
    process: Mapped[int]
    device: Mapped[str]
    cores: Mapped[int]
    gpus: Mapped[int]
    memory: Mapped[int]  # MiB, as the next two
    free_memory: Mapped[int]
    gpu_memory: Mapped[int | None]  # of the smallest
    load: Mapped[float] = mapped_column(Double)  # processes that want a core, over the last minute
    labels: Mapped[list[Any]]
    trouble: Mapped[str | None]  # why it takes no runs
    started_at: Mapped[Created]
    heartbeat_at: Mapped[datetime]
