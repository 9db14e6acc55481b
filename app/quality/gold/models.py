"""Known answers, repeated tasks, how labelers did on them, and what is noticed about a labeler in a campaign."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices
from app.tasks.models import Purpose


class GoldAnswer(Base):
    """The known answer of a task whose purpose is gold or training. Labelers read the explanation after training."""

    __tablename__ = "gold_answers"

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    explanation: Mapped[str] = mapped_column(server_default="")
    from_task_id: Mapped[int | None] = mapped_column(ForeignKey("tasks.id"))  # what it was made of
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]


class GoldOutput(Base):
    """One output in a known answer: 1 is best, equal ranks are ties; and the ratings that labelers are held against."""

    __tablename__ = "gold_outputs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["task_id", "completion_id"], ["task_completions.task_id", "task_completions.completion_id"]
        ),
        CheckConstraint("rank BETWEEN 1 AND 9", name="rank_in_range"),
    )

    task_id: Mapped[int] = mapped_column(ForeignKey("gold_answers.task_id", ondelete="CASCADE"), primary_key=True)
    completion_id: Mapped[int] = mapped_column(primary_key=True)
    rank: Mapped[int]
    ratings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class RepeatedTask(Base):
    """A task that asks a labeler again what they answered before."""

    __tablename__ = "repeated_tasks"

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    original_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), unique=True)


class CheckScore(Base):
    """How an answer agrees with the known one, or a repeat with the answer before.

    Of `pairs` of outputs `agreed` are in the same order, a tie counting half; pairs tied in the known answer are not
    counted. Of `questions` rated in the known answer, `alike` got the same answer.
    """

    __tablename__ = "check_scores"
    __table_args__ = (
        Index("ix_check_scores_labeler_id", "labeler_id", "campaign_id"),
        Index("ix_check_scores_campaign_id", "campaign_id"),
        CheckConstraint("agreed BETWEEN 0 AND pairs", name="agreed_in_range"),
        CheckConstraint("alike BETWEEN 0 AND questions", name="alike_in_range"),
    )

    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"), primary_key=True)
    labeler_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"))
    purpose: Mapped[Purpose] = mapped_column(choices(Purpose, "purpose"))
    pairs: Mapped[int]
    agreed: Mapped[float] = mapped_column(Double)
    questions: Mapped[int]
    alike: Mapped[int]
    answered_at: Mapped[datetime]

    @property
    def share(self) -> float | None:
        return self.agreed / self.pairs if self.pairs else None


class Watch(Base):
    """What is counted of a labeler in a campaign: answers, and the known answers and repeats among them.

    Signs look at answers from `since` on; a researcher who lets a paused labeler go on begins anew.
    """

    __tablename__ = "watches"
    __table_args__ = (CheckConstraint("golds >= 0 AND repeats >= 0 AND answered >= 0", name="counts"),)

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)
    labeler_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    answered: Mapped[int] = mapped_column(server_default="0")
    golds: Mapped[int] = mapped_column(server_default="0")
    repeats: Mapped[int] = mapped_column(server_default="0")
    since: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]


class SignKind(StrEnum):
    GOLD = "gold"
    OTHERS = "others"
    REPEATS = "repeats"
    POSITION = "position"
    SAMENESS = "sameness"
    SPEED = "speed"
    COPYING = "copying"


class Level(StrEnum):
    """`pause` also stopped the labeler in the campaign."""

    WARNING = "warning"
    PAUSE = "pause"


class Sign(Base):
    """What was noticed once stays until a researcher has dealt with it.

    `evidence`: the decimal logarithm of how much likelier the answers are of such a labeler than of an honest one.
    `observed` is held against `expected`; `tasks` are those that it rests on.
    """

    __tablename__ = "labeler_signs"
    __table_args__ = (
        UniqueConstraint("campaign_id", "labeler_id", "kind"),
        Index("ix_labeler_signs_labeler_id", "labeler_id"),
    )

    id: Mapped[PrimaryKey]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    labeler_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    kind: Mapped[SignKind] = mapped_column(choices(SignKind, "kind"))
    level: Mapped[Level] = mapped_column(choices(Level, "level"))
    evidence: Mapped[float] = mapped_column(Double)
    observed: Mapped[float] = mapped_column(Double)
    expected: Mapped[float] = mapped_column(Double)
    looked_at: Mapped[int]  # answers
    tasks: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    other_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))  # whose answers were copied
    raised_at: Mapped[Created]
