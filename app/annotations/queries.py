"""Reads about annotations."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.accounts.models import User
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.campaigns.models import Campaign
from app.completions.models import Completion
from app.prompts.models import Prompt
from app.tasks.models import Task


@dataclass(frozen=True)
class Today:
    """What a labeler submitted since midnight; skips count as time, not as work done."""

    done: int
    minutes: int


@dataclass(frozen=True)
class Past:
    """One line of a labeler's history."""

    annotation: Annotation
    campaign: Campaign
    prompt: Prompt


@dataclass(frozen=True)
class Answer:
    """One annotation of a task with who made it, its judged outputs by completion id, and its text if it has one."""

    annotation: Annotation
    labeler: User
    outputs: dict[int, AnnotatedOutput]
    text: str | None


def today_of(session: Session, labeler: User, midnight: datetime) -> Today:
    """Revisions of one task count once."""
    done = func.count(Annotation.assignment_id.distinct()).filter(Annotation.kind != AnnotationKind.SKIP)
    seconds = func.coalesce(func.sum(Annotation.seconds).filter(Annotation.current), 0)
    query = select(done, seconds).where(Annotation.labeler_id == labeler.id, Annotation.created_at >= midnight)
    count, total = session.execute(query).one()
    return Today(count, round((total or 0) / 60))


def history_of(session: Session, labeler: User, page: int, size: int) -> list[Past]:
    """The labeler's current annotations, newest first; pages count from 1."""
    query = (
        select(Annotation, Campaign, Prompt)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .join(Prompt, Prompt.id == Task.prompt_id)
        .where(Annotation.labeler_id == labeler.id, Annotation.current)
        .order_by(Annotation.created_at.desc(), Annotation.id.desc())
        .offset((page - 1) * size)
        .limit(size)
    )
    return [Past(annotation, campaign, prompt) for annotation, campaign, prompt in session.execute(query)]


def history_length(session: Session, labeler: User) -> int:
    query = select(func.count()).where(Annotation.labeler_id == labeler.id, Annotation.current)
    return session.scalars(query).one()


def judged_outputs(session: Session, annotations: Iterable[Annotation]) -> dict[int, dict[int, AnnotatedOutput]]:
    """By annotation id, then by completion id."""
    ids = [annotation.id for annotation in annotations]
    found: dict[int, dict[int, AnnotatedOutput]] = defaultdict(dict)
    for output in session.scalars(select(AnnotatedOutput).where(AnnotatedOutput.annotation_id.in_(ids))):
        found[output.annotation_id][output.completion_id] = output
    return found


def answers_to(session: Session, task: Task) -> list[Answer]:
    """All current annotations of a task, skips and surplus ones too, oldest first."""
    query = (
        select(Annotation, User, Completion.text)
        .join(User, User.id == Annotation.labeler_id)
        .outerjoin(Completion, Completion.id == Annotation.completion_id)
        .where(Annotation.task_id == task.id, Annotation.current)
        .order_by(Annotation.created_at, Annotation.id)
    )
    rows = session.execute(query).all()
    outputs = judged_outputs(session, [row[0] for row in rows])
    return [Answer(annotation, labeler, outputs.get(annotation.id, {}), text) for annotation, labeler, text in rows]
