"""What reviewers decide about submitted work, and which ranking of a task an adjudicator prefers."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class Decision(StrEnum):
    """`restored` lifts an exclusion; all but an unanswered `sent_back` end the wait for review."""

    APPROVED = "approved"
    CORRECTED = "corrected"
    SENT_BACK = "sent_back"
    EXCLUDED = "excluded"
    RESTORED = "restored"


class ExclusionReason(StrEnum):
    CARELESS = "careless"
    MISTAKEN = "mistaken"
    AGAINST_GUIDELINES = "against_guidelines"
    PERSONAL_INFORMATION = "personal_information"
    DUPLICATE = "duplicate"
    OTHER = "other"


class ReviewDecision(Base):
    """One reviewer's word on one revision. The last of an assignment stands, the others are kept.

    An exclusion holds for later revisions too, until a reviewer decides otherwise: nobody revises their way back in.
    """

    __tablename__ = "review_decisions"
    __table_args__ = (
        Index("uq_review_decisions_standing", "assignment_id", unique=True, postgresql_where=text("standing")),
        Index("ix_review_decisions_assignment_id", "assignment_id"),
        Index("ix_review_decisions_annotation_id", "annotation_id"),
        Index(
            "ix_review_decisions_came_back",
            "assignment_id",
            postgresql_where=text("standing AND decision = 'sent_back' AND answer IS NULL"),
        ),
        CheckConstraint("(decision = 'excluded') = (reason IS NOT NULL)", name="exclusions_have_a_reason"),
        CheckConstraint("(decision = 'corrected') = (correction_id IS NOT NULL)", name="corrections_are_there"),
        CheckConstraint("decision <> 'sent_back' OR comment <> ''", name="what_is_sent_back_says_why"),
        CheckConstraint("answer IS NULL OR decision = 'sent_back'", name="only_what_is_sent_back_is_answered"),
        CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answers_have_a_time"),
    )

    id: Mapped[PrimaryKey]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"))
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"))  # the revision that was looked at
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    decision: Mapped[Decision] = mapped_column(choices(Decision, "decision"))
    reason: Mapped[ExclusionReason | None] = mapped_column(choices(ExclusionReason, "reason"))
    comment: Mapped[str] = mapped_column(server_default="")
    correction_id: Mapped[int | None] = mapped_column(ForeignKey("annotations.id"))
    answer: Mapped[str | None]  # of a labeler who stands by what came back
    answered_at: Mapped[datetime | None]
    standing: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[Created]


class Adjudication(Base):
    """The annotation that an adjudicator prefers of a task's: a labeler's, or one of the adjudicator's own.

    One of the adjudicator's own is kept as surplus, so that nothing counts it among the labelers' answers.
    """

    __tablename__ = "adjudications"
    __table_args__ = (
        Index("uq_adjudications_standing", "task_id", unique=True, postgresql_where=text("standing")),
        Index("ix_adjudications_annotation_id", "annotation_id"),
    )

    id: Mapped[PrimaryKey]
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"))
    adjudicator_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    comment: Mapped[str] = mapped_column(server_default="")
    standing: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[Created]
