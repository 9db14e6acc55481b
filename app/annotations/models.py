"""What was submitted. Revisions supersede; nothing is overwritten."""

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import Cohort
from app.db import Base, Created, PrimaryKey, choices


class AnnotationKind(StrEnum):
    DEMONSTRATION = "demonstration"
    RANKING = "ranking"
    RATING = "rating"
    PROMPT = "prompt"
    SKIP = "skip"


class Annotation(Base):
    """Cohort and simulated are stamped when it is made, so that moving a person later leaks nothing."""

    __tablename__ = "annotations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["assignment_id", "task_id", "labeler_id"],
            ["assignments.id", "assignments.task_id", "assignments.labeler_id"],
        ),
        UniqueConstraint("assignment_id", "idempotency_key"),
        UniqueConstraint("assignment_id", "revision"),
        UniqueConstraint("supersedes_id"),
        Index("uq_annotations_current", "assignment_id", unique=True, postgresql_where=text("current")),
        Index("ix_annotations_task_id", "task_id"),
        Index("ix_annotations_labeler_id_created_at", "labeler_id", "created_at"),
        CheckConstraint("(kind = 'demonstration') = (completion_id IS NOT NULL)", name="demonstrations_have_a_text"),
        CheckConstraint("(kind = 'prompt') = (prompt_id IS NOT NULL)", name="written_prompts_have_a_prompt"),
        CheckConstraint("(kind = 'skip') = (skip_reason IS NOT NULL)", name="skips_have_a_reason"),
        CheckConstraint("(revision > 1) = (supersedes_id IS NOT NULL)", name="revisions_supersede"),
    )

    id: Mapped[PrimaryKey]
    assignment_id: Mapped[int]
    task_id: Mapped[int]
    labeler_id: Mapped[int]
    kind: Mapped[AnnotationKind] = mapped_column(choices(AnnotationKind, "kind"))
    revision: Mapped[int] = mapped_column(server_default="1")
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("annotations.id"))
    current: Mapped[bool] = mapped_column(server_default=text("true"))
    surplus: Mapped[bool] = mapped_column(server_default=text("false"))
    cohort: Mapped[Cohort] = mapped_column(choices(Cohort, "cohort"))
    simulated: Mapped[bool]
    form_version_id: Mapped[int] = mapped_column(ForeignKey("form_versions.id"))
    completion_id: Mapped[int | None] = mapped_column(ForeignKey("completions.id"))
    prompt_id: Mapped[int | None] = mapped_column(ForeignKey("prompts.id"))
    prompt_ratings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    skip_reason: Mapped[str | None]
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # who made it in review, if not the labeler
    idempotency_key: Mapped[str]
    seconds: Mapped[float | None] = mapped_column(Double)  # active time, idle excluded
    created_at: Mapped[Created]


class AnnotatedOutput(Base):
    """One output as this annotation judges it: its rank (1 best, dense, ties equal) and its ratings."""

    __tablename__ = "annotated_outputs"
    __table_args__ = (CheckConstraint("rank BETWEEN 1 AND 9", name="rank_in_range"),)

    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id", ondelete="CASCADE"), primary_key=True)
    completion_id: Mapped[int] = mapped_column(ForeignKey("completions.id"), primary_key=True)
    rank: Mapped[int | None]
    ratings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
