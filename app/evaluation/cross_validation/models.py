"""Cross-validation of a reward model: its labelers dealt into folds, and for each fold a model that never saw them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class ValidationState(StrEnum):
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CrossValidation(Base):
    __tablename__ = "cross_validations"
    __table_args__ = (
        CheckConstraint("folds BETWEEN 2 AND 20", name="has_several_folds"),
        Index("uq_cross_validations_under_way", "project_id", unique=True, postgresql_where=text("state = 'running'")),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    reward_model_id: Mapped[int] = mapped_column(ForeignKey("checkpoints.id"))  # whose run is repeated for each fold
    folds: Mapped[int]
    seed: Mapped[int]  # which labelers share a fold
    state: Mapped[ValidationState] = mapped_column(
        choices(ValidationState, "state"), server_default=ValidationState.RUNNING
    )
    judged_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id"))  # rankings that no fold learns from
    error: Mapped[str | None]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]
    finished_at: Mapped[datetime | None]


class Fold(Base):
    """What stands for one group of labelers: rankings of all others, the model that learned them, and its scores."""

    __tablename__ = "cross_validation_folds"

    cross_validation_id: Mapped[int] = mapped_column(
        ForeignKey("cross_validations.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    taught_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id"))
    training_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"), unique=True)
    scoring_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id"), unique=True)


class FoldLabeler(Base):
    """In which fold a labeler is left out, decided once, as the cross-validation starts."""

    __tablename__ = "cross_validation_labelers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["cross_validation_id", "fold"],
            ["cross_validation_folds.cross_validation_id", "cross_validation_folds.number"],
            ondelete="CASCADE",
        ),
    )

    cross_validation_id: Mapped[int] = mapped_column(primary_key=True)
    labeler_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    fold: Mapped[int]
