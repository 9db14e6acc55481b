"""What review says of annotations, as conditions that queries over annotations take."""

from sqlalchemy import ColumnElement, Exists, Select, String, and_, case, cast, exists, func, literal, or_, select

from app.annotations.models import Annotation, AnnotationKind
from app.annotations.review.models import Adjudication, Decision, ReviewDecision
from app.tasks.models import Purpose, Task

KEPT_OUT = or_(
    ReviewDecision.decision == Decision.EXCLUDED,
    and_(
        ReviewDecision.decision == Decision.SENT_BACK,
        ReviewDecision.answer.is_(None),
        ReviewDecision.annotation_id == Annotation.id,
    ),
)
"""Excluded, whatever was revised since; or sent back, until its labeler revises it or stands by it."""

REASON_KEPT_OUT = case(
    (ReviewDecision.decision == Decision.SENT_BACK, literal(Decision.SENT_BACK.value)),
    else_=cast(ReviewDecision.reason, String),
)


def standing_of_it() -> ColumnElement[bool]:
    """That a decision is the one that stands of the annotation's assignment."""
    return and_(ReviewDecision.assignment_id == Annotation.assignment_id, ReviewDecision.standing)


def by_its_labeler() -> ColumnElement[bool]:
    """Not an adjudicator's own ranking; what a reviewer corrected is still its labeler's answer."""
    return Annotation.reviewer_id.is_distinct_from(Annotation.labeler_id)


def is_kept_out() -> Exists:
    """Of datasets, over annotations."""
    return exists().where(standing_of_it(), KEPT_OUT).correlate(Annotation)


def count_kept_out() -> Select[int]:
    """How much reviewers keep out of what further conditions over annotations, their tasks and others choose."""
    return (
        select(func.count(Annotation.assignment_id.distinct()))
        .select_from(ReviewDecision)
        .join(Annotation, standing_of_it())
        .where(KEPT_OUT)
    )


def is_approved() -> Exists:
    """That a reviewer approved, corrected or restored just this revision."""
    kinds = [Decision.APPROVED, Decision.RESTORED]
    approved = and_(ReviewDecision.annotation_id == Annotation.id, ReviewDecision.decision.in_(kinds))
    return (
        exists()
        .where(standing_of_it(), or_(approved, ReviewDecision.correction_id == Annotation.id))
        .correlate(Annotation)
    )


def waits_for_review() -> list[ColumnElement[bool]]:
    """Over annotations joined with tasks: work of labelers on real tasks that no decision has settled.

    What was sent back waits again when its labeler has answered or revised it.
    """
    answered = and_(ReviewDecision.decision == Decision.SENT_BACK, ReviewDecision.answer.is_not(None))
    settled = (
        exists().where(standing_of_it(), ReviewDecision.annotation_id == Annotation.id, ~answered).correlate(Annotation)
    )
    return [
        Annotation.current.is_(True),
        Annotation.surplus.is_(False),
        Annotation.kind != AnnotationKind.SKIP,
        Annotation.reviewer_id.is_(None),
        Task.purpose == Purpose.REAL,
        ~settled,
    ]


def prompts_kept_out() -> Select[int | None]:
    """The numbers of written prompts, every version of those whose annotation is kept out."""
    return (
        select(Annotation.prompt_id)
        .join(ReviewDecision, standing_of_it())
        .where(Annotation.prompt_id.is_not(None), KEPT_OUT)
    )


def is_adjudicated() -> Exists:
    """That this is the annotation that an adjudicator prefers of its task's."""
    return exists().where(Adjudication.annotation_id == Annotation.id, Adjudication.standing).correlate(Annotation)


def is_of_adjudicated_task() -> Exists:
    """That its task was adjudicated, and what was preferred has not been revised since."""
    preferred = Annotation.__table__.alias("preferred")
    standing = (Adjudication.task_id == Annotation.task_id, Adjudication.standing)
    unrevised = (preferred.c.id == Adjudication.annotation_id, preferred.c.current)
    return exists().where(*standing, *unrevised).correlate(Annotation)
