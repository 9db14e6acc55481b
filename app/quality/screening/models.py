"""Screening: what a project asks of labelers before they get real work (InstructGPT, appendix B.1)."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Created, PrimaryKey, choices


class Part(StrEnum):
    """`self_assessment` is the only one without tasks."""

    FLAGS = "flags"
    RANKINGS = "rankings"
    DEMONSTRATIONS = "demonstrations"
    SELF_ASSESSMENT = "self_assessment"


class AttemptState(StrEnum):
    """`waiting` for a reviewer's marks; an admin admits or refuses whoever `passed` or `failed`."""

    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"
    ADMITTED = "admitted"
    REFUSED = "refused"


class Screening(Base):
    """A project's own. Where it is `required`, only those who were admitted get real tasks of the project.

    `flags` are named `output.NAME` or `prompt.NAME` after questions of the rating form. `topics` are what labelers
    assess themselves on, and `needed_topics` those in which they have to feel comfortable.
    """

    __tablename__ = "screenings"
    __table_args__ = (
        CheckConstraint("flags_cutoff BETWEEN 0 AND 1", name="flags_cutoff_is_a_share"),
        CheckConstraint("rankings_cutoff BETWEEN 0 AND 1", name="rankings_cutoff_is_a_share"),
        CheckConstraint("demonstrations_cutoff BETWEEN 1 AND 7", name="demonstrations_cutoff_is_a_mark"),
        CheckConstraint("retake_days >= 0", name="retakes_are_in_the_future"),
    )

    id: Mapped[PrimaryKey]
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), unique=True)
    is_open: Mapped[bool] = mapped_column(server_default=text("false"))  # whether labelers may begin
    required: Mapped[bool] = mapped_column(server_default=text("false"))
    flags_cutoff: Mapped[float] = mapped_column(Double, server_default=text("0.75"))
    rankings_cutoff: Mapped[float] = mapped_column(Double, server_default=text("0.75"))
    demonstrations_cutoff: Mapped[float] = mapped_column(Double, server_default=text("6"))
    retake_days: Mapped[int | None]  # after a failure; None: only when an admin says so
    flags: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    topics: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    needed_topics: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    created_at: Mapped[Created]


class ScreeningPart(Base):
    """The campaign whose tasks are one part, for a labeler's first attempt (`sitting` 1) or a later one."""

    __tablename__ = "screening_parts"
    __table_args__ = (
        UniqueConstraint("screening_id", "part", "sitting"),
        CheckConstraint("part <> 'self_assessment'", name="only_these_have_tasks"),
        CheckConstraint("sitting >= 1", name="sittings_count_from_one"),
    )

    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaigns.id"), primary_key=True)
    screening_id: Mapped[int] = mapped_column(ForeignKey("screenings.id"))
    part: Mapped[Part] = mapped_column(choices(Part, "part"))
    sitting: Mapped[int] = mapped_column(server_default="1")


class KnownAnswer(Base):
    """What a researcher says of a screening task: `ranks` and `ratings` by completion id, in the words of annotations.

    Of ratings, the flags that the screening looks at.
    """

    __tablename__ = "screening_answers"

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    ranks: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    ratings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    prompt_ratings: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    given_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[Created]


class Attempt(Base):
    """One labeler's way through a screening. A retake is another, on tasks that ask the same anew."""

    __tablename__ = "screening_attempts"
    __table_args__ = (
        UniqueConstraint("screening_id", "labeler_id", "number"),
        Index(
            "uq_screening_attempts_begun",
            "screening_id",
            "labeler_id",
            unique=True,
            postgresql_where=text("state IN ('in_progress', 'waiting')"),
        ),
        Index("ix_screening_attempts_labeler_id", "labeler_id"),
        CheckConstraint("(state = 'in_progress') = (finished_at IS NULL)", name="finished_once_it_is_over"),
        CheckConstraint("(state IN ('admitted', 'refused')) = (decided_at IS NOT NULL)", name="decided_once_judged"),
        CheckConstraint("number >= 1", name="attempts_count_from_one"),
    )

    id: Mapped[PrimaryKey]
    screening_id: Mapped[int] = mapped_column(ForeignKey("screenings.id"))
    labeler_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    number: Mapped[int] = mapped_column(server_default="1")
    state: Mapped[AttemptState] = mapped_column(choices(AttemptState, "state"), server_default=AttemptState.IN_PROGRESS)
    comfort: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # by topic, 1 to 4; private
    began_at: Mapped[Created]
    finished_at: Mapped[datetime | None]
    retake_from: Mapped[datetime | None]  # when another attempt may begin; None: not yet known
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str | None]

    @property
    def is_under_way(self) -> bool:
        return self.state in (AttemptState.IN_PROGRESS, AttemptState.WAITING)


class PartScore(Base):
    """What an attempt reached, against the cut-off of that day: a share from 0 to 1, or a mean mark from 1 to 7.

    `rests_on` counts ticks, pairs, demonstrations or topics.
    """

    __tablename__ = "screening_scores"

    attempt_id: Mapped[int] = mapped_column(ForeignKey("screening_attempts.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[Part] = mapped_column(choices(Part, "part"), primary_key=True)
    score: Mapped[float] = mapped_column(Double)
    cutoff: Mapped[float] = mapped_column(Double)
    rests_on: Mapped[int]

    @property
    def is_enough(self) -> bool:
        return self.score >= self.cutoff - 1e-9  # 3 of 4 is 75 %, whatever the last bit says


class Mark(Base):
    """A reviewer's mark for one demonstration, 1 to 7."""

    __tablename__ = "screening_marks"
    __table_args__ = (CheckConstraint("mark BETWEEN 1 AND 7", name="mark_in_range"),)

    annotation_id: Mapped[int] = mapped_column(ForeignKey("annotations.id"), primary_key=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    mark: Mapped[int]
    created_at: Mapped[Created]
