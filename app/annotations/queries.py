"""Reads about annotations."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, select, true
from sqlalchemy.orm import Session, aliased

from app.accounts.models import User
from app.annotations.models import AnnotatedOutput, Annotation, AnnotationKind
from app.campaigns.models import Campaign, CampaignState
from app.completions.models import Completion
from app.prompts.models import Prompt
from app.tasks.models import Assignment, Task

REMEMBERED = 100  # prompts that a new one is held against


@dataclass(frozen=True)
class Progress:
    """What a labeler submitted and how long they were at it, idle time excluded; skips count as time, not as work."""

    done: int = 0
    minutes: int = 0


@dataclass(frozen=True)
class Standing:
    """Where a labeler is: today, in one campaign, and by its number the assignment that may be undone, if one may."""

    today: Progress
    here: Progress
    last_assignment: int | None


@dataclass(frozen=True)
class Past:
    """One line of a labeler's history; a task in which a prompt was to be written and was not has none."""

    annotation: Annotation
    campaign: Campaign
    prompt: Prompt | None


@dataclass(frozen=True)
class Version:
    """What a labeler once said in an assignment: judged outputs by completion id, and the text, if one was written."""

    annotation: Annotation
    outputs: dict[int, AnnotatedOutput]
    text: str | None


@dataclass(frozen=True)
class Answer:
    """One annotation of a task with who made it, its judged outputs by completion id, and its text if it has one."""

    annotation: Annotation
    labeler: User
    outputs: dict[int, AnnotatedOutput]
    text: str | None


def today_of(session: Session, labeler: User, midnight: datetime) -> Progress:
    """Since midnight."""
    query = select(*_work_where(true())).where(Annotation.labeler_id == labeler.id, Annotation.created_at >= midnight)
    return _progress(*session.execute(query).one())


def standing(session: Session, labeler: User, campaign: Campaign, midnight: datetime, undo_since: datetime) -> Standing:
    """What every desk shows. Looks at nothing older than it must: nobody worked in a campaign before it was there."""
    values = {
        "labeler": labeler.id,
        "campaign": campaign.id,
        "midnight": midnight,
        "since": min(midnight, campaign.created_at),
        "undo_since": undo_since,
    }
    *numbers, last = session.execute(_standing(), values).one()
    return Standing(_progress(*numbers[:2]), _progress(*numbers[2:]), last)


@cache  # to put it together takes longer than to have it answered
def _standing() -> Select[*tuple[Any, ...]]:
    today = _work_where(Annotation.created_at >= bindparam("midnight"))
    here = _work_where(Task.campaign_id == bindparam("campaign"))
    return (
        select(*today, *here, _last_assignment().scalar_subquery())
        .join(Task, Task.id == Annotation.task_id)
        .where(Annotation.labeler_id == bindparam("labeler"), Annotation.created_at >= bindparam("since"))
    )


