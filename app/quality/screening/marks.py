"""Demonstrations of candidates, marked by reviewers who do not see whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, String, cast, exists, func, select
from sqlalchemy.orm import Session, aliased

from app.accounts.models import User
from app.annotations.models import Annotation, AnnotationKind
from app.campaigns.models import Campaign
from app.completions.models import Completion
from app.prompts.models import Prompt
from app.quality.screening.models import Attempt, AttemptState, Mark, Part, Screening, ScreeningPart
from app.quality.screening.queries import tasks_of
from app.quality.screening.scores import Agreement, said_in
from app.tasks.models import Task

WORST, BEST = 1, 7


@dataclass(frozen=True)
class Unmarked:
    """What a reviewer sees: a prompt and a text, and nothing of the person."""

    annotation_id: int
    prompt: Prompt
    text: str


def unmarked_in(session: Session, screening: Screening, most: int) -> list[Unmarked]:
    """Those that attempts wait for, in an order that mixes their authors and stays the same."""
    query = (
        _waiting(screening)
        .join(Prompt, Prompt.id == Task.prompt_id)
        .join(Completion, Completion.id == Annotation.completion_id)
        .with_only_columns(Annotation.id, Prompt, Completion.text)
        .order_by(func.md5(cast(Annotation.id, String)))
    )
    rows = session.execute(query.limit(most))
    return [Unmarked(annotation_id, prompt, text or "") for annotation_id, prompt, text in rows]


def unmarked_count(session: Session, screening: Screening) -> int:
    return session.scalars(select(func.count()).select_from(_waiting(screening).subquery())).one()


def attempts_marked(session: Session, screening: Screening, marks: Mapping[int, int], reviewer: User) -> list[Attempt]:
    """Keep marks by annotation id, and say which attempts had waited for them. What nobody waits for is passed over."""
    waiting = _waiting(screening).with_only_columns(Annotation.id, Attempt).where(Annotation.id.in_(marks))
    rows = session.execute(waiting.with_for_update(of=Attempt)).all()
    for annotation_id, _attempt in rows:
        session.add(Mark(annotation_id=annotation_id, reviewer_id=reviewer.id, mark=marks[annotation_id]))
    session.flush()
    return list({attempt.id: attempt for _annotation_id, attempt in rows}.values())


def mean_mark(session: Session, campaign: Campaign, attempt: Attempt) -> Agreement | None:
    """Over all demonstrations; None while one of them waits for its mark. A skipped one counts as the worst."""
    said = [each for each in said_in(session, campaign, attempt) if each.kind is not AnnotationKind.SKIP]
    marks = _marks_of(session, [each.id for each in said])
    if len(marks) < len(said):
        return None
    total = len(tasks_of(session, campaign))
    skipped = total - len(said)
    return Agreement((sum(marks.values()) + WORST * skipped) / total, total)


def _marks_of(session: Session, annotations: list[int]) -> dict[int, float]:
    """By annotation id, the mean of its reviewers' marks."""
    query = select(Mark.annotation_id, func.avg(Mark.mark)).where(Mark.annotation_id.in_(annotations))
    return {number: float(mark) for number, mark in session.execute(query.group_by(Mark.annotation_id))}


def _waiting(screening: Screening) -> Select[Any]:
    """Demonstrations without a mark, as they stood when their attempts were finished."""
    later = aliased(Annotation)
    revised = exists().where(
        later.assignment_id == Annotation.assignment_id,
        later.revision > Annotation.revision,
        later.created_at <= Attempt.finished_at,
    )
    return (
        select(Annotation.id)
        .join(Task, Task.id == Annotation.task_id)
        .join(ScreeningPart, ScreeningPart.campaign_id == Task.campaign_id)
        .join(Attempt, Attempt.screening_id == ScreeningPart.screening_id)
        .where(
            ScreeningPart.screening_id == screening.id,
            ScreeningPart.part == Part.DEMONSTRATIONS,
            Attempt.number == ScreeningPart.sitting,
            Attempt.labeler_id == Annotation.labeler_id,
            Attempt.state == AttemptState.WAITING,
            Annotation.kind == AnnotationKind.DEMONSTRATION,
            Annotation.created_at <= Attempt.finished_at,
            ~Task.set_aside,
            ~revised,
            ~exists().where(Mark.annotation_id == Annotation.id),
        )
    )