def _last_assignment() -> Select[int | None]:
    """What the labeler did last, where that was to submit something that may still be revised; a skip is final."""
    last = aliased(Annotation)
    undoable = and_(Campaign.state != CampaignState.CLOSED, last.kind != AnnotationKind.SKIP)
    return (
        select(case((undoable, last.assignment_id)))
        .join(Task, Task.id == last.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .where(last.labeler_id == bindparam("labeler"), last.created_at >= bindparam("undo_since"))
        .where(last.reviewer_id.is_(None))
        .order_by(last.created_at.desc(), last.id.desc())
        .limit(1)
    )


def progress_by_campaign(session: Session, labeler: User, campaigns: Sequence[Campaign]) -> dict[int, Progress]:
    """By the ids of those in which the labeler submitted anything. Looks at nothing older than they are."""
    if not campaigns:
        return {}
    since = min(campaign.created_at for campaign in campaigns)
    query = (
        select(Task.campaign_id, *_work_where(true()))
        .join(Task, Task.id == Annotation.task_id)
        .where(Annotation.labeler_id == labeler.id, Annotation.created_at >= since)
        .where(Task.campaign_id.in_([campaign.id for campaign in campaigns]))
        .group_by(Task.campaign_id)
    )
    return {campaign_id: _progress(done, seconds) for campaign_id, done, seconds in session.execute(query)}


def _work_where(condition: ColumnElement[bool]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Tasks done, and seconds at them and at skips: of each task its current annotation, whatever it supersedes."""
    counted = and_(Annotation.current, condition)
    done = func.count().filter(counted, Annotation.kind != AnnotationKind.SKIP)
    return done, func.coalesce(func.sum(Annotation.seconds).filter(counted), 0)


def _progress(done: int, seconds: float | None) -> Progress:
    return Progress(done, round((seconds or 0) / 60))


def history_of(session: Session, labeler: User, page: int, size: int, campaign_id: int | None = None) -> list[Past]:
    """The labeler's current annotations, of one campaign or of all, newest first; pages count from 1."""
    query = (
        select(Annotation, Campaign, Prompt)
        .join(Task, Task.id == Annotation.task_id)
        .join(Campaign, Campaign.id == Task.campaign_id)
        .outerjoin(Prompt, Prompt.id == func.coalesce(Annotation.prompt_id, Task.prompt_id))
        .where(*_in_history(labeler, campaign_id))
        .order_by(Annotation.created_at.desc(), Annotation.id.desc())
        .offset((page - 1) * size)
        .limit(size)
    )
    return [Past(annotation, campaign, prompt) for annotation, campaign, prompt in session.execute(query)]


def history_length(session: Session, labeler: User, campaign_id: int | None = None) -> int:
    query = select(func.count()).select_from(Annotation).join(Task, Task.id == Annotation.task_id)
    return session.scalars(query.where(*_in_history(labeler, campaign_id))).one()


def _in_history(labeler: User, campaign_id: int | None) -> list[ColumnElement[bool]]:
    conditions = [Annotation.labeler_id == labeler.id, Annotation.current.is_(True)]
    return conditions if campaign_id is None else [*conditions, Task.campaign_id == campaign_id]


def campaigns_of_history(session: Session, labeler: User) -> Sequence[Campaign]:
    """Those in which the labeler submitted anything, newest first."""
    worked_in = select(Task.campaign_id).join(Annotation, Annotation.task_id == Task.id)
    query = select(Campaign).where(Campaign.id.in_(worked_in.where(Annotation.labeler_id == labeler.id)))
    return session.scalars(query.order_by(Campaign.id.desc())).all()


def last_assignment(session: Session, labeler: User, since: datetime) -> int | None:
    """The one that the labeler submitted last and may still revise."""
    return session.scalar(_last_assignment(), {"labeler": labeler.id, "undo_since": since})


def versions_of(session: Session, assignment: Assignment) -> list[Version]:
    """All that was ever submitted in it, the current one first."""
    query = (
        select(Annotation, Completion.text, Prompt)
        .outerjoin(Completion, Completion.id == Annotation.completion_id)
        .outerjoin(Prompt, Prompt.id == Annotation.prompt_id)
        .where(Annotation.assignment_id == assignment.id)
        .order_by(Annotation.current.desc(), Annotation.id.desc())
    )
    rows = session.execute(query).all()
    outputs = judged_outputs(session, [row[0] for row in rows])
    return [
        Version(annotation, outputs.get(annotation.id, {}), _written(prompt) if prompt else text)
        for annotation, text, prompt in rows
    ]


def _written(prompt: Prompt) -> str:
    return "\n\n".join(message["content"] for message in prompt.messages)


def prompts_written_before(session: Session, assignment: Assignment, campaign: Campaign) -> Sequence[Prompt]:
    """The labeler's own of the same project, the latest of them, without versions of this one; newest first."""
    query = (
        select(Prompt)
        .join(Annotation, Annotation.prompt_id == Prompt.id)
        .where(
            Annotation.labeler_id == assignment.labeler_id,
            Annotation.current,
            Annotation.assignment_id != assignment.id,
            Prompt.project_id == campaign.project_id,
        )
    )
    return session.scalars(query.order_by(Annotation.created_at.desc()).limit(REMEMBERED)).all()


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
        select(Annotation, User, Completion.text, Prompt)
        .join(User, User.id == Annotation.labeler_id)
        .outerjoin(Completion, Completion.id == Annotation.completion_id)
        .outerjoin(Prompt, Prompt.id == Annotation.prompt_id)
        .where(Annotation.task_id == task.id, Annotation.current)
        .order_by(Annotation.created_at, Annotation.id)
    )
    rows = session.execute(query).all()
    outputs = judged_outputs(session, [row[0] for row in rows])
    return [
        Answer(annotation, labeler, outputs.get(annotation.id, {}), _written(prompt) if prompt else text)
        for annotation, labeler, text, prompt in rows
    ]
